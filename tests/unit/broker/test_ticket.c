/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a ticket, with warden and recorder played by the test: minted, redeemed once, or lapsed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stage.h"

static const char part[] = "apiVersion: deputy/v1\\n"
			   "name: part\\n"
			   "owner: {any_of: [uid:root]}\\n"
			   "purposes:\\n"
			   "  part:\\n"
			   "    ttl: 15m\\n"
			   "    files: [{allow: [read], path: \\\"${workdir}/part/**\\\"}]\\n";
static const char whole[] = "apiVersion: deputy/v1\\n"
			    "name: whole\\n"
			    "owner: {any_of: [uid:root]}\\n"
			    "purposes:\\n"
			    "  whole:\\n"
			    "    ttl: 15m\\n"
			    "    files: [{allow: [read], path: \\\"${workdir}/**\\\"}]\\n"
			    "    delegate: {depth: 3, children: 3}\\n";

#define PARENT_THREADS 9u

/* A grant that may be delegated, held by the caller from here on: slot 1. */
static void parent_open(struct stage *s, char id[ID_BYTES])
{
	char body[2048];
	struct reply r;

	snprintf(body, sizeof(body),
		 "{\"policy\": {\"name\": \"whole.yaml\", \"text\": \"%s\"}, \"workdir\": \"/w\"}", whole);
	stage_caller(s, 0, 0, 1);
	stage_request(s, 0, "POST", "/v1/grants", body, &r);
	assert_int_equal(r.status, 201);
	assert_true(json_is_null(json_object_get(r.json, "ticket")));
	strcpy(id, reply_text(&r, "grant"));
	reply_free(&r);
	stage_caller(s, 1, 7, PARENT_THREADS);
}

static void delegate(struct stage *s, const char *members, struct reply *r)
{
	char body[2048];

	snprintf(body, sizeof(body), "{\"policy\": {\"name\": \"part.yaml\", \"text\": \"%s\"}%s}", part,
		 members);
	stage_request(s, 0, "POST", "/v1/delegate", body, r);
}

static void ticket_make(struct stage *s, const char *members, char id[ID_BYTES])
{
	char all[256];
	struct reply r;

	snprintf(all, sizeof(all), ", \"ticket\": true%s", members);
	delegate(s, all, &r);
	if (r.status != 201)
		fail_msg("%ld %s", r.status, r.text);
	strcpy(id, reply_text(&r, "grant"));
	assert_string_equal(reply_text(&r, "ticket"), "open");
	assert_string_equal(reply_text(&r, "state"), "live");
	assert_int_equal(json_integer_value(json_object_get(r.json, "tasks")), 0);
	reply_free(&r);
}

static void redeem(struct stage *s, const char *id, long status, const char *says)
{
	char path[128];
	struct reply r;

	snprintf(path, sizeof(path), "/v1/tickets/%s", id);
	stage_request(s, 0, "POST", path, NULL, &r);
	if (r.status != status || !r.text || !strstr(r.text, says))
		fail_msg("%s: %ld %s, and not %ld %s", path, r.status, r.text, status, says);
	reply_free(&r);
}

static void refused(struct stage *s, const char *id, long status, const char *says)
{
	unsigned before = stage_notes(s, NOTE_REFUSED), tagged = stage_calls(s, WARDEN_TAG);
	struct record_message m;

	redeem(s, id, status, says);
	assert_true(stage_heard(s, NOTE_REFUSED, before + 1));
	assert_true(stage_note(s, NOTE_REFUSED, &m));
	if (!strstr(m.text, says))
		fail_msg("noted: %s, and not %s", m.text, says);
	assert_int_equal(stage_calls(s, WARDEN_TAG), tagged);
}

static bool released(struct stage *s, unsigned count)
{
	for (int i = 0; i < 1500 && stage_calls(s, WARDEN_RELEASE) < count; i++)
		usleep(10000);
	return stage_calls(s, WARDEN_RELEASE) == count;
}

