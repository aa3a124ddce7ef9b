/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/handlers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "broker/http.h"
#include "broker/lifecycle.h"
#include "broker/user.h"
#include "common/roads.h"
#include "token/token.h"

int handle_list(struct exchange *x)
{
	json_auto_t *list = json_array();
	bool all;
	int err = http_flag(x, "all", &all);

	if (err)
		return err;
	for (struct grant *g = x->broker->grants.by_id; g; g = g->hh.next) {
		if (!access_sees(g, &x->caller) || (g->state != GRANT_LIVE && !all))
			continue;
		lifecycle_refresh(x->broker, g);
		if (json_array_append_new(list, grant_json(g, false)))
			return answer_json(&x->answer, 200, NULL);
	}
	return answer_json(&x->answer, 200, json_pack("{s:O}", "grants", list));
}

int handle_show(struct exchange *x)
{
	lifecycle_refresh(x->broker, x->grant);
	return answer_json(&x->answer, 200, grant_json(x->grant, true));
}

int handle_revoke(struct exchange *x)
{
	const char *mode = http_argument(x, "mode");
	bool kill = mode ? strcmp(mode, "kill") == 0 : x->grant->kill;
	struct user user;
	char who[TEXT_BYTES];
	int err;

	if (mode && !kill && strcmp(mode, "deny") != 0)
		return answer_problem(&x->answer, PROBLEM_BAD_REQUEST, "\"mode\" must be kill or deny");
	user_find(x->caller.uid, &user);
	snprintf(who, sizeof(who), "uid:%u (%.200s)", (unsigned)x->caller.uid, user.name);
	err = lifecycle_revoke(x->broker, x->grant, kill, who);
	if (err)
		return answer_problem(&x->answer, PROBLEM_UNAVAILABLE, "could not revoke: %s",
				      strerror(-err));
	lifecycle_refresh(x->broker, x->grant);
	return answer_json(&x->answer, 200, grant_json(x->grant, false));
}

/* RFC 7662 section 2.2: nothing is said about why a token is not active. */
static json_t *introspect(const struct broker *b, const char *text, size_t len)
{
	json_auto_t *claims = NULL;
	const char *id;
	struct grant *g = NULL;

	if (token_verify(key_public(b->key), text, len, time(NULL), &claims))
		return json_pack("{s:b}", "active", 0);
	id = json_string_value(json_object_get(claims, "jti"));
	if (id)
		HASH_FIND_STR(b->grants.by_id, id, g);
	if (!g || g->state != GRANT_LIVE)
		return json_pack("{s:b}", "active", 0);
	if (json_object_set_new(claims, "active", json_true()))
		return NULL;
	return json_incref(claims);
}

int handle_introspect(struct exchange *x)
{
	json_auto_t *body = json_loadb(x->body ? x->body : "", x->size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *token = json_object_get(body, "token");

	if (!json_is_string(token) || json_object_size(body) != 1)
		return answer_problem(&x->answer, PROBLEM_BAD_REQUEST,
				      "the body must be {\"token\": \"...\"}");
	return answer_json(&x->answer, 200,
			   introspect(x->broker, json_string_value(token), json_string_length(token)));
}

int handle_keys(struct exchange *x)
{
	return answer_json(&x->answer, 200, key_set(key_public(x->broker->key)));
}

static json_t *roads_json(uint64_t open)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ROADS_MAX && road_name(i); i++)
		if (open >> i & 1)
			json_array_append_new(list, json_string(road_name(i)));
	return list;
}

int handle_status(struct exchange *x)
{
	const struct broker *b = x->broker;
	const volatile struct control *c = b->control;

	return answer_json(&x->answer, 200,
			   json_pack("{s:s, s:b, s:i, s:I, s:I, s:{s:I, s:I}, s:I, s:b, s:o}", "version",
				     b->options.version, "enforcing", 1, "grants",
				     (int)registry_live(&b->grants), "tasks", (json_int_t)c->tagged, "epoch",
				     (json_int_t)c->epoch, "lost", "ring_full",
				     (json_int_t)c->lost[LOSS_RING_FULL], "no_scratch",
				     (json_int_t)c->lost[LOSS_NO_SCRATCH], "max_ttl_seconds",
				     (json_int_t)(b->options.max_ttl_ns / 1000000000), "user_policies",
				     b->options.user_policies, "open_roads", roads_json(c->open_roads)));
}
