/* SPDX-License-Identifier: Apache-2.0 */
/* The whole of who may ask for what: every request by every kind of caller. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/access.h"

enum kind { OWNER, OTHER, ROOT, UNDER_IT, UNDER_ANOTHER, ROOT_UNDER_ANOTHER, UNDER_UNKNOWN, KINDS };

static const struct caller callers[KINDS] = {
	[OWNER] = {.uid = 1000},
	[OTHER] = {.uid = 1001},
	[ROOT] = {.uid = 0},
	[UNDER_IT] = {.uid = 1000, .slot = 1, .gen = 5},
	[UNDER_ANOTHER] = {.uid = 1000, .slot = 2, .gen = 5},
	[ROOT_UNDER_ANOTHER] = {.uid = 0, .slot = 2, .gen = 5},
	[UNDER_UNKNOWN] = {.uid = 1000, .slot = 1, .gen = 4},
};

/* 0: allowed; else the status of the refusal. */
/* clang-format off */
static const struct {
	const char *method, *path;
	unsigned status[KINDS];
} table[] = {
	/*                               own  other  root   it  another  root*  unknown */
	{"POST",   "/v1/grants",       {   0,    0,    0,  403,   403,   403,   403}},
	{"POST",   "/v1/nonce",        {   0,    0,    0,  403,   403,   403,   403}},
	{"GET",    "/v1/grants",       {   0,    0,    0,    0,     0,     0,     0}},
	{"GET",    "/v1/grants/gone2", {   0,  404,    0,    0,   404,   404,   404}},
	{"GET",    "/v1/grants/gone2/vc", { 0,  404,    0,    0,   404,   404,   404}},
	{"DELETE", "/v1/grants/gone2", {   0,  404,    0,  403,   403,   403,   403}},
	{"GET",    "/v1/grants/gone9", { 404,  404,  404,  404,   404,   404,   404}},
	{"DELETE", "/v1/grants/gone9", { 404,  404,  404,  403,   403,   403,   403}},
	{"POST",   "/v1/revocations",  {   0,    0,    0,  403,   403,   403,   403}},
	{"POST",   "/v1/revoke",       {   0,    0,    0,    0,     0,     0,     0}},
	{"POST",   "/v1/token",        {   0,    0,    0,    0,     0,     0,     0}},
	{"GET", "/.well-known/oauth-authorization-server", {0, 0, 0, 0, 0,   0,     0}},
	{"POST",   "/v1/introspect",   {   0,    0,    0,    0,     0,     0,     0}},
	{"GET",    "/v1/keys",         {   0,    0,    0,    0,     0,     0,     0}},
	{"POST",   "/v1/keys/rotate",  { 403,  403,    0,  403,   403,   403,   403}},
	{"GET",    "/v1/events",       {   0,    0,    0,    0,     0,     0,     0}},
	{"POST",   "/v1/sets",         {   0,    0,    0,  403,   403,   403,   403}},
	{"POST",   "/v1/sets/poll",    {   0,    0,    0,  403,   403,   403,   403}},
	{"GET",    "/v1/status-list",  {   0,    0,    0,    0,     0,     0,     0}},
	{"GET",    "/v1/status-lists", {   0,    0,    0,    0,     0,     0,     0}},
	{"GET",    "/v1/status",       {   0,    0,    0,    0,     0,     0,     0}},
};
/* clang-format on */

static struct registry *registry;

static void add(const char *id, uid_t uid, uint32_t slot)
{
	struct grant *g = grant_new();

	snprintf(g->id, sizeof(g->id), "%s", id);
	g->uid = uid;
	g->slot = slot;
	g->gen = 5;
	registry_add(registry, g);
}

static void every_request_by_everybody(void **state)
{
	size_t cases = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (int k = 0; k < KINDS; k++, cases++) {
			struct answer a = {0};
			struct grant *g = NULL;
			const char *at;
			size_t len;
			const struct route *r = access_route(table[i].method, table[i].path, &at, &len);
			char id[32] = "";

			assert_non_null(r);
			memcpy(id, at, len);
			access_check(registry, r, &callers[k], id, &a, &g);
			if (a.status != table[i].status[k])
				fail_msg("%s %s by caller %d: %u", table[i].method, table[i].path, k,
					 a.status);
			if (!a.status && *id)
				assert_string_equal(g->id, id);
			answer_clear(&a);
		}
	}
	print_message("# %zu cases\n", cases);
}

static void no_route(void **state)
{
	static const char *const requests[][2] = {
		{"GET", "/v1/grantsx"},
		{"GET", "/v1/grants/"},
		{"GET", "/v1/grants/a/b"},
		{"GET", "/v1/grants/a/"},
		{"GET", "/v1/grants//vc"},
		{"GET", "/v1/grants/a/vc/"},
		{"GET", "/v1/grants/a/vcx"},
		{"GET", "/v1/grants/a/b/vc"},
		{"GET", "/v1/grants/*"
			"/vc/*"},
		{"GET", "/v1/grant/a/vc"},
		{"DELETE", "/v1/grants/a/vc"},
		{"get", "/v1/status"},
		{"GET", "/V1/status"},
		{"GET", "v1/status"},
		{"GET", "/v1/status/"},
		{"PATCH", "/v1/grants/gone2"},
		{"HEAD", "/v1/status"},
		{"", ""},
		{"GET", ""},
	};
	const char *id;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (access_route(requests[i][0], requests[i][1], &id, &len))
			fail_msg("%s %s", requests[i][0], requests[i][1]);
}

static int setup(void **state)
{
	(void)state;
	registry = malloc(sizeof(*registry));
	registry_init(registry);
	add("gone2", 1000, 1);
	add("gtwo2", 1000, 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	registry_clear(registry);
	free(registry);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_request_by_everybody),
		cmocka_unit_test(no_route),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