/* Any number of threads may ask for one; it is redeemed by one of one thread, once. */
static void once(void **state)
{
	struct stage *s = *state;
	char parent[ID_BYTES], ticket[ID_BYTES];
	struct record_message m;
	struct reply r;

	parent_open(s, parent);
	delegate(s, "", &r);
	assert_int_equal(r.status, 409); /* itself would be narrowed, and it has threads */
	reply_free(&r);
	ticket_make(s, ", \"ttl\": \"2m\"", ticket);
	assert_true(stage_heard(s, NOTE_MINTED, 2));
	assert_true(stage_note(s, NOTE_MINTED, &m));
	assert_string_equal(m.parent, parent);
	assert_string_equal(m.text, "for 2m, as a ticket:");
	assert_int_equal(stage_calls(s, WARDEN_TAG), 1); /* the parent's own */
	refused(s, ticket, 409, "has 9 threads");
	stage_caller(s, 1, 7, 1);
	redeem(s, ticket, 201, "\"ticket\":\"redeemed\"");
	assert_int_equal(stage_last(s, WARDEN_TAG).slot, 2);
	assert_true(stage_heard(s, NOTE_REDEEMED, 1));
	assert_true(stage_note(s, NOTE_REDEEMED, &m));
	assert_string_equal(m.grant, ticket);
	assert_string_equal(m.text, "its ticket, by process 4242");
	refused(s, ticket, 409, "was redeemed");
	assert_true(stage_note(s, NOTE_REFUSED, &m));
	assert_string_equal(m.grant, parent);
}

static void others(void **state)
{
	struct stage *s = *state;
	char parent[ID_BYTES], ticket[ID_BYTES], next[ID_BYTES];

	parent_open(s, parent);
	ticket_make(s, "", ticket);
	stage_caller(s, 0, 0, 1);
	refused(s, ticket, 403, "under no grant");
	stage_caller(s, 5, 7, 1);
	refused(s, ticket, 404, "no grant");
	stage_caller(s, 1, 6, 1); /* the slot's grant of before */
	refused(s, ticket, 404, "no grant");
	stage_caller(s, 2, 7, 1); /* the very grant that it gives */
	refused(s, ticket, 403, "only a process under grant");
	stage_caller(s, 1, 7, 1);
	refused(s, parent, 409, "is no ticket");
	redeem(s, ticket, 201, "redeemed");
	stage_caller(s, 2, 7, 1);
	refused(s, ticket, 403, "only a process under grant");
	stage_caller(s, 1, 7, PARENT_THREADS);
	ticket_make(s, "", next);
	assert_string_not_equal(next, ticket);
}

/* What the warden refuses leaves the ticket as it was. */
static void warden_refuses(void **state)
{
	struct stage *s = *state;
	char parent[ID_BYTES], ticket[ID_BYTES];

	parent_open(s, parent);
	ticket_make(s, "", ticket);
	stage_caller(s, 1, 7, 1);
	stage_fail(s, WARDEN_TAG, -EBADFD);
	redeem(s, ticket, 409, "io_uring");
	stage_fail(s, WARDEN_TAG, 0);
	redeem(s, ticket, 201, "redeemed");
}

static void lapses(void **state)
{
	struct stage *s = *state;
	char parent[ID_BYTES], ticket[ID_BYTES], path[128];
	struct record_message m;
	struct reply r;

	parent_open(s, parent);
	ticket_make(s, ", \"ttl\": \"1s\"", ticket);
	assert_true(stage_heard(s, NOTE_ENDED, 1));
	assert_true(stage_note(s, NOTE_ENDED, &m));
	assert_string_equal(m.grant, ticket);
	assert_string_equal(m.text, "its ticket was not redeemed in time");
	assert_true(released(s, 1));
	stage_caller(s, 1, 7, 1);
	refused(s, ticket, 404, "no grant");
	stage_caller(s, 0, 0, 1);
	snprintf(path, sizeof(path), "/v1/grants/%s", ticket);
	stage_request(s, 0, "GET", path, NULL, &r);
	assert_string_equal(reply_text(&r, "ticket"), "lapsed");
	reply_free(&r);
}

