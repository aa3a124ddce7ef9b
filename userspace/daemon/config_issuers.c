/* SPDX-License-Identifier: Apache-2.0 */
/* `issuers` in deputyd.yaml: whose ID tokens prove an owner. Deciding about people, it is read strictly. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config_private.h"

#define AGE_MAX	 86400u /* seconds */
#define SKEW_MAX 300u	/* past that a clock is not off but wrong */

typedef int (*setter)(const struct config_text *text, const yaml_node_t *node, void *field);

/* ---- values ---- */

static int set_text(const struct config_text *text, const yaml_node_t *node, void *field)
{
	const char *word = config_scalar(node);

	(void)text;
	if (!word || !*word)
		return -EINVAL;
	*(char **)field = strdup(word);
	return *(char **)field ? 0 : -ENOMEM;
}

static int list_add(const struct config_text *text, const yaml_node_t *node, struct oidc_list *list)
{
	int err;

	if (list->count == OIDC_LIST_MAX)
		return -EINVAL;
	err = set_text(text, node, &list->list[list->count]);
	list->count += !err;
	return err;
}

/* One text may stand for a list of it. */
static int set_list(const struct config_text *text, const yaml_node_t *node, void *field)
{
	int err = 0;

	if (node->type != YAML_SEQUENCE_NODE)
		return list_add(text, node, field);
	if (node->data.sequence.items.start == node->data.sequence.items.top)
		return -EINVAL;
	for (yaml_node_item_t *i = node->data.sequence.items.start; !err && i < node->data.sequence.items.top;
	     i++)
		err = list_add(text, yaml_document_get_node(text->doc, *i), field);
	return err;
}

static int set_seconds(const yaml_node_t *node, uint64_t most, int64_t *field)
{
	const char *word = config_scalar(node);
	uint64_t seconds;

	if (!word || config_seconds(word, most, &seconds))
		return -EINVAL;
	*field = (int64_t)seconds;
	return 0;
}

static int set_age(const struct config_text *text, const yaml_node_t *node, void *field)
{
	int64_t seconds;

	(void)text;
	if (set_seconds(node, AGE_MAX, &seconds) || !seconds)
		return -EINVAL;
	*(int64_t *)field = seconds;
	return 0;
}

static int set_skew(const struct config_text *text, const yaml_node_t *node, void *field)
{
	(void)text;
	return set_seconds(node, SKEW_MAX, field);
}

static int set_owner(const struct config_text *text, const yaml_node_t *node, void *field)
{
	const char *word = config_scalar(node);

	(void)text;
	if (!word || (strcmp(word, "email") && strcmp(word, "sub")))
		return -EINVAL;
	*(bool *)field = word[0] == 'e';
	return 0;
}

static int require_add(const struct config_text *text, const yaml_node_pair_t *pair,
		       struct oidc_issuer *issuer)
{
	struct oidc_claim *claim = &issuer->require[issuer->requires];
	int err;

	if (issuer->requires == OIDC_LIST_MAX)
		return -EINVAL;
	err = set_text(text, yaml_document_get_node(text->doc, pair->key), &claim->name);
	if (err)
		return err;
	issuer->
		requires
	++;
	for (unsigned i = 0; i + 1 < issuer->requires; i++)
		if (!strcmp(issuer->require[i].name, claim->name))
			return -EINVAL;
	return set_list(text, yaml_document_get_node(text->doc, pair->value), &claim->any_of);
}

static int set_require(const struct config_text *text, const yaml_node_t *node, void *field)
{
	int err = 0;

	if (node->type != YAML_MAPPING_NODE)
		return -EINVAL;
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; !err && p < node->data.mapping.pairs.top;
	     p++)
		err = require_add(text, p, field);
	return err;
}

/* ---- one issuer ---- */

#define AT(member) offsetof(struct oidc_issuer, member)

