/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/grants/ID/renew: who may, for how long, under which policy; and chains that go on verifying. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/delegate.h"
#include "token_client.h"

#define S 1000000000ull

/* Policies of one purpose, which differ in one thing. */
#define POLICY(owner, ttl, files, more)                                                                      \
	"{apiVersion: deputy/v1, name: coder, owner: {any_of: [" owner "]}, purposes: {fix: {ttl: " ttl      \
	", files: [{allow: [read, write], path: '/w/**'}" files "], on_revoke: deny, " more "}}}"
#define DELEGATE "delegate: {depth: 3, children: 2}"
#define OWN	 POLICY("'uid:1234567'", "15m", "", DELEGATE)

/* What getpwuid(3) says in the broker, which is another process. */
static bool *gone;

struct passwd *getpwuid(uid_t uid)
{
	static struct passwd pw = {.pw_name = "alice", .pw_dir = "/home/alice"};

	return uid == ALICE && gone && !*gone ? &pw : NULL;
}

/* ---- asking ---- */

static void renew_as(struct stage *s, uid_t uid, uint32_t slot, const char *id, const char *body,
		     struct reply *r)
{
	char path[64];

	snprintf(path, sizeof(path), "/v1/grants/%s/renew", id);
	stage_caller(s, slot, slot ? GEN : 0, 1);
	stage_request(s, uid, "POST", path, body, r);
	stage_caller(s, 0, 0, 1);
}

static void refused(struct stage *s, uid_t uid, uint32_t slot, const char *id, const char *body, long status,
		    const char *says)
{
	struct reply r;

	renew_as(s, uid, slot, id, body, &r);
	if (r.status != status || !strstr(reply_message(&r), says))
		print_error("%ld %s; wanted %ld %s\n", r.status, r.text, status, says);
	assert_int_equal(r.status, status);
	assert_non_null(strstr(reply_message(&r), says));
	reply_free(&r);
}

static void renewed(struct stage *s, uid_t uid, uint32_t slot, const char *id, const char *body)
{
	struct reply r;

	renew_as(s, uid, slot, id, body, &r);
	if (r.status != 200)
		print_error("%ld %s\n", r.status, r.text);
	assert_int_equal(r.status, 200);
	reply_free(&r);
}

static void delegate(struct stage *s, uint32_t slot, const char *body, struct reply *r)
{
	stage_caller(s, slot, GEN, 1);
	stage_request(s, ALICE, "POST", "/v1/delegate", body, r);
	stage_caller(s, 0, 0, 1);
	assert_int_equal(r->status, 201);
}

/* {"policy": ...} and more members; without a text the installed policy is meant. To be freed. */
static char *body_of(const char *name, const char *text, const char *ttl, bool mint)
{
	json_auto_t *o = json_pack("{s:s*}", "ttl", ttl);
	char *body;

	if (name)
		json_object_set_new(o, "policy", json_pack("{s:s, s:s*}", "name", name, "text", text));
	if (mint)
		json_object_set_new(o, "workdir", json_string("/w"));
	body = json_dumps(o, 0);
	assert_non_null(body);
	return body;
}

/* An agent of ALICE, in the next slot, for a minute. */
static void agent(struct stage *s, const char *name, const char *text, char id[ID_BYTES])
{
	char *body = body_of(name, text, "1m", true);
	struct reply r;

	stage_request(s, ALICE, "POST", "/v1/grants", body, &r);
	if (r.status != 201)
		print_error("%ld %s\n", r.status, r.text);
	assert_int_equal(r.status, 201);
	snprintf(id, ID_BYTES, "%s", reply_text(&r, "grant"));
	reply_free(&r);
	free(body);
}

static void show(struct stage *s, const char *id, struct reply *r)
{
	char path[64];

	snprintf(path, sizeof(path), "/v1/grants/%s", id);
	stage_request(s, 0, "GET", path, NULL, r);
	assert_int_equal(r->status, 200);
}

static uint64_t left(struct stage *s, uint32_t slot)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return s->slots[slot].expires - (uint64_t)t.tv_sec * S - (uint64_t)t.tv_nsec;
}

