/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/handlers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker/http.h"
#include "broker/lifecycle.h"
#include "broker/revoke.h"
#include "common/roads.h"

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
	char who[REVOKE_WHO];
	int err;

	if (mode && !kill && strcmp(mode, "deny") != 0)
		return answer_problem(&x->answer, PROBLEM_BAD_REQUEST, "\"mode\" must be kill or deny");
	revoke_who(x, who);
	err = lifecycle_revoke(x->broker, x->grant, kill, who);
	if (err)
		return answer_problem(&x->answer, PROBLEM_UNAVAILABLE, "could not revoke: %s",
				      strerror(-err));
	lifecycle_refresh(x->broker, x->grant);
	return answer_json(&x->answer, 200, grant_json(x->grant, false));
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
			   json_pack("{s:s, s:b, s:i, s:I, s:I, s:{s:I, s:I, s:I}, s:I, s:b, s:o}", "version",
				     b->options.version, "enforcing", 1, "grants",
				     (int)registry_live(&b->grants), "tasks", (json_int_t)c->tagged, "epoch",
				     (json_int_t)c->epoch, "lost", "ring_full",
				     (json_int_t)c->lost[LOSS_RING_FULL], "no_scratch",
				     (json_int_t)c->lost[LOSS_NO_SCRATCH], "security_events",
				     (json_int_t)b->sets.lost, "max_ttl_seconds",
				     (json_int_t)(b->options.max_ttl_ns / 1000000000), "user_policies",
				     b->options.user_policies, "open_roads", roads_json(c->open_roads)));
}