static const struct key {
	const char *name;
	setter set;
	size_t field;
	const char *hint;
} keys[] = {
	{"issuer", set_text, AT(issuer), "https://..., exactly as its tokens have it in `iss`"},
	{"audience", set_list, AT(audience), "the client id that the issuer gave to Deputy, or a list"},
	{"other_audiences", set_list, AT(other_audiences), "who else may stand in `aud`: a list"},
	{"algorithms", set_list, AT(algorithms), "a list such as [ES256, EdDSA]"},
	{"jwks", set_text, AT(jwks), "the absolute path of a file"},
	{"skew", set_skew, AT(skew), "a duration from 0s to 5m"},
	{"max_age", set_age, AT(max_age), "a duration up to 24h, such as 10m"},
	{"max_auth_age", set_age, AT(max_auth_age), "a duration up to 24h, such as 1h"},
	{"owner", set_owner, AT(by_email), "email or sub"},
	{"domains", set_list, AT(domains), "those whose addresses this issuer speaks for: a list"},
	{"require", set_require, 0, "claims and what each must be: {acr: [phr, phrh], groups: deputy}"},
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static int issuer_pair(const struct config_text *text, const yaml_node_t *key, const yaml_node_t *value,
		       bool seen[KEYS], struct oidc_issuer *issuer)
{
	const char *name = config_scalar(key);
	int err;

	if (!name)
		return config_complain(text, &key->start_mark, "keys are plain words", "issuers");
	for (size_t i = 0; i < KEYS; i++) {
		if (strcmp(keys[i].name, name))
			continue;
		if (seen[i])
			return config_complain(text, &key->start_mark, "given twice", name);
		seen[i] = true;
		err = keys[i].set(text, value, (char *)issuer + keys[i].field);
		return err == -EINVAL ? config_complain(text, &value->start_mark, keys[i].hint, name) : err;
	}
	return config_complain(text, &key->start_mark, "unknown key of an issuer; see deputyd(8)", name);
}

static int issuer_fill(const struct config_text *text, const yaml_node_t *node, struct oidc_issuer *issuer)
{
	bool seen[KEYS] = {false};

	if (node->type != YAML_MAPPING_NODE)
		return config_complain(text, &node->start_mark, "expected {issuer: ..., audience: ..., ...}",
				       "issuers");
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		int err = issuer_pair(text, yaml_document_get_node(text->doc, p->key),
				      yaml_document_get_node(text->doc, p->value), seen, issuer);

		if (err)
			return err;
	}
	return 0;
}

static int issuer_add(const struct config_text *text, const yaml_node_t *node, struct oidc_issuers *issuers)
{
	struct oidc_issuer *issuer = &issuers->list[issuers->count];
	const char *mistake;
	int err;

	if (issuers->count == OIDC_ISSUERS_MAX)
		return config_complain(text, &node->start_mark, "more than 16", "issuers");
	oidc_issuer_defaults(issuer);
	err = issuer_fill(text, node, issuer);
	mistake = err ? NULL : oidc_issuer_mistake(issuers, issuer);
	issuers->count++; /* oidc_issuers_free() has it in any case */
	return mistake ? config_complain(text, &node->start_mark, mistake, "issuers") : err;
}

/* ---- all of them ---- */

static int issuers_fill(const struct config_text *text, const yaml_node_t *list, struct oidc_issuers *issuers)
{
	int err = 0;

	for (yaml_node_item_t *i = list->data.sequence.items.start; !err && i < list->data.sequence.items.top;
	     i++)
		err = issuer_add(text, yaml_document_get_node(text->doc, *i), issuers);
	return err;
}

int config_issuers(const struct config_text *text, const yaml_node_t *list, struct oidc_issuers **issuers)
{
	struct oidc_issuers *all;
	int err;

	if (*issuers)
		return config_complain(text, &list->start_mark, "given twice", "issuers");
	if (list->type != YAML_SEQUENCE_NODE)
		return config_complain(text, &list->start_mark, "a list of issuers, each with a `-`",
				       "issuers");
	all = calloc(1, sizeof(*all));
	err = all ? issuers_fill(text, list, all) : -ENOMEM;
	if (!err) {
		*issuers = all;
		return 0;
	}
	if (all)
		oidc_issuers_free(all);
	free(all);
	return err;
}