static void lasts(struct stage *s, uint32_t slot, unsigned seconds)
{
	uint64_t ns = left(s, slot);

	assert_in_range(ns, (seconds - 20) * S, seconds * S);
}

/* ---- who, and for how long ---- */

static void goes_on(void **state)
{
	struct stage *s = *state;
	struct record_message note;
	struct reply before, after;
	char id[ID_BYTES];

	agent(s, "coder.yaml", NULL, id);
	show(s, id, &before);
	renewed(s, ALICE, 1, id, "{\"ttl\": \"10m\"}");
	lasts(s, 1, 600);
	show(s, id, &after);
	assert_string_equal(reply_text(&after, "grant"), id);
	assert_string_equal(reply_text(&after, "state"), "live");
	assert_true(strcmp(reply_text(&after, "expires"), reply_text(&before, "expires")) > 0);
	assert_string_not_equal(reply_text(&after, "token"), reply_text(&before, "token"));
	assert_string_not_equal(reply_text(&after, "chain_digest"), reply_text(&before, "chain_digest"));
	assert_true(client_active(s, reply_text(&after, "token")) &&
		    client_active(s, reply_text(&before, "token")));
	assert_true(stage_heard(s, NOTE_RENEWED, 1) && stage_note(s, NOTE_RENEWED, &note));
	assert_string_equal(note.grant, id);
	assert_string_equal(note.chain, reply_text(&after, "chain_digest"));
	assert_non_null(strstr(note.text, reply_text(&before, "expires")));
	assert_non_null(strstr(note.text, reply_text(&after, "expires")));
	assert_non_null(strstr(note.text, "by its agent"));
	reply_free(&before);
	reply_free(&after);
}

/* By an owner from outside, by an agent as "self", and without a body as long as there is. */
static void by_whom(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], other[ID_BYTES];
	struct reply child;

	agent(s, "coder.yaml", NULL, id);
	agent(s, "coder.yaml", NULL, other);
	renewed(s, ALICE, 0, id, "{\"ttl\": \"2m\"}");
	renewed(s, ALICE, 1, "self", "{\"ttl\": \"3m\"}");
	renewed(s, ALICE, 1, "self", NULL);
	lasts(s, 1, 900);
	lasts(s, 2, 60);
	refused(s, ALICE, 2, id, "{}", 404, "of yours");
	refused(s, BOB, 0, other, "{}", 404, "of yours");
	refused(s, 0, 0, other, "{}", 403, "another user's");
	refused(s, ALICE, 0, "self", "{}", 404, "of yours");
	delegate(s, 2, "{\"ttl\": \"10s\"}", &child);
	refused(s, ALICE, 0, reply_text(&child, "grant"), "{}", 403, "only the agent under it");
	refused(s, ALICE, 2, reply_text(&child, "grant"), "{}", 403, "not the caller's own");
	renewed(s, ALICE, 3, "self", "{\"ttl\": \"30s\"}");
	reply_free(&child);
}

static void how_long(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];

	agent(s, "coder.yaml", NULL, id);
	refused(s, ALICE, 1, id, "{\"ttl\": \"901s\"}", 422, "its purpose allows 15m");
	refused(s, ALICE, 1, id, "{\"ttl\": \"30s\"}", 422, "that is no renewal");
	refused(s, ALICE, 1, id, "{\"ttl\": \"x\"}", 400, "must be like");
	refused(s, ALICE, 1, id, "{\"scope\": 1}", 400, "unknown member");
	lasts(s, 1, 60);
	renewed(s, ALICE, 1, id, "{\"ttl\": \"900s\"}");
	lasts(s, 1, 900);
}

/* stage_options: three renewals. */
static void how_often(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];

	agent(s, "coder.yaml", NULL, id);
	for (int i = 2; i <= 4; i++) {
		char body[32];

		snprintf(body, sizeof(body), "{\"ttl\": \"%dm\"}", i);
		renewed(s, ALICE, 1, id, body);
	}
	refused(s, ALICE, 1, id, "{}", 422, "max_renewals");
	stage_restart(s);
	refused(s, ALICE, 1, id, "{}", 422, "was renewed 3 times");
	agent(s, "coder.yaml", NULL, id);
	renewed(s, ALICE, 2, id, "{}");
}

