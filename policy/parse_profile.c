/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles: rules that many policies share. Each is read once, one at a time, whoever includes it; its rules
 * are then copied to each purpose, since each purpose is compiled to a table of its own.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "policy/parse.h"

struct profile {
	char *name;
	struct rules rules;
	uint32_t includes; /* bit i: profile i */
	const char *by;	   /* where it was first asked for */
	unsigned line, column;
};

_Static_assert(POLICY_PROFILES_MAX <= 32, "profiles are bits of a uint32_t");

struct profiles {
	policy_profile_fn get;
	void *arg;
	size_t count;
	struct profile list[POLICY_PROFILES_MAX];
};

struct profile_form {
	const struct node *api, *profile, *profiles;
	struct sections sections;
};

#define AT(field) offsetof(struct profile_form, field)

static const struct key keys[] = {
	{"apiVersion", AT(api), "apiVersion: " API_VERSION},
	{"profile", AT(profile), "profile: base"},
	{"profiles", AT(profiles), NULL},
	{"files", AT(sections.files), NULL},
	{"network", AT(sections.network), NULL},
	{"exec", AT(sections.exec), NULL},
	{"ipc", AT(sections.ipc), NULL},
	{"privileges", AT(sections.privileges), NULL},
};
static const struct shape shape = SHAPE("a profile", keys);

int profiles_new(policy_profile_fn get, void *arg, struct profiles **profiles)
{
	struct profiles *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->get = get;
	p->arg = arg;
	*profiles = p;
	return 0;
}

void profiles_free(struct profiles *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++) {
		rules_free(&p->list[i].rules);
		free(p->list[i].name);
	}
	free(p);
}

/* The profile's index; added to the end, to be read in its turn, when it is new. */
static int profile_index(struct reader *r, const struct node *node, struct profiles *p, size_t *index)
{
	struct profile *new;
	size_t i = 0;

	while (i < p->count && strcmp(p->list[i].name, node->text) != 0)
		i++;
	if (i == POLICY_PROFILES_MAX) {
		mistake(r, node, NULL, "more than %u profiles", POLICY_PROFILES_MAX);
		return -EINVAL;
	}
	if (i == p->count) {
		new = &p->list[i];
		*new = (struct profile){.by = r->file, .line = node->line, .column = node->column};
		new->name = strdup(node->text);
		if (!new->name)
			return -ENOMEM;
		p->count++;
	}
	*index = i;
	return 0;
}

/* Writes "from -> ... -> to" when one includes the other, however far. `seen` keeps it to one visit each. */
static bool leads(const struct profiles *p, size_t from, size_t to, uint32_t *seen, char *way, size_t size)
{
	int n = snprintf(way, size, "%s", p->list[from].name);
	size_t used = n < 0 || (size_t)n >= size ? size : (size_t)n;

	if (from == to)
		return true;
	*seen |= 1u << from;
	if (used < size)
		snprintf(way + used, size - used, " -> ");
	used = used + 4 < size ? used + 4 : size;
	for (size_t i = 0; i < p->count; i++)
		if ((p->list[from].includes & ~*seen) >> i & 1 &&
		    leads(p, i, to, seen, way + used, size - used))
			return true;
	return false;
}

struct include {
	struct profiles *p;
	struct profile *from; /* NULL: the policy itself */
};

static int include(struct reader *r, const struct node *node, void *arg)
{
	struct include *in = arg;
	uint32_t seen = 0;
	char way[160];
	size_t i;
	int err;

	if (!check_name(r, node, "a profile's name"))
		return 0;
	err = profile_index(r, node, in->p, &i);
	if (err || !in->from)
		return err;
	if (leads(in->p, i, (size_t)(in->from - in->p->list), &seen, way, sizeof(way)))
		mistake(r, node, NULL, "profiles include each other: %s -> %s", in->from->name, way);
	else
		in->from->includes |= 1u << i;
	return 0;
}

static int profile_take(struct reader *r, const struct node *root, struct profiles *p, struct profile *self)
{
	struct include in = {.p = p, .from = self};
	struct profile_form form = {0};
	const char *name;
	int err = 0;

	map_take(r, root, &shape, &form);
	if (form.api)
		check_api(r, form.api);
	name = form.profile ? scalar(r, form.profile, "profile") : NULL;
	if (name && strcmp(name, self->name) != 0)
		mistake(r, form.profile, "a profile bears the name of its file",
			"profile '%s' calls itself '%s'", self->name, name);
	if (form.profiles)
		err = scalars_each(r, form.profiles, "a profile's name", include, &in);
	return err ? err : sections_read(r, &form.sections, &self->rules);
}

