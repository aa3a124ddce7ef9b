/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent may ask about itself, and for less than itself. */
#pragma GCC visibility push(default)
#include "include/deputy.h"
#pragma GCC visibility pop

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "lib/ask.h"

static void say(char *message, unsigned size, const char *text)
{
	if (message && size)
		snprintf(message, size, "%s", text);
}

/* Those of docs/API.md. */
static int status_errno(int status)
{
	static const struct {
		int status, err;
	} errors[] = {
		{400, -EINVAL}, {403, -EPERM},	{404, -ENOENT}, {409, -EBUSY},
		{413, -E2BIG},	{422, -EACCES}, {429, -EAGAIN}, {503, -EAGAIN},
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].status == status)
			return errors[i].err;
	return -EPROTO;
}

/* 0: the answer has that status and is an object, which is the caller's. */
static int agent_ask(const char *socket, const char *method, const char *path, const char *body, int want,
		     json_t **object, char *message, unsigned size)
{
	struct lib_answer answer = {0};
	const char *said;
	json_t *o;
	int err = lib_ask(socket ? socket : DEPUTY_SOCKET, method, path, body, &answer);

	if (err) {
		say(message, size, strerror(-err));
		return err;
	}
	o = json_loadb(answer.body, answer.size, JSON_REJECT_DUPLICATES, NULL);
	free(answer.text);
	if (json_is_object(o) && answer.status == want) {
		*object = o;
		return 0;
	}
	err = answer.status == want ? -EPROTO : status_errno(answer.status);
	said = json_string_value(json_object_get(o, "message"));
	say(message, size, said ? said : "the daemon's answer makes no sense");
	json_decref(o);
	return err;
}

/* ---- asking for less ---- */

static json_t *narrower_policy(const struct deputy_narrower *n)
{
	if (!n->policy)
		return NULL;
	return n->policy_name ? json_pack("{s:s, s:s}", "name", n->policy_name, "text", n->policy)
			      : json_pack("{s:s}", "name", n->policy);
}

/* As the record has a command line: what is not UTF-8 is left out of it. */
static json_t *narrower_argv(const struct deputy_narrower *n)
{
	json_t *list = json_array();

	for (const char *const *arg = n->argv; arg && *arg; arg++) {
		json_t *text = json_string(*arg);

		json_array_append_new(list, text ? text : json_string("?"));
	}
	return list;
}

static int narrower_body(const struct deputy_narrower *n, char **body)
{
	json_auto_t *policy = narrower_policy(n);
	json_auto_t *o = n->policy && !policy ? NULL
					      : json_pack("{s:O*, s:s*, s:s*, s:s*, s:o}", "policy", policy,
							  "purpose", n->purpose, "ttl", n->ttl, "workdir",
							  n->workdir, "argv", narrower_argv(n));

	if (!o)
		return -EINVAL;
	*body = json_dumps(o, JSON_COMPACT);
	return *body ? 0 : -ENOMEM;
}

int deputy_delegate(const char *socket, const struct deputy_narrower *narrower, char *grant, char *message,
		    unsigned size)
{
	_cleanup_free_ char *body = NULL;
	json_auto_t *answer = NULL;
	const char *id;
	int err = narrower ? narrower_body(narrower, &body) : -EINVAL;

	if (err) {
		say(message, size, "what is asked for is not UTF-8, or there is no memory");
		return err;
	}
	err = agent_ask(socket, "POST", "/v1/delegate", body, 201, &answer, message, size);
	if (err)
		return err;
	id = json_string_value(json_object_get(answer, "grant"));
	if (!id || strlen(id) >= DEPUTY_GRANT_BYTES) {
		say(message, size, "the daemon's answer names no grant");
		return -EPROTO;
	}
	if (grant)
		strcpy(grant, id);
	return 0;
}

/* ---- what it is ---- */

int deputy_grant_get(const char *socket, char **json, char *message, unsigned size)
{
	json_auto_t *answer = NULL;
	char *text;
	int err = agent_ask(socket, "GET", "/v1/grants/self", NULL, 200, &answer, message, size);

	if (err)
		return err;
	text = json_dumps(answer, 0);
	if (!text)
		return -ENOMEM;
	*json = text;
	return 0;
}
