/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/access.h"

#include <errno.h>
#include <string.h>

#include "broker/form.h"
#include "broker/handlers.h"
#include "broker/http.h"
#include "broker/selection.h"
#include "token/chain.h"

_Static_assert(FORM_BODY_MAX > CHAIN_TEXT_MAX + 1024, "a token and what is around it");

static const struct route routes[] = {
	{"POST", "/v1/grants", WHO_UNTAGGED, HTTP_BODY_MAX, "", handle_mint},
	{"POST", "/v1/nonce", WHO_UNTAGGED, 0, "", handle_nonce},
	{"POST", "/v1/delegate", WHO_TAGGED, HTTP_BODY_MAX, "", handle_delegate},
	{"POST", "/v1/tickets/", WHO_TAGGED, 0, "", handle_redeem}, /* of its grant: ticket.c */
	{"GET", "/v1/grants", WHO_ANY, 0, "all", handle_list},	    /* of those that access_sees() */
	{"GET", "/v1/grants/", WHO_SEES, 0, "", handle_show},
	{"GET", "/v1/grants/*/vc", WHO_SEES, 0, "", handle_vc},
	{"POST", "/v1/grants/*/renew", WHO_SEES, HTTP_BODY_MAX, "", handle_renew}, /* who: renew.c */
	{"DELETE", "/v1/grants/", WHO_OWNS, 0, "mode", handle_revoke},
	{"POST", "/v1/revocations", WHO_OWNS, SELECTION_BODY_MAX, "", handle_revoke_matching},
	{"POST", "/v1/revoke", WHO_ANY, FORM_BODY_MAX, "",
	 handle_revoke_token}, /* of those that access_sees(), and access_owns() */
	{"POST", "/v1/introspect", WHO_ANY, FORM_BODY_MAX, "", handle_introspect},
	{"POST", "/v1/token", WHO_ANY, FORM_BODY_MAX, "",
	 handle_token}, /* for grants that subject_for() finds */
	{"GET", "/.well-known/oauth-authorization-server", WHO_ANY, 0, "", handle_metadata},
	{"GET", "/v1/keys", WHO_ANY, 0, "", handle_keys},
	{"POST", "/v1/keys/rotate", WHO_ROOT, 0, "", handle_keys_rotate},
	{"GET", "/v1/events", WHO_ANY, 0, "follow grant pid verdict tail", handle_events}, /* line by line */
	{"POST", "/v1/sets", WHO_OWNS, SETS_BODY_MAX, "", handle_sets_receive},
	{"POST", "/v1/sets/poll", WHO_OWNS, SETS_BODY_MAX, "", handle_sets_poll}, /* of those he sees */
	{"GET", "/v1/status-list", WHO_ANY, 0, "list", handle_status_list},
	{"GET", "/v1/status-lists", WHO_ANY, 0, "", handle_status_lists},
	{"GET", "/v1/status", WHO_ANY, 0, "", handle_status},
};

/* An id is one component that is not empty: where the route ends in '/', or has '*' for it. */
static bool route_matches(const struct route *r, const char *path, const char **id, size_t *len)
{
	size_t before = strcspn(r->path, "*"), n;
	const char *after = r->path + before + (r->path[before] == '*');

	*id = "";
	*len = 0;
	if (!*after && r->path[before - 1] != '/')
		return strcmp(path, r->path) == 0;
	if (strncmp(path, r->path, before) != 0)
		return false;
	n = strcspn(path + before, "/");
	*id = path + before;
	*len = n;
	return n && strcmp(path + before + n, after) == 0;
}

const struct route *access_route(const char *method, const char *path, const char **id, size_t *id_len)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (strcmp(routes[i].method, method) == 0 && route_matches(&routes[i], path, id, id_len))
			return &routes[i];
	return NULL;
}

bool access_sees(const struct grant *g, const void *arg)
{
	const struct caller *c = arg;

	if (c->slot)
		return grant_is_below(g, c->slot,
				      c->gen); /* its own and what it delegated, whoever it runs as */
	return c->uid == 0 || c->uid == g->uid;
}

static int access_find(const struct registry *grants, const struct caller *c, const char *id,
		       struct answer *a, struct grant **grant)
{
	/* No id begins so: they begin with 'g'. */
	if (c->slot && !strcmp(id, "self")) {
		*grant = registry_by_tag(grants, c->slot, c->gen);
		return *grant ? 0
			      : answer_problem(a, PROBLEM_NOT_FOUND, "the caller's grant is not known here");
	}
	switch (registry_find(grants, id, access_sees, c, grant)) {
	case 0:
		return 0;
	case -EEXIST:
		return answer_problem(a, PROBLEM_CONFLICT, "more than one grant begins with \"%s\"", id);
	default:
		return answer_problem(a, PROBLEM_NOT_FOUND, "no grant \"%s\" of yours", id);
	}
}

int access_owns(const struct registry *grants, const struct caller *caller, struct answer *answer)
{
	const struct grant *own = registry_by_tag(grants, caller->slot, caller->gen);

	if (!caller->slot)
		return 0;
	return answer_problem(answer, PROBLEM_FORBIDDEN,
			      "under grant %s: a tagged process cannot administer grants",
			      own ? own->id : "of an earlier run of the daemon");
}

int access_check(const struct registry *grants, const struct route *route, const struct caller *caller,
		 const char *id, struct answer *answer, struct grant **grant)
{
	const struct grant *own = registry_by_tag(grants, caller->slot, caller->gen);

	if (caller->slot && route->who == WHO_UNTAGGED)
		return answer_problem(answer, PROBLEM_FORBIDDEN,
				      "already under grant %s: a tagged process cannot take a new grant",
				      own ? own->id : "of an earlier run of the daemon");
	if (!caller->slot && route->who == WHO_TAGGED)
		return answer_problem(answer, PROBLEM_FORBIDDEN,
				      "under no grant: only an agent has something to delegate");
	if (route->who == WHO_OWNS && access_owns(grants, caller, answer))
		return -EPERM;
	if (route->who == WHO_ROOT && (caller->slot || caller->uid))
		return answer_problem(answer, PROBLEM_FORBIDDEN, "this is for root, under no grant");
	return *id ? access_find(grants, caller, id, answer, grant) : 0;
}