/* Open tickets count as children, and give their room back. */
static void room(void **state)
{
	struct stage *s = *state;
	char parent[ID_BYTES], ticket[ID_BYTES];
	struct reply r;

	parent_open(s, parent);
	for (int i = 0; i < 3; i++)
		ticket_make(s, ", \"ttl\": \"2s\"", ticket);
	delegate(s, ", \"ticket\": true", &r);
	assert_int_equal(r.status, 429);
	reply_free(&r);
	assert_true(released(s, 3));
	ticket_make(s, "", ticket);
}

/* Its end is the parent's. Past the sweep that looks for grants without tasks, an open one still stands. */
static void revoked(void **state)
{
	struct stage *s = *state;
	char parent[ID_BYTES], ticket[ID_BYTES], path[128];
	struct reply r;

	parent_open(s, parent);
	ticket_make(s, "", ticket);
	sleep(11);
	assert_int_equal(stage_notes(s, NOTE_ENDED), 0);
	stage_caller(s, 0, 0, 1);
	snprintf(path, sizeof(path), "/v1/grants/%s", parent);
	stage_request(s, 0, "DELETE", path, NULL, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	assert_true(stage_heard(s, NOTE_REVOKED, 2));
	stage_caller(s, 1, 7, 1);
	refused(s, ticket, 403, "was revoked");
}

/* What is kept of a grant says nothing of tickets: the next broker knows of none. */
static void restarted(void **state)
{
	struct stage *s = *state;
	char parent[ID_BYTES], ticket[ID_BYTES];

	parent_open(s, parent);
	ticket_make(s, "", ticket);
	stage_restart(s);
	stage_caller(s, 1, 7, 1);
	refused(s, ticket, 409, "is no ticket");
	assert_true(released(s, 1));
}

/* A thread of many narrows itself: the warden is told that it is one. */
static void thread(void **state)
{
	struct stage *s = *state;
	char parent[ID_BYTES];
	struct record_message m;
	struct reply r;

	parent_open(s, parent);
	assert_int_equal(stage_last(s, WARDEN_TAG).flags, 0);
	delegate(s, ", \"thread\": true, \"ttl\": \"2m\"", &r);
	assert_int_equal(r.status, 201);
	assert_string_equal(reply_text(&r, "parent"), parent);
	assert_true(json_is_null(json_object_get(r.json, "ticket")));
	reply_free(&r);
	assert_int_equal(stage_last(s, WARDEN_TAG).flags, WARDEN_TAG_THREAD);
	assert_int_equal(stage_last(s, WARDEN_TAG).slot, 2);
	assert_true(stage_heard(s, NOTE_MINTED, 2));
	assert_true(stage_note(s, NOTE_MINTED, &m));
	assert_string_equal(m.text, "for 2m, for a thread:");
	stage_fail(s, WARDEN_TAG, -EBADFD);
	delegate(s, ", \"thread\": true", &r);
	assert_int_equal(r.status, 409);
	assert_non_null(strstr(reply_message(&r), "io_uring"));
	reply_free(&r);
	assert_int_equal(stage_calls(s, WARDEN_RELEASE), 1);
	assert_true(stage_heard(s, NOTE_REFUSED, 1));
	assert_true(stage_note(s, NOTE_REFUSED, &m));
	assert_string_equal(m.grant, parent);
	stage_fail(s, WARDEN_TAG, 0);
}

static void forms(void **state)
{
	struct stage *s = *state;
	char parent[ID_BYTES];
	struct reply r;

	parent_open(s, parent);
	delegate(s, ", \"ticket\": true, \"thread\": true", &r);
	assert_int_equal(r.status, 400);
	reply_free(&r);
	delegate(s, ", \"ticket\": false", &r);
	assert_int_equal(r.status, 400);
	assert_non_null(strstr(reply_message(&r), "\"ticket\" must be true, or left out"));
	reply_free(&r);
	stage_caller(s, 0, 0, 1);
	stage_mint(s, ALICE, ", \"purpose\": \"fix-issue\", \"ticket\": true", &r);
	assert_int_equal(r.status, 400); /* an owner has no ticket to give */
	reply_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(once, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(others, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(warden_refuses, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(lapses, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(room, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(revoked, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(restarted, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(thread, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(forms, stage_setup, stage_teardown),
	};

	if (geteuid() != 0) {
		print_message("1..0 # SKIP needs root to play several users\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
