/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/event_filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/user.h"

/* As grants keep the name, which is a user's own when it fits: user_find(). */
static void filter_user(uid_t uid, struct event_filter *f)
{
	struct user user;

	user_find(uid, &user);
	snprintf(f->owner, sizeof(f->owner), "uid:%u", (unsigned)uid);
	if (strlen(user.name) < sizeof(f->user))
		strcpy(f->user, user.name);
}

/* Who may see what: as access_sees(), for lines in place of grants. */
static int filter_caller(struct exchange *x, struct event_filter *f)
{
	const struct caller *c = &x->caller;
	const struct grant *own = registry_by_tag(&x->broker->grants, c->slot, c->gen);

	if (c->slot && !own)
		return answer_problem(&x->answer, PROBLEM_FORBIDDEN,
				      "under a grant of an earlier run of the daemon");
	if (c->slot)
		strcpy(f->own, own->id);
	else if (c->uid)
		filter_user(c->uid, f);
	return 0;
}

static int filter_word(struct exchange *x, const char *name, char *word, size_t size)
{
	const char *value = http_argument(x, name);

	if (value && (!*value || strlen(value) >= size))
		return answer_problem(&x->answer, PROBLEM_BAD_REQUEST, "\"%s\" is empty or too long", name);
	if (value)
		strcpy(word, value);
	return 0;
}

int event_filter_init(struct exchange *x, struct event_filter *f)
{
	const char *pid = http_argument(x, "pid");
	int err;

	memset(f, 0, sizeof(*f));
	err = filter_caller(x, f);
	if (!err)
		err = filter_word(x, "grant", f->prefix, sizeof(f->prefix));
	if (!err)
		err = filter_word(x, "verdict", f->verdict, sizeof(f->verdict));
	if (err || !pid)
		return err;
	if (!*pid || strlen(pid) > 9 || pid[strspn(pid, "0123456789")] || atoll(pid) == 0)
		return answer_problem(&x->answer, PROBLEM_BAD_REQUEST, "\"pid\" must be a process id");
	f->pid = atoll(pid);
	return 0;
}

static bool text_is(const json_t *event, const char *name, const char *wanted)
{
	const char *value = json_string_value(json_object_get(event, name));

	return !*wanted || (value && strcmp(value, wanted) == 0);
}

static bool text_begins(const json_t *event, const char *name, const char *wanted)
{
	const char *value = json_string_value(json_object_get(event, name));

	return !*wanted || (value && strncmp(value, wanted, strlen(wanted)) == 0);
}

/* A grant whose owner gave a proof is seen by the user who asked for it, as access_sees() has it. */
static bool event_seen(const struct event_filter *f, const json_t *event)
{
	if (text_is(event, "owner", f->owner))
		return true;
	if (!text_begins(event, "owner", "ssh:") && !text_begins(event, "owner", "oidc:"))
		return false;
	return *f->user && text_is(event, "user", f->user);
}

bool event_filter_match(const struct event_filter *f, const char *line, size_t len)
{
	json_auto_t *e = NULL;

	if (!*f->owner && !*f->own && !*f->prefix && !*f->verdict && !f->pid)
		return true;
	e = json_loadb(line, len, 0, NULL);
	return json_is_object(e) && event_seen(f, e) && text_is(e, "grant", f->own) &&
	       text_begins(e, "grant", f->prefix) && text_is(e, "verdict", f->verdict) &&
	       (!f->pid || json_integer_value(json_object_get(e, "pid")) == f->pid);
}