/* An agent that asks without end has its share of each second, and its owner needs none of it. */
static void by_the_owner_meanwhile(void **state)
{
	struct stage *s = *state;
	unsigned refusals = 0;
	char id[ID_BYTES];
	struct reply r;

	agent(s, "coder.yaml", NULL, id);
	for (unsigned i = 0; i < 3 * DELEGATE_RATE; i++) {
		renew_as(s, ALICE, 1, id, "{\"ttl\": \"1s\"}", &r); /* that is no renewal */
		refusals += r.status == 429;
		reply_free(&r);
	}
	assert_true(refusals > 0);
	renewed(s, ALICE, 0, id, "{\"ttl\": \"2m\"}");
}

static void whole_life(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];

	agent(s, "coder.yaml", NULL, id);
	refused(s, ALICE, 1, id, "{\"ttl\": \"3m\"}", 422, "(max_life)");
	renewed(s, ALICE, 1, id, "{}");
	lasts(s, 1, 120);
	refused(s, ALICE, 1, id, "{}", 422, "(max_life)");
}

static void ended(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], late[ID_BYTES], path[64];
	struct reply r, child;

	agent(s, "coder.yaml", NULL, id);
	agent(s, "coder.yaml", NULL, late);
	delegate(s, 1, "{\"ttl\": \"10s\"}", &child);
	snprintf(path, sizeof(path), "/v1/grants/%s", id);
	stage_request(s, ALICE, "DELETE", path, NULL, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	refused(s, ALICE, 0, id, "{}", 409, "is revoked");
	refused(s, ALICE, 3, "self", "{}", 409, "is revoked");
	assert_int_equal(stage_calls(s, WARDEN_RENEW), 0);
	/* the kernel knows better */
	stage_fail(s, WARDEN_RENEW, -ESTALE);
	refused(s, ALICE, 2, "self", "{}", 409, "has ended");
	stage_fail(s, WARDEN_RENEW, 0);
	show(s, late, &r);
	assert_int_equal(json_integer_value(json_object_get(r.json, "renewals")), 0);
	assert_true(client_active(s, reply_text(&r, "token")));
	reply_free(&r);
	stage_fail(s, WARDEN_RECORD, -ENOSPC);
	refused(s, ALICE, 2, "self", "{}", 503, "cannot sign and keep");
	stage_fail(s, WARDEN_RECORD, 0);
	lasts(s, 2, 60);
	renewed(s, ALICE, 2, "self", "{}");
	assert_int_equal(stage_notes(s, NOTE_RENEWED), 1);
	reply_free(&child);
}

/* ---- chains ---- */

/* Children have the life they were given, and chains that verify, by whichever link of their parent's. */
static void children(void **state)
{
	struct stage *s = *state;
	struct reply child, below, top, now;
	char id[ID_BYTES];

	agent(s, "coder.yaml", NULL, id);
	delegate(s, 1, "{\"ttl\": \"40s\"}", &child);
	delegate(s, 2, "{\"ttl\": \"30s\"}", &below);
	renewed(s, ALICE, 1, "self", "{\"ttl\": \"10m\"}");
	lasts(s, 2, 40);
	show(s, reply_text(&child, "grant"), &now);
	assert_string_equal(reply_text(&now, "token"), reply_text(&child, "token"));
	reply_free(&now);
	for (int i = 0; i < 2; i++) {
		assert_true(client_active(s, reply_text(&child, "token")));
		assert_true(client_active(s, reply_text(&below, "token")));
		stage_restart(s); /* which has to know the earlier links too */
	}
	refused(s, ALICE, 2, "self", "{\"ttl\": \"11m\"}", 422, "the grant above it");
	refused(s, ALICE, 3, "self", "{\"ttl\": \"60s\"}", 422, "the grant above it");
	renewed(s, ALICE, 2, "self", "{\"ttl\": \"5m\"}");
	lasts(s, 2, 300);
	renewed(s, ALICE, 3, "self", "{\"ttl\": \"4m\"}");
	show(s, id, &top);
	show(s, reply_text(&below, "grant"), &now);
	assert_true(client_active(s, reply_text(&now, "token")));
	assert_memory_equal(reply_text(&now, "token"), reply_text(&top, "token"),
			    strlen(reply_text(&top, "token")));
	reply_free(&now);
	delegate(s, 3, "{\"ttl\": \"100s\"}", &now);
	assert_true(client_active(s, reply_text(&now, "token")));
	reply_free(&now);
	reply_free(&top);
	reply_free(&child);
	reply_free(&below);
}