static int profile_read(struct reader *outer, struct profiles *p, struct profile *self, struct policy *policy)
{
	struct reader r = {.errors = outer->errors, .room = POLICY_RULES_MAX};
	_cleanup_free_ char *text = NULL, *file = NULL;
	struct node *root = NULL;
	size_t len = 0;
	int err;

	text = p->get ? p->get(self->name, &len, p->arg) : NULL;
	if (!text) {
		errors_add(outer->errors, self->by, self->line, self->column,
			   "a profile is a file of that name, with .yaml, among the host's profiles",
			   "there is no profile '%s'", self->name);
		return 0;
	}
	if (asprintf(&file, "%s.yaml", self->name) < 0) {
		file = NULL;
		return -ENOMEM;
	}
	err = policy_file(policy, file, &r.file);
	if (!err)
		err = tree_read(&r, text, len, &root);
	if (!err)
		err = profile_take(&r, root, p, self);
	tree_free(root);
	return err;
}

static int path_copy(struct rules *to, const struct path_rule *rule)
{
	struct path_rule *list = list_grow(to->paths, to->path_count, sizeof(*list)), copy = *rule;

	if (!list)
		return -ENOMEM;
	to->paths = list;
	copy.pattern = strdup(rule->pattern);
	copy.label = strdup(rule->label);
	list[to->path_count++] = copy; /* even half of it: rules_free() finds it there */
	return copy.pattern && copy.label ? 0 : -ENOMEM;
}

static int addr_copy(struct rules *to, const struct addr_rule *rule)
{
	struct addr_rule *list = list_grow(to->addrs, to->addr_count, sizeof(*list)), copy = *rule;

	if (!list)
		return -ENOMEM;
	to->addrs = list;
	copy.label = strdup(rule->label);
	copy.ports = calloc(rule->port_count, sizeof(*copy.ports));
	if (copy.ports)
		memcpy(copy.ports, rule->ports, rule->port_count * sizeof(*copy.ports));
	list[to->addr_count++] = copy;
	return copy.ports && copy.label ? 0 : -ENOMEM;
}

static int bit_copy(struct rules *to, const struct mask_bit *bit)
{
	struct mask_bit *list = list_grow(to->bits, to->bit_count, sizeof(*list)), copy = *bit;

	if (!list)
		return -ENOMEM;
	to->bits = list;
	copy.label = strdup(bit->label);
	list[to->bit_count++] = copy;
	return copy.label ? 0 : -ENOMEM;
}

static void mask_copy(struct mask_rule *to, const struct mask_rule *rule)
{
	to->allow |= rule->allow;
	to->deny |= rule->deny;
}

static int rules_copy(struct reader *r, const struct node *list, const struct rules *from, struct rules *to)
{
	int err = 0;

	mask_copy(&to->privileges, &from->privileges);
	mask_copy(&to->sockets, &from->sockets);
	for (size_t i = 0; i < from->path_count && !err; i++) {
		err = rule_room(r, list);
		if (!err)
			err = path_copy(to, &from->paths[i]);
	}
	for (size_t i = 0; i < from->addr_count && !err; i++) {
		err = rule_room(r, list);
		if (!err)
			err = addr_copy(to, &from->addrs[i]);
	}
	for (size_t i = 0; i < from->bit_count && !err; i++) {
		err = rule_room(r, list);
		if (!err)
			err = bit_copy(to, &from->bits[i]);
	}
	return err;
}

int profiles_apply(struct reader *r, const struct node *list, struct profiles *p, struct policy *policy)
{
	struct include in = {.p = p};
	int err = scalars_each(r, list, "a profile's name", include, &in);

	for (size_t i = 0; i < p->count && !err; i++) {
		err = profile_read(r, p, &p->list[i], policy); /* may add to the list */
		if (err == -EINVAL)
			err = 0; /* noted; the other profiles are read all the same */
	}
	for (size_t i = 0; i < policy->purpose_count && !err; i++)
		for (size_t k = 0; k < p->count && !err; k++)
			err = rules_copy(r, list, &p->list[k].rules, &policy->purposes[i].rules);
	return err;
}
