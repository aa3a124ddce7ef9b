/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/issuer.h"
#include "common/cleanup.h"
#include "common/types.h"
#include "daemon/config_private.h"

#define CLOCKS_DIFFER 300 /* seconds */

typedef int (*setter)(const char *value, void *field);

static int set_text(const char *value, void *field)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*(char **)field);
	*(char **)field = copy;
	return 0;
}

static int set_issuer(const char *value, void *field)
{
	return issuer_ok(value) ? set_text(value, field) : -EINVAL;
}

static int set_bool(const char *value, void *field)
{
	if (strcmp(value, "true") && strcmp(value, "false"))
		return -EINVAL;
	*(bool *)field = value[0] == 't';
	return 0;
}

int config_seconds(const char *text, uint64_t most, uint64_t *seconds)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}};
	char *end;
	unsigned long n;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	n = strtoul(text, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (end[0] != units[i].unit || end[1] || n > most / units[i].seconds)
			continue;
		*seconds = n * units[i].seconds;
		return 0;
	}
	return -EINVAL;
}

static int set_duration(const char *value, void *field)
{
	uint64_t seconds;
	int err = config_seconds(value, 86400, &seconds);

	if (err || !seconds)
		return -EINVAL;
	*(uint64_t *)field = seconds * 1000000000ull;
	return 0;
}

static int set_days(const char *value, void *field)
{
	char *end;
	unsigned long n;

	if (value[0] < '0' || value[0] > '9')
		return -EINVAL;
	n = strtoul(value, &end, 10);
	if (strcmp(end, "d") || !n || n > 365)
		return -EINVAL;
	*(int64_t *)field = (int64_t)n * 86400;
	return 0;
}

static int set_count(const char *value, void *field)
{
	struct config_count *count = field;
	char *end;
	unsigned long n;

	if (value[0] < '0' || value[0] > '9')
		return -EINVAL;
	n = strtoul(value, &end, 10);
	if (*end || n < count->least || n > count->most)
		return -EINVAL;
	count->value = (uint32_t)n;
	return 0;
}

static const struct key {
	const char *name;
	setter set;
	size_t field;
	const char *hint;
} keys[] = {
	{"max_ttl", set_duration, offsetof(struct config, max_ttl_ns), "a duration up to 24h, such as 30m"},
	{"max_life", set_duration, offsetof(struct config, max_life_ns), "a duration up to 24h, such as 8h"},
	{"max_renewals", set_count, offsetof(struct config, max_renewals), "a number from 0 to 10000"},
	{"profile_dir", set_text, offsetof(struct config, profile_dir), "a directory"},
	{"policy_dir", set_text, offsetof(struct config, policy_dir), "a directory"},
	{"allowed_signers", set_text, offsetof(struct config, allowed_signers),
	 "a file as ssh-keygen(1) has it"},
	{"seal_key", set_text, offsetof(struct config, seal_key), "a file outside of the state directory"},
	{"rotate_after", set_days, offsetof(struct config, rotate_after), "1d to 365d"},
	{"issuer", set_issuer, offsetof(struct config, issuer),
	 "https://HOST or https://HOST:PORT, in lower case"},
	{"user", set_text, offsetof(struct config, user), "a user name"},
	{"pin_dir", set_text, offsetof(struct config, pin_dir), "a directory on a bpf file system"},
	{"user_policies", set_bool, offsetof(struct config, user_policies), "true or false"},
	{"max_grants", set_count, offsetof(struct config, max_grants), "a number from 1 to 16383"},
	{"max_tasks", set_count, offsetof(struct config, max_tasks), "a number from 1 to 131072"},
	{"keep_enforcing", set_bool, offsetof(struct config, keep_enforcing), "true or false"},
};

int config_complain(const struct config_text *text, const yaml_mark_t *at, const char *what,
		    const char *about)
{
	fprintf(stderr, "deputyd: %s:%zu:%zu: %s: %s\n", text->path, at->line + 1, at->column + 1, about,
		what);
	return -EINVAL;
}

const char *config_scalar(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

static int apply_pair(const struct config_text *text, const yaml_node_t *key, const yaml_node_t *value,
		      struct config *config)
{
	const char *name = config_scalar(key), *word = config_scalar(value);

	if (!name)
		return config_complain(text, &key->start_mark, "keys are plain words", "?");
	if (!strcmp(name, "issuers"))
		return config_issuers(text, value, &config->issuers);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].name, name))
			continue;
		if (!word || keys[i].set(word, (char *)config + keys[i].field))
			return config_complain(text, &value->start_mark, keys[i].hint, name);
		return 0;
	}
	return config_complain(text, &key->start_mark, "unknown key; see deputyd(8)", name);
}

static int apply_document(const struct config_text *text, struct config *config)
{
	yaml_node_t *root = yaml_document_get_root_node(text->doc);

	if (!root) /* an empty file: the defaults */
		return 0;
	if (root->type != YAML_MAPPING_NODE)
		return config_complain(text, &root->start_mark, "expected `key: value` lines",
				       "configuration");
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
		int r = apply_pair(text, yaml_document_get_node(text->doc, p->key),
				   yaml_document_get_node(text->doc, p->value), config);

		if (r)
			return r;
	}
	return 0;
}

static int apply_file(const char *path, FILE *file, struct config *config)
{
	yaml_parser_t parser;
	yaml_document_t doc;
	struct config_text text = {path, &doc};
	int r;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_file(&parser, file);
	if (yaml_parser_load(&parser, &doc)) {
		r = apply_document(&text, config);
		yaml_document_delete(&doc);
	} else {
		r = config_complain(&text, &parser.problem_mark, parser.problem ?: "unreadable", "not YAML");
	}
	yaml_parser_delete(&parser);
	return r;
}

static int config_defaults(struct config *c)
{
	*c = (struct config){
		.max_ttl_ns = 3600ull * 1000000000,
		.profile_dir = strdup("/usr/share/deputy/profiles"),
		.policy_dir = strdup("/etc/deputy/policy.d"),
		.issuer = strdup(ISSUER_DEFAULT),
		.user = strdup("deputy"),
		.max_life_ns = 8 * 3600ull * 1000000000,
		.max_renewals = {64, 10000, 0},
		.max_grants = {SLOTS_MAX - 1, SLOTS_MAX - 1, 1},
		.max_tasks = {TASKS_MAX, TASKS_MAX, 1},
		.rotate_after = 30 * 86400,
		.user_policies = true,
	};
	return c->profile_dir && c->policy_dir && c->issuer && c->user ? 0 : -ENOMEM;
}

void config_free(struct config *c)
{
	free(c->profile_dir);
	free(c->policy_dir);
	free(c->allowed_signers);
	if (c->issuers)
		oidc_issuers_free(c->issuers);
	free(c->issuers);
	free(c->seal_key);
	free(c->issuer);
	free(c->user);
	free(c->pin_dir);
	*c = (struct config){0};
}

int config_read(const char *path, bool required, struct config *config)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	int r = file || (errno == ENOENT && !required) ? 0 : -errno;

	if (r) {
		fprintf(stderr, "deputyd: %s: %s\n", path, strerror(-r));
		return r;
	}
	r = config_defaults(config);
	if (!r && file)
		r = apply_file(path, file, config);
	if (r)
		config_free(config);
	return r;
}

int64_t config_keys_keep(const struct config *c)
{
	return (int64_t)(c->max_ttl_ns / 1000000000) + CLOCKS_DIFFER;
}