/* A credential has the links that the chain has. */
static void credential(void **state)
{
	struct stage *s = *state;
	struct reply child, vc;
	char path[64];
	char id[ID_BYTES];

	agent(s, "coder.yaml", NULL, id);
	sleep(1); /* the renewed link begins after the child's */
	delegate(s, 1, "{\"ttl\": \"40s\"}", &child);
	sleep(1);
	renewed(s, ALICE, 1, "self", "{\"ttl\": \"10m\"}");
	snprintf(path, sizeof(path), "/v1/grants/%s/vc", reply_text(&child, "grant"));
	stage_request(s, ALICE, "GET", path, NULL, &vc);
	assert_int_equal(vc.status, 200);
	reply_free(&vc);
	reply_free(&child);
}

/* A broker that died between the record and the kernel's write. */
static void cut_short(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];
	struct reply r;
	uint64_t before;

	agent(s, "coder.yaml", NULL, id);
	before = s->slots[1].expires;
	renewed(s, ALICE, 1, "self", "{\"ttl\": \"10m\"}");
	s->slots[1].expires = before;
	stage_restart(s);
	show(s, id, &r);
	assert_string_equal(reply_text(&r, "state"), "live");
	assert_int_equal(json_integer_value(json_object_get(r.json, "renewals")), 0);
	reply_free(&r);
	renewed(s, ALICE, 1, "self", "{\"ttl\": \"10m\"}");
	lasts(s, 1, 600);
}

/* ---- the policy as it stands now ---- */

static void install(struct stage *s, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/policies", s->dir);
	mkdir(path, 0755);
	strcat(path, "/coder.yaml");
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void policy_now(void **state)
{
	static const struct {
		const char *text;
		long status;
		const char *says;
	} cases[] = {
		{OWN, 200, ""},
		{POLICY("'uid:1234567'", "5m", "", DELEGATE), 200, ""},
		{POLICY("'uid:1234567'", "15m", ", {allow: [read], path: '/w/part/**'}", DELEGATE), 200, ""},
		{POLICY("'uid:1234567'", "15m", "", "delegate: {depth: 4, children: 9}"), 200, ""},
		{POLICY("'uid:1234567'", "4m", "", DELEGATE), 422, "its purpose allows 4m"},
		{POLICY("'uid:root'", "15m", "", DELEGATE), 403, "does not name uid:1234567"},
		{POLICY("'uid:1234567'", "15m", ", {allow: [read], path: '/etc/**'}", DELEGATE), 422,
		 "wider than grant"},
		{POLICY("'uid:1234567'", "15m", ", {deny: [write], path: '/w/part/**'}", DELEGATE), 422,
		 "policy changed: it no longer allows write /w/part"},
		{POLICY("'uid:1234567'", "15m", "", "delegate: {depth: 3, children: 1}"), 422,
		 "policy changed: less may be delegated"},
		{POLICY("'uid:1234567'", "15m", "", "audit: all"), 422, "policy changed: "},
		{"{apiVersion: deputy/v1, name: coder, owner: {any_of: ['uid:1234567']}, purposes: {other: "
		 "{ttl: 15m}}}",
		 422, "has no purpose"},
	};
	struct stage *s = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char id[ID_BYTES];
		struct reply r;

		install(s, OWN);
		stage_restart(s);
		agent(s, "coder.yaml", NULL, id);
		install(s, cases[i].text);
		stage_restart(s);
		renew_as(s, ALICE, (uint32_t)i + 1, id, "{\"ttl\": \"5m\"}", &r);
		if (r.status != cases[i].status || (r.status != 200 && !strstr(r.text, cases[i].says)))
			fail_msg("case %zu: %ld %s", i, r.status, r.text);
		reply_free(&r);
	}
}

