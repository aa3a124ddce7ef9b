/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/selection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/fold.h"

/* ---- what is named ---- */

static const char *const names[SELECTS] = {
	[SELECT_OWNER] = "owner",     [SELECT_POLICY] = "policy", [SELECT_POLICY_DIGEST] = "policy_digest",
	[SELECT_PURPOSE] = "purpose", [SELECT_KEY] = "key",
};

static const char **selection_member(struct selection *s, const char *name)
{
	for (int i = 0; i < SELECTS; i++)
		if (strcmp(names[i], name) == 0)
			return &s->value[i];
	return strcmp(name, "mode") == 0 ? &s->mode : NULL;
}

static int selection_take(struct selection *s, const char *name, const json_t *value, struct answer *a)
{
	const char **member = selection_member(s, name);

	if (!member)
		return answer_problem(a, PROBLEM_BAD_REQUEST, "unknown member \"%s\"", name);
	if (!json_is_string(value))
		return answer_problem(a, PROBLEM_BAD_REQUEST, "\"%s\" must be a string", name);
	if (!json_string_length(value))
		return answer_problem(a, PROBLEM_BAD_REQUEST, "\"%s\" is empty", name);
	if (json_string_length(value) > SELECTION_VALUE_MAX)
		return answer_problem(a, PROBLEM_BAD_REQUEST, "\"%s\" has %zu bytes; the limit is %u", name,
				      json_string_length(value), SELECTION_VALUE_MAX);
	*member = json_string_value(value);
	return 0;
}

static int selection_check(const struct selection *s, struct answer *a)
{
	if (s->mode && strcmp(s->mode, "kill") != 0 && strcmp(s->mode, "deny") != 0)
		return answer_problem(a, PROBLEM_BAD_REQUEST, "\"mode\" must be kill or deny");
	for (int i = 0; i < SELECTS; i++)
		if (s->value[i])
			return 0;
	return answer_problem(
		a, PROBLEM_BAD_REQUEST,
		"what to revoke? name an owner, policy, policy_digest, purpose or key, or several of them");
}

int selection_decode(const char *body, size_t size, struct selection *s, struct answer *answer)
{
	json_error_t e;
	json_auto_t *root = json_loadb(body, size, JSON_REJECT_DUPLICATES, &e);
	struct selection found = {.root = root};
	const char *name;
	json_t *value;
	int err;

	if (!root)
		return answer_problem(answer, PROBLEM_BAD_REQUEST, "the body is not JSON: %d:%d: %s", e.line,
				      e.column, e.text);
	if (!json_is_object(root))
		return answer_problem(answer, PROBLEM_BAD_REQUEST, "the body must be a JSON object");
	json_object_foreach (root, name, value) {
		err = selection_take(&found, name, value, answer);
		if (err)
			return err;
	}
	err = selection_check(&found, answer);
	if (err)
		return err;
	*s = found;
	json_incref(root);
	return 0;
}

void selection_free(struct selection *s)
{
	json_decref(s->root);
	*s = (struct selection){0};
}

void selection_text(const struct selection *s, char text[SELECTION_TEXT_MAX])
{
	char whole[SELECTS * (SELECTION_VALUE_MAX + 20)] = "";
	size_t n = 0;

	for (int i = 0; i < SELECTS; i++)
		if (s->value[i])
			n += (size_t)snprintf(whole + n, sizeof(whole) - n, "%s%s %s", n ? ", " : "",
					      names[i], s->value[i]);
	text_copy(text, SELECTION_TEXT_MAX, whole);
}

/* ---- which grants have it ---- */

static bool owner_matches(const struct grant *g, const char *owner)
{
	if (strcmp(g->owner, owner) == 0)
		return true;
	/* A name that fills its room may be one that was cut short: another's. */
	return strncmp(g->owner, "uid:", 4) == 0 && strncmp(owner, "uid:", 4) == 0 &&
	       strlen(g->user) < GRANT_NAME_BYTES - 1 && strcmp(owner + 4, g->user) == 0;
}

static bool policy_matches(const struct grant *g, const char *policy)
{
	return strcmp(g->policy, policy) == 0;
}

static bool digest_matches(const struct grant *g, const char *digest)
{
	return strcmp(g->digest, digest) == 0;
}

static bool purpose_matches(const struct grant *g, const char *purpose)
{
	return strcmp(g->purpose, purpose) == 0;
}

static bool key_matches(const struct grant *g, const char *key)
{
	if (strncmp(g->owner, "ssh:", 4) == 0 && strcmp(g->owner + 4, key) == 0)
		return true;
	return g->link && fold_is_signed_by(g->link, key);
}

bool selection_matches(const struct selection *s, const struct grant *g)
{
	static bool (*const matches[SELECTS])(const struct grant *g, const char *value) = {
		[SELECT_OWNER] = owner_matches,
		[SELECT_POLICY] = policy_matches,
		[SELECT_POLICY_DIGEST] = digest_matches,
		[SELECT_PURPOSE] = purpose_matches,
		[SELECT_KEY] = key_matches,
	};

	for (int i = 0; i < SELECTS; i++)
		if (s->value[i] && !matches[i](g, s->value[i]))
			return false;
	return true;
}

/* ---- the topmost of those that are meant ---- */

static bool picked(const struct grant *g, grant_filter filter, const void *arg)
{
	return g->state == GRANT_LIVE && g->held && filter(g, arg);
}

/* Whether a grant goes with one above it that is meant, too. */
static bool picked_above(const struct grant *g, grant_filter filter, const void *arg)
{
	while ((g = g->above))
		if (picked(g, filter, arg))
			return true;
	return false;
}

int selection_pick(const struct registry *grants, grant_filter filter, const void *arg, struct cut **cuts,
		   size_t *count)
{
	struct cut *list = NULL;
	size_t n = 0, room = 0;

	for (struct grant *g = grants->by_id; g; g = g->hh.next) {
		if (!picked(g, filter, arg) || picked_above(g, filter, arg))
			continue;
		if (n == room) {
			struct cut *more = reallocarray(list, room = room ? 2 * room : 16, sizeof(*list));

			if (!more) {
				free(list);
				return -ENOMEM;
			}
			list = more;
		}
		list[n++] = (struct cut){.top = g, .kill = g->kill};
	}
	*cuts = list;
	*count = n;
	return 0;
}

struct finding {
	const struct selection *selection;
	const struct caller *caller;
};

static bool finding_has(const struct grant *g, const void *arg)
{
	const struct finding *f = arg;

	return access_sees(g, f->caller) && selection_matches(f->selection, g);
}

int selection_find(const struct selection *s, const struct registry *grants, const struct caller *caller,
		   struct cut **cuts, size_t *count)
{
	const struct finding f = {s, caller};
	int err = selection_pick(grants, finding_has, &f, cuts, count);

	for (size_t i = 0; !err && s->mode && i < *count; i++)
		(*cuts)[i].kill = strcmp(s->mode, "kill") == 0;
	return err;
}
