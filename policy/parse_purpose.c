/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "policy/parse.h"

#define NS_PER_S 1000000000ull
#define TTL_HINT "a whole number and a unit, up to 24 hours: 30s, 15m or 2h"

struct purpose_form {
	const struct node *ttl, *on_revoke, *open_roads, *audit, *delegate;
	struct sections sections;
};

#define AT(field) offsetof(struct purpose_form, field)

static const struct key keys[] = {
	{"ttl", AT(ttl), "ttl: 15m"},
	{"files", AT(sections.files), NULL},
	{"network", AT(sections.network), NULL},
	{"exec", AT(sections.exec), NULL},
	{"ipc", AT(sections.ipc), NULL},
	{"privileges", AT(sections.privileges), NULL},
	{"on_revoke", AT(on_revoke), NULL},
	{"open_roads", AT(open_roads), NULL},
	{"audit", AT(audit), NULL},
	{"delegate", AT(delegate), NULL},
};
static const struct shape shape = SHAPE("a purpose", keys);

static const struct {
	char suffix;
	unsigned seconds;
} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}};

static bool ttl_parse(const char *text, uint64_t *seconds)
{
	size_t len = strlen(text);
	uint64_t n;

	for (size_t i = 0; len && i < COUNT(units); i++) {
		if (text[len - 1] != units[i].suffix)
			continue;
		if (!number_parse(text, len - 1, POLICY_TTL_MAX / units[i].seconds, &n) || n == 0)
			return false;
		*seconds = n * units[i].seconds;
		return true;
	}
	return false;
}

static void ttl_read(struct reader *r, const struct node *node, struct policy_grant *terms)
{
	const char *text = scalar(r, node, "ttl");
	uint64_t seconds;

	if (!text)
		return;
	if (ttl_parse(text, &seconds))
		terms->ttl_ns = seconds * NS_PER_S;
	else
		mistake(r, node, TTL_HINT, "'%s' is not a time to live", text);
}

/* Which of two words: *is_first tells, and is left alone on a mistake. */
static void choice_read(struct reader *r, const struct node *node, const char *key,
			const char *const words[2], bool *is_first)
{
	const char *text = scalar(r, node, key);

	if (!text)
		return;
	if (strcmp(text, words[0]) != 0 && strcmp(text, words[1]) != 0)
		mistake_word(r, node, key, words, 2);
	else
		*is_first = strcmp(text, words[0]) == 0;
}

static const char *const revoke_words[] = {"kill", "deny"};
static const char *const road_words[] = {"accept", "refuse"};

static const char *const audit_words[] = {"denials", "changes", "all"};
static const unsigned audit_bits[] = {0, SLOT_AUDIT_CHANGE, SLOT_AUDIT_ALL};

static void audit_read(struct reader *r, const struct node *node, struct policy_grant *terms)
{
	const char *text = scalar(r, node, "audit");

	if (!text)
		return;
	for (size_t i = 0; i < COUNT(audit_words); i++) {
		if (strcmp(audit_words[i], text) == 0) {
			terms->audit = audit_bits[i];
			return;
		}
	}
	if (strcmp(text, "required") == 0)
		mistake(r, node, "'audit: all' records every operation that the event ring has room for",
			"'audit: required' is not enforced by this version");
	else
		mistake_word(r, node, "audit", audit_words, COUNT(audit_words));
}

static int paths_read(struct reader *r, const struct node *list, const struct path_section *section,
		      const char *what, struct rules *rules)
{
	struct path_target to = {section, rules};

	return list ? items_each(r, list, what, path_rule_read, &to) : 0;
}

int sections_read(struct reader *r, const struct sections *s, struct rules *rules)
{
	int err = paths_read(r, s->files, &file_section, "files", rules);

	if (!err && s->network)
		err = items_each(r, s->network, "network", net_rule_read, rules);
	if (!err)
		err = paths_read(r, s->exec, &exec_section, "exec", rules);
	if (!err)
		err = paths_read(r, s->ipc, &ipc_section, "ipc", rules);
	if (!err && s->privileges)
		err = privileges_read(r, s->privileges, rules);
	return err;
}

static int purpose_read(struct reader *r, const struct node *name, const struct node *map, struct purpose *p)
{
	struct purpose_form form = {0};

	p->terms.kill = true;
	check_name(r, name, "a purpose's name");
	p->name = strdup(name->text);
	if (!p->name)
		return -ENOMEM;
	map_take(r, map, &shape, &form);
	if (form.ttl)
		ttl_read(r, form.ttl, &p->terms);
	if (form.on_revoke)
		choice_read(r, form.on_revoke, "on_revoke", revoke_words, &p->terms.kill);
	if (form.open_roads)
		choice_read(r, form.open_roads, "open_roads", road_words, &p->terms.open_roads);
	if (form.audit)
		audit_read(r, form.audit, &p->terms);
	if (form.delegate)
		delegate_read(r, form.delegate, &p->terms);
	return sections_read(r, &form.sections, &p->rules);
}

int purposes_read(struct reader *r, const struct node *map, struct policy *policy)
{
	int err = 0;

	if (map->kind != NODE_MAP || !map->count) {
		mistake(r, map, "such as 'fix-issue: {ttl: 15m}'",
			"purposes must be a mapping of names to purposes");
		return 0;
	}
	map_check_keys(r, map, POLICY_PURPOSES_MAX, "purposes");
	policy->purposes = calloc(POLICY_PURPOSES_MAX, sizeof(*policy->purposes));
	if (!policy->purposes)
		return -ENOMEM;
	for (const struct node *k = map->child; k && !err && policy->purpose_count < POLICY_PURPOSES_MAX;
	     k = k->next->next)
		err = purpose_read(r, k, k->next, &policy->purposes[policy->purpose_count++]);
	return err;
}