static void refused_text(struct stage *s, uint32_t slot, const char *id, const char *name, const char *text,
			 long status, const char *says)
{
	char *body = body_of(name, text, "5m", false);

	refused(s, ALICE, slot, id, body, status, says);
	free(body);
}

static void renewed_text(struct stage *s, uint32_t slot, const char *id, const char *text)
{
	char *body = body_of("own.yaml", text, NULL, false);

	renewed(s, ALICE, slot, id, body);
	free(body);
}

/* An owner may change his own; an agent brings what it was given under. */
static void own_text(void **state)
{
	static const char longer[] = POLICY("'uid:1234567'", "30m", "", DELEGATE);
	struct stage *s = *state;
	char id[ID_BYTES], installed[ID_BYTES];

	agent(s, "own.yaml", OWN, id);
	agent(s, "coder.yaml", NULL, installed);
	refused(s, ALICE, 1, id, "{}", 400, "bring its text again");
	refused_text(s, 1, id, "own.yaml", longer, 403, "an agent brings no other");
	refused_text(s, 2, installed, "own.yaml", longer, 403, "under the installed policy coder.yaml");
	refused_text(s, 2, installed, "coder.yaml", longer, 403, "under the installed policy coder.yaml");
	renewed_text(s, 1, id, OWN);
	lasts(s, 1, 900);
	renewed_text(s, 0, id, longer);
	lasts(s, 1, 1800);
}

static void child_text(void **state)
{
	static const char less[] = POLICY("'uid:*'", "10m", ", {deny: [write], path: '/w/a'}", "");
	struct stage *s = *state;
	char id[ID_BYTES], *body = body_of("less.yaml", less, "20s", false);
	struct reply child;

	agent(s, "coder.yaml", NULL, id);
	delegate(s, 1, body, &child);
	refused(s, ALICE, 2, "self", "{\"ttl\": \"30s\"}", 400, "bring its text");
	refused_text(s, 2, "self", "less.yaml", OWN, 403, "brings no other");
	free(body);
	body = body_of("less.yaml", less, "50s", false);
	renewed(s, ALICE, 2, "self", body);
	refused(s, ALICE, 1, "self", body, 403, "renewed under no other");
	lasts(s, 2, 50);
	free(body);
	reply_free(&child);
}

static void user_gone(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];

	agent(s, "coder.yaml", NULL, id);
	*gone = true;
	refused(s, ALICE, 1, id, "{}", 403, "is of the user alice");
	*gone = false;
	renewed(s, ALICE, 1, id, "{}");
}

/* ---- the table ---- */

static int opened(void **state, const struct broker_options *options)
{
	struct stage *s = calloc(1, sizeof(*s));

	strcpy(s->dir, "/tmp/deputy-stage-XXXXXX");
	if (!mkdtemp(s->dir) || chmod(s->dir, 0755))
		return -1;
	install(s, OWN);
	stage_open(s, options);
	*state = s;
	return 0;
}

static int setup(void **state)
{
	return opened(state, &stage_options);
}

static int setup_short(void **state)
{
	struct broker_options o = stage_options;

	o.max_life_ns = 120 * S;
	return opened(state, &o);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, setup, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(goes_on),
		STAGED(by_whom),
		STAGED(how_long),
		STAGED(how_often),
		STAGED(by_the_owner_meanwhile),
		cmocka_unit_test_setup_teardown(whole_life, setup_short, stage_teardown),
		STAGED(ended),
		STAGED(children),
		STAGED(credential),
		STAGED(cut_short),
		STAGED(policy_now),
		STAGED(own_text),
		STAGED(child_text),
		STAGED(user_gone),
	};

	gone = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (gone == MAP_FAILED || sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("broker/renew", tests, NULL, NULL);
}
