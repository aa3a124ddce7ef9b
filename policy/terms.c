/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "policy/parse.h"

#define LOCAL	  "uid:"
#define ANY_LOCAL "uid:*"

const char *policy_name(const struct policy *policy)
{
	return policy->name;
}

const char *policy_purpose(const struct policy *policy, size_t i)
{
	return i < policy->purpose_count ? policy->purposes[i].name : NULL;
}

/* Whether an owner's name is of this form, and more than its beginning. */
static bool form_is(const char *owner, const char *form)
{
	size_t len = strlen(form);

	return strncmp(owner, form, len) == 0 && owner[len];
}

/* The caller has proven that he is this owner. Any local user is one of uid:*; the forms of others stand for
 * nobody but who is written out. */
bool policy_owned_by(const struct policy *policy, const char *owner)
{
	bool local = form_is(owner, LOCAL);

	if (!local && !form_is(owner, "ssh:SHA256:") && !form_is(owner, "oidc:"))
		return false;
	if (strcmp(owner, ANY_LOCAL) == 0)
		return false;
	for (size_t i = 0; i < policy->owner_count; i++)
		if ((local && strcmp(policy->owners[i], ANY_LOCAL) == 0) ||
		    strcmp(policy->owners[i], owner) == 0)
			return true;
	return false;
}

int policy_terms(const struct policy *policy, const char *purpose, struct policy_grant *grant)
{
	for (size_t i = 0; i < policy->purpose_count; i++) {
		if (strcmp(policy->purposes[i].name, purpose) == 0) {
			*grant = policy->purposes[i].terms;
			return 0;
		}
	}
	return -ENOENT;
}
