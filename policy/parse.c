/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "policy/parse.h"

struct policy_form {
	const struct node *api, *name, *owner, *profiles, *purposes;
};

#define AT(field) offsetof(struct policy_form, field)

static const struct key keys[] = {
	{"apiVersion", AT(api), "apiVersion: " API_VERSION},
	{"name", AT(name), "name: coder"},
	{"owner", AT(owner), "owner: {any_of: [uid:alice]}"},
	{"profiles", AT(profiles), NULL},
	{"purposes", AT(purposes), "purposes: {fix-issue: {ttl: 15m}}"},
};
static const struct shape shape = SHAPE("a policy", keys);

struct owner_form {
	const struct node *any_of;
};

static const struct key owner_keys[] = {
	{"any_of", offsetof(struct owner_form, any_of), "any_of: [uid:alice]"},
};
static const struct shape owner_shape = SHAPE("owner", owner_keys);

static int owner_each(struct reader *r, const struct node *node, void *arg)
{
	struct policy *policy = arg;

	if (!check_owner(r, node))
		return 0;
	if (policy->owner_count == POLICY_OWNERS_MAX) {
		mistake(r, node, NULL, "more than %u owners", POLICY_OWNERS_MAX);
		return -EINVAL;
	}
	policy->owners[policy->owner_count] = strdup(node->text);
	return policy->owners[policy->owner_count++] ? 0 : -ENOMEM;
}

static int owner_read(struct reader *r, const struct node *map, struct policy *policy)
{
	struct owner_form form = {0};

	policy->owners = calloc(POLICY_OWNERS_MAX, sizeof(*policy->owners));
	if (!policy->owners)
		return -ENOMEM;
	map_take(r, map, &owner_shape, &form);
	return form.any_of ? scalars_each(r, form.any_of, "an owner", owner_each, policy) : 0;
}

int policy_file(struct policy *policy, const char *name, const char **file)
{
	char **list = list_grow(policy->files, policy->file_count, sizeof(*list));
	char *copy;

	if (!list)
		return -ENOMEM;
	policy->files = list;
	/* No longer than errors show it: every label holds it again. */
	copy = strndup(name, sizeof(((struct policy_error *)NULL)->file) - 1);
	if (!copy)
		return -ENOMEM;
	text_clean(copy);
	list[policy->file_count++] = copy;
	*file = copy;
	return 0;
}

static int policy_take(struct reader *r, const struct node *root, struct profiles *profiles,
		       struct policy *policy)
{
	struct policy_form form = {0};
	int err = 0;

	map_take(r, root, &shape, &form);
	if (form.api)
		check_api(r, form.api);
	if (form.name && check_name(r, form.name, "a policy's name")) {
		policy->name = strdup(form.name->text);
		err = policy->name ? 0 : -ENOMEM;
	}
	if (form.owner && !err)
		err = owner_read(r, form.owner, policy);
	if (form.purposes && !err)
		err = purposes_read(r, form.purposes, policy);
	if (form.profiles && !err)
		err = profiles_apply(r, form.profiles, profiles, policy);
	return err;
}

static int policy_read(struct reader *r, const char *text, size_t len, struct profiles *profiles,
		       struct policy *policy)
{
	struct node *root = NULL;
	size_t before = mistakes(r);
	int err = tree_read(r, text, len, &root);

	if (!err)
		err = policy_take(r, root, profiles, policy);
	if (!err && mistakes(r) != before)
		err = -EINVAL;
	tree_free(root);
	return err;
}

int policy_parse(const char *file, const char *text, size_t len, policy_profile_fn profile, void *arg,
		 struct policy_errors *errors, struct policy **policy)
{
	struct reader r = {.errors = errors, .room = POLICY_RULES_MAX};
	struct policy *p = calloc(1, sizeof(*p));
	struct profiles *profiles = NULL;
	int err = p ? policy_file(p, file, &r.file) : -ENOMEM;

	if (!err)
		err = profiles_new(profile, arg, &profiles);
	if (!err)
		err = policy_read(&r, text, len, profiles, p);
	profiles_free(profiles);
	if (err) {
		errors_sort(errors);
		policy_free(p);
		return err;
	}
	*policy = p;
	return 0;
}
