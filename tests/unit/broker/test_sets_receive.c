/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/sets as a transmitter uses it (RFC 8935): whose grants an event ends, and whose not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/logouts.h"
#include "broker/nonces.h"
#include "broker/text.h"
#include "proof/oidc.h"
#include "proof/statement.h"
#include "stage.h"
#include "token/hash.h"
#include "token/jwt.h"
#include "token/set.h"

#define MAIL "https://login.example" /* whose owners are addresses at example.com */
#define SUBS "https://other.example" /* whose owners are its subjects */

#define CAEP "https://schemas.openid.net/secevent/caep/event-type/"
#define RISC "https://schemas.openid.net/secevent/risc/event-type/"

enum { BY_MAIL, BY_SUBS, BY_NOBODY, SIGNERS };
static const char *const issuer_names[SIGNERS] = {MAIL, SUBS, MAIL};

static struct secret_key *keys[SIGNERS];
static struct oidc_issuers issuers;
static char dir[64];
static json_int_t age; /* seconds that have gone since the owner's ID token was issued */

static const char policy[] =
	"{apiVersion: deputy/v1, name: coder, owner: {any_of: ['oidc:alice@example.com', "
	"'oidc:carol@example.com', 'oidc:" SUBS "#alice', 'uid:1234567']}, "
	"purposes: {fix: {ttl: 15m, on_revoke: deny, delegate: {depth: 1, children: 1}, "
	"files: [{allow: [read], path: /usr/**}]}}}";

/* ---- the grants: whose they are ---- */

enum { ALICE_MAIL, CAROL_MAIL, ALICE_SUBS, ALICE_HERE, GRANTS };

static const struct {
	int signer; /* SIGNERS: no proof */
	const char *sub, *email;
} owners[GRANTS] = {
	[ALICE_MAIL] = {BY_MAIL, "alice", "alice@example.com"},
	[CAROL_MAIL] = {BY_MAIL, "carol", "carol@example.com"},
	[ALICE_SUBS] = {BY_SUBS, "alice", "alice@example.com"},
	[ALICE_HERE] = {SIGNERS, "alice", "alice@example.com"},
};

static void nonce_get(struct stage *s, char nonce[NONCE_TEXT], char kid[64])
{
	struct reply r;

	stage_request(s, BOB, "POST", "/v1/nonce", NULL, &r);
	snprintf(nonce, NONCE_TEXT, "%s", reply_text(&r, "nonce"));
	snprintf(kid, 64, "%s", reply_text(&r, "aud"));
	reply_free(&r);
}

static json_t *proof_of(struct stage *s, int who)
{
	char nonce[NONCE_TEXT], kid[64], digest[HASH_TEXT_BYTES], bound[STATEMENT_BOUND_BYTES], *text, *token;
	struct statement st = {.aud = kid,
			       .nonce = nonce,
			       .policy_digest = digest,
			       .purpose = "fix",
			       .workdir = NULL,
			       .ttl_seconds = 600,
			       .iat = time(NULL)};
	json_int_t now = time(NULL);
	json_t *claims, *proof;

	nonce_get(s, nonce, kid);
	assert_int_equal(hash_text(policy, strlen(policy), digest), 0);
	assert_int_equal(statement_write(&st, &text), 0);
	statement_nonce(text, strlen(text), bound);
	claims =
		json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:b}", "iss", issuer_names[owners[who].signer],
			  "sub", owners[who].sub, "aud", "deputy", "iat", now - age, "exp", now + 300,
			  "nonce", bound, "email", owners[who].email, "email_verified", 1);
	assert_int_equal(jwt_sign(keys[owners[who].signer], "JWT", claims, &token), 0);
	proof = json_pack("{s:s, s:s, s:s}", "type", "oidc", "statement", text, "id_token", token);
	json_decref(claims);
	free(token);
	free(text);
	return proof;
}

static long mint_try(struct stage *s, int who, char id[ID_BYTES])
{
	json_t *o = json_pack("{s:{s:s, s:s}, s:s, s:s}", "policy", "name", "coder.yaml", "text", policy,
			      "purpose", "fix", "ttl", "10m");
	struct reply r;
	char *body;
	long status;

	if (owners[who].signer < SIGNERS)
		json_object_set_new(o, "proof", proof_of(s, who));
	body = json_dumps(o, 0);
	stage_request(s, owners[who].signer < SIGNERS ? BOB : ALICE, "POST", "/v1/grants", body, &r);
	status = r.status;
	if (status != 201 && !strstr(r.text, "this login of"))
		fail_msg("%ld %s", r.status, r.text);
	snprintf(id, ID_BYTES, "%s", reply_text(&r, "grant"));
	reply_free(&r);
	json_decref(o);
	free(body);
	return status;
}

static void mint(struct stage *s, int who, char id[ID_BYTES])
{
	assert_int_equal(mint_try(s, who, id), 201);
}

static bool lives(struct stage *s, const char *id)
{
	struct reply r;
	char path[64];
	bool is;

	snprintf(path, sizeof(path), "/v1/grants/%s", id);
	stage_request(s, 0, "GET", path, NULL, &r);
	is = !strcmp(reply_text(&r, "state"), "live");
	reply_free(&r);
	return is;
}

static void expect_ended(struct stage *s, char id[GRANTS][ID_BYTES], unsigned ended, const char *what)
{
	for (int i = 0; i < GRANTS; i++)
		if (lives(s, id[i]) == (ended >> i & 1))
			fail_msg("%s: grant %d %s", what, i, ended >> i & 1 ? "lives" : "ended");
}

/* ---- the stage ---- */

static void issuer_add(int signer, const char *domain)
{
	struct oidc_issuer *i = &issuers.list[issuers.count++];
	json_t *set = key_set(key_public(keys[signer]));
	char path[128];

	snprintf(path, sizeof(path), "%s/%d.json", dir, signer);
	assert_int_equal(json_dump_file(set, path, 0), 0);
	assert_int_equal(chmod(path, 0644), 0);
	json_decref(set);
	oidc_issuer_defaults(i);
	i->issuer = strdup(issuer_names[signer]);
	i->jwks = strdup(path);
	i->audience.list[i->audience.count++] = strdup("deputy");
	i->by_email = domain;
	if (domain)
		i->domains.list[i->domains.count++] = strdup(domain);
}

static int setup(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	struct broker_options o = stage_options;
	unsigned char seed[KEY_SEED_BYTES] = {0};

	age = 0;
	strcpy(dir, "/tmp/deputy-sets-XXXXXX");
	if (sodium_init() < 0 || !mkdtemp(dir))
		return -1;
	for (int i = 0; i < SIGNERS; i++) {
		seed[0] = (unsigned char)(i + 1);
		if (key_from_seed(seed, &keys[i]))
			return -1;
	}
	issuer_add(BY_MAIL, "example.com");
	issuer_add(BY_SUBS, NULL);
	o.issuers = &issuers;
	stage_open(s, &o);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	char path[128];

	for (int i = 0; i < SIGNERS; i++) {
		snprintf(path, sizeof(path), "%s/%d.json", dir, i);
		unlink(path);
		key_free(keys[i]);
	}
	rmdir(dir);
	oidc_issuers_free(&issuers);
	return stage_teardown(state);
}

/* ---- events ---- */

static json_t *value(const char *json)
{
	json_t *v = json_loads(json, JSON_DECODE_ANY, NULL);

	assert_non_null(v);
	return v;
}

/* A good one with these events; then members of `more` are in place of its own, null ones missing. */
static json_t *claims_of(int signer, const char *event, const char *more)
{
	static unsigned count;
	json_auto_t *changes = value(more);
	json_t *claims = json_pack("{s:s, s:s, s:I, s:o, s:{s:{}}}", "iss", issuer_names[signer], "aud",
				   "deputy", "iat", (json_int_t)time(NULL), "jti",
				   json_sprintf("j%u", count++), "events", event);
	const char *name;
	json_t *v;

	json_object_foreach (changes, name, v) {
		if (json_is_null(v))
			json_object_del(claims, name);
		else
			json_object_set(claims, name, v);
	}
	return claims;
}

static void push_text(struct stage *s, const char *text, struct reply *r)
{
	s->content_type = "application/secevent+jwt";
	stage_request(s, BOB, "POST", "/v1/sets", text, r);
	s->content_type = NULL;
}

static void push(struct stage *s, int signer, const char *typ, const json_t *claims, struct reply *r)
{
	char *text;

	assert_int_equal(jwt_sign(keys[signer], typ, claims, &text), 0);
	push_text(s, text, r);
	free(text);
}

/* In `more`, where a grant's id is meant. */
static char *with_ids(const char *text, char id[GRANTS][ID_BYTES])
{
	char *out = strdup(text), *at;

	while ((at = strstr(out, "%ID"))) {
		int who = at[3] - '0';
		char *next;

		*at = '\0';
		assert_true(asprintf(&next, "%s%s%s", out, id[who], at + 4) > 0);
		free(out);
		out = next;
	}
	return out;
}

#define MAIL_OF(user)  "{\"format\": \"email\", \"email\": \"" user "\"}"
#define SUB_OF(iss, s) "{\"format\": \"iss_sub\", \"iss\": \"" iss "\", \"sub\": \"" s "\"}"
#define ID_OF(id)      "{\"format\": \"opaque\", \"id\": \"" id "\"}"
#define BIT(who)       (1u << (who))

static const struct {
	int signer;
	const char *event;
	const char *more;
	const char *err; /* NULL: 202 */
	unsigned ended;
} cases[] = {
	/* whose they are */
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub_id\": " MAIL_OF("alice@example.com") "}", NULL,
	 BIT(ALICE_MAIL)},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub_id\": " MAIL_OF("alice@Example.COM") "}", NULL,
	 BIT(ALICE_MAIL)},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub_id\": " MAIL_OF("Alice@example.com") "}", NULL, 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub_id\": " MAIL_OF("dave@example.com") "}", NULL, 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub_id\": " SUB_OF(MAIL, "carol") "}", NULL, BIT(CAROL_MAIL)},
	{BY_SUBS, SET_SESSION_REVOKED, "{\"sub_id\": " SUB_OF(SUBS, "alice") "}", NULL, BIT(ALICE_SUBS)},
	{BY_SUBS, SET_SESSION_REVOKED, "{\"sub_id\": " SUB_OF(SUBS, "alic") "}", NULL, 0},
	{BY_SUBS, SET_SESSION_REVOKED, "{\"sub\": \"alice\"}", NULL, BIT(ALICE_SUBS)},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub_id\": " ID_OF("%ID0") "}", NULL, BIT(ALICE_MAIL)},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub_id\": " ID_OF("nothing") "}", NULL, 0},
	{BY_MAIL, SET_SESSION_REVOKED,
	 "{\"sub_id\": {\"format\": \"complex\", \"user\": " MAIL_OF("alice@example.com") "}}", NULL,
	 BIT(ALICE_MAIL)},
	/* a session that we know; one of the issuer's own, so all of the user's; another user's grant */
	{BY_MAIL, SET_SESSION_REVOKED,
	 "{\"sub_id\": {\"format\": \"complex\", \"user\": " MAIL_OF(
		 "alice@example.com") ", \"session\": " ID_OF("%ID0") "}}",
	 NULL, BIT(ALICE_MAIL)},
	{BY_MAIL, SET_SESSION_REVOKED,
	 "{\"sub_id\": {\"format\": \"complex\", \"user\": " MAIL_OF(
		 "alice@example.com") ", \"session\": " ID_OF("sid-1") "}}",
	 NULL, BIT(ALICE_MAIL)},
	{BY_MAIL, SET_SESSION_REVOKED,
	 "{\"sub_id\": {\"format\": \"complex\", \"user\": " MAIL_OF(
		 "alice@example.com") ", \"session\": " ID_OF("%ID1") "}}",
	 NULL, 0},
	/* where the subject stood in drafts */
	{BY_MAIL, "x",
	 "{\"events\": {\"" SET_SESSION_REVOKED "\": {\"subject\": " MAIL_OF("alice@example.com") "}}}", NULL,
	 BIT(ALICE_MAIL)},
	{BY_MAIL, "x",
	 "{\"events\": {\"x\": {}, \"" SET_SESSION_REVOKED
	 "\": {}}, \"sub_id\": " MAIL_OF("alice@example.com") "}",
	 NULL, BIT(ALICE_MAIL)},
	/* never another's: another issuer's users, local users, users of the same name */
	{BY_SUBS, SET_SESSION_REVOKED, "{\"sub_id\": " SUB_OF(MAIL, "alice") "}", "access_denied", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub_id\": " SUB_OF(SUBS, "alice") "}", "access_denied", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub_id\": " MAIL_OF("alice@other.example") "}", "access_denied",
	 0},
	{BY_SUBS, SET_SESSION_REVOKED, "{\"sub_id\": " MAIL_OF("alice@example.com") "}", "invalid_request",
	 0},
	{BY_SUBS, SET_SESSION_REVOKED, "{\"sub_id\": " ID_OF("%ID0") "}", NULL, 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub_id\": " ID_OF("%ID3") "}", NULL, 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub\": \"uid:1234567\"}", NULL, 0},
	/* events */
	{BY_MAIL, SET_GRANT_REVOKED, "{\"sub_id\": " MAIL_OF("alice@example.com") "}", NULL, BIT(ALICE_MAIL)},
	{BY_MAIL, RISC "sessions-revoked", "{\"sub_id\": " MAIL_OF("alice@example.com") "}", NULL,
	 BIT(ALICE_MAIL)},
	{BY_MAIL, RISC "account-disabled", "{\"sub_id\": " MAIL_OF("alice@example.com") "}", NULL,
	 BIT(ALICE_MAIL)},
	{BY_MAIL, RISC "account-purged", "{\"sub_id\": " MAIL_OF("alice@example.com") "}", NULL,
	 BIT(ALICE_MAIL)},
	{BY_MAIL, RISC "account-enabled", "{\"sub_id\": " MAIL_OF("alice@example.com") "}", NULL, 0},
	{BY_MAIL, CAEP "session-revoke", "{\"sub_id\": " MAIL_OF("alice@example.com") "}", NULL, 0},
	{BY_MAIL, CAEP "session-established", "{\"sub_id\": 7}", NULL, 0}, /* not looked at */
	/* when: what began later is another session's */
	{BY_MAIL, "x",
	 "{\"events\": {\"" SET_SESSION_REVOKED
	 "\": {\"event_timestamp\": 1000}}, \"sub_id\": " MAIL_OF("alice@example.com") "}",
	 NULL, 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"toe\": 1000, \"sub_id\": " MAIL_OF("alice@example.com") "}", NULL,
	 0},
	{BY_MAIL, "x", /* in milliseconds, as drafts had it: no time of ours, so `iat` counts */
	 "{\"events\": {\"" SET_SESSION_REVOKED
	 "\": {\"event_timestamp\": 1700000000000}}, \"sub_id\": " MAIL_OF("alice@example.com") "}",
	 NULL, BIT(ALICE_MAIL)},
	/* malformed */
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub_id\": {\"email\": \"alice@example.com\"}}", "invalid_request",
	 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub_id\": {\"format\": \"email\"}}", "invalid_request", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub_id\": " MAIL_OF("alice") "}", "invalid_request", 0},
	{BY_MAIL, SET_SESSION_REVOKED,
	 "{\"sub_id\": {\"format\": \"email\", \"email\": \"alice@example.com\", \"device\": 1}}",
	 "invalid_request", 0},
	{BY_MAIL, SET_SESSION_REVOKED,
	 "{\"sub_id\": {\"format\": \"phone_number\", \"phone_number\": \"+1\"}}", "invalid_request", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub_id\": {\"format\": \"opaque\", \"id\": \"\"}}",
	 "invalid_request", 0},
	{BY_MAIL, SET_SESSION_REVOKED,
	 "{\"sub_id\": {\"format\": \"complex\", \"user\": " MAIL_OF(
		 "alice@example.com") ", \"device\": " ID_OF("d") "}}",
	 "invalid_request", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub_id\": {\"format\": \"complex\"}}", "invalid_request", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub_id\": {\"format\": \"complex\", \"user\": " ID_OF("%ID0") "}}",
	 "invalid_request", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{}", "invalid_request", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"sub\": \"alice\", \"sub_id\": " MAIL_OF("alice@example.com") "}",
	 "invalid_request", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"jti\": null, \"sub\": \"alice\"}", "invalid_request", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"jti\": \"\", \"sub\": \"alice\"}", "invalid_request", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"iat\": null, \"sub\": \"alice\"}", "invalid_request", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"iat\": 4102444800, \"sub\": \"alice\"}", "invalid_request", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"iat\": 1000, \"sub\": \"alice\"}", "invalid_request", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"events\": {}, \"sub\": \"alice\"}", "invalid_request", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"events\": null, \"sub\": \"alice\"}", "invalid_request", 0},
	{BY_MAIL, "x", "{\"events\": {\"" SET_SESSION_REVOKED "\": 1}, \"sub\": \"alice\"}",
	 "invalid_request", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"aud\": null, \"sub\": \"alice\"}", "access_denied", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"aud\": \"another\", \"sub\": \"alice\"}", "access_denied", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"aud\": [\"another\", \"deputy\"], \"sub\": \"alice\"}", NULL,
	 BIT(ALICE_MAIL)},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"iss\": \"" SUBS "\", \"sub\": \"alice\"}", "invalid_key", 0},
	{BY_MAIL, SET_SESSION_REVOKED, "{\"iss\": null, \"sub\": \"alice\"}", "invalid_key", 0},
	{BY_NOBODY, SET_SESSION_REVOKED, "{\"sub\": \"alice\"}", "invalid_key", 0},
};

static void one(struct stage *s, size_t i, char id[GRANTS][ID_BYTES])
{
	char *more = with_ids(cases[i].more, id), what[32];
	json_t *claims = claims_of(cases[i].signer, cases[i].event, more);
	struct reply r;

	push(s, cases[i].signer, SET_TYPE, claims, &r);
	if (r.status != (cases[i].err ? 400 : 202) || strcmp(reply_text(&r, "err"), cases[i].err ?: "") ||
	    (cases[i].err ? !*reply_text(&r, "description") : r.size != 0))
		fail_msg("case %zu: %ld %s", i, r.status, r.text);
	snprintf(what, sizeof(what), "case %zu", i);
	expect_ended(s, id, cases[i].ended, what);
	reply_free(&r);
	json_decref(claims);
	free(more);
}

static void whose(void **state)
{
	struct stage *s = *state;
	char id[GRANTS][ID_BYTES];
	unsigned ended = ~0u;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int g = 0; g < GRANTS; g++)
			if (ended >> g & 1)
				mint(s, g, id[g]);
		one(s, i, id);
		ended = cases[i].ended;
	}
	print_message("# %zu events\n", sizeof(cases) / sizeof(cases[0]));
}

/* All of a user's, each with its own mode and reason; and the next events are of that. */
static void done(void **state)
{
	struct stage *s = *state;
	json_t *claims = claims_of(BY_MAIL, SET_SESSION_REVOKED, "{\"jti\": \"j-1\", \"sub\": \"alice\"}");
	char id[2][ID_BYTES];
	struct record_message m;
	struct reply r;

	mint(s, ALICE_MAIL, id[0]);
	mint(s, ALICE_MAIL, id[1]);
	push(s, BY_MAIL, SET_TYPE, claims, &r);
	assert_int_equal(r.status, 202);
	reply_free(&r);
	assert_int_equal(stage_calls(s, WARDEN_REVOKE), 2);
	assert_false(lives(s, id[0]) || lives(s, id[1]));
	assert_true(stage_heard(s, NOTE_REVOKED, 2));
	assert_true(stage_note(s, NOTE_REVOKED, &m));
	assert_string_equal(m.text, "by event j-1 of " MAIL ", mode deny");
	stage_request(s, 0, "POST", "/v1/sets/poll", "{\"returnImmediately\": true}", &r);
	assert_int_equal(json_object_size(json_object_get(r.json, "sets")), 2);
	reply_free(&r);
	json_decref(claims);
}

/* The same event again ends nothing more, though the grant began in the same second. */
static void replayed(void **state)
{
	struct stage *s = *state;
	json_t *claims = claims_of(BY_MAIL, SET_SESSION_REVOKED, "{\"sub\": \"alice\"}");
	char id[ID_BYTES];
	struct reply r;

	mint(s, ALICE_MAIL, id);
	push(s, BY_MAIL, SET_TYPE, claims, &r);
	reply_free(&r);
	assert_false(lives(s, id));
	mint(s, ALICE_MAIL, id);
	push(s, BY_MAIL, SET_TYPE, claims, &r);
	assert_int_equal(r.status, 202);
	reply_free(&r);
	assert_true(lives(s, id));
	json_object_set_new(claims, "jti", json_string("another"));
	push(s, BY_MAIL, SET_TYPE, claims, &r);
	assert_int_equal(r.status, 202);
	reply_free(&r);
	assert_false(lives(s, id));
	json_decref(claims);
}

/* Of alice, by her issuer, so many seconds ago. */
static void alice_out(struct stage *s, json_int_t ago)
{
	json_t *claims = claims_of(BY_MAIL, SET_SESSION_REVOKED, "{\"sub\": \"alice\"}");
	struct reply r;

	json_object_set_new(claims, "iat", json_integer(time(NULL) - ago));
	push(s, BY_MAIL, SET_TYPE, claims, &r);
	assert_int_equal(r.status, 202);
	reply_free(&r);
	json_decref(claims);
}

/* A grant that began after the event, by a login of before it; and one by a login of after it. */
static void begun_late(void **state)
{
	struct stage *s = *state;
	char old[ID_BYTES], new[ID_BYTES];

	age = 200;
	mint(s, ALICE_MAIL, old);
	age = 80;
	mint(s, ALICE_MAIL, new);
	alice_out(s, 120);
	assert_false(lives(s, old));
	assert_true(lives(s, new));
	alice_out(s, 90);
	assert_true(lives(s, new));
	alice_out(s, 70);
	assert_false(lives(s, new));
}

/* A grant that is asked for after the event has come, by a login of before it. */
static void brought_late(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];

	alice_out(s, 120);
	age = 200;
	assert_int_equal(mint_try(s, ALICE_MAIL, id), 403);
	mint(s, CAROL_MAIL, id);
	mint(s, ALICE_SUBS, id);
	mint(s, ALICE_HERE, id);
	age = 80;
	mint(s, ALICE_MAIL, id);
	assert_true(lives(s, id));
}

static long renew(struct stage *s, const char *id)
{
	json_t *o = json_pack("{s:{s:s, s:s}, s:s, s:o}", "policy", "name", "coder.yaml", "text", policy,
			      "ttl", "10m", "proof", proof_of(s, ALICE_MAIL));
	char path[64], *body = json_dumps(o, 0);
	struct reply r;
	long status;

	snprintf(path, sizeof(path), "/v1/grants/%s/renew", id);
	stage_request(s, BOB, "POST", path, body, &r);
	status = r.status;
	if (status != 200 && !strstr(r.text, "this login of"))
		fail_msg("%ld %s", r.status, r.text);
	reply_free(&r);
	json_decref(o);
	free(body);
	return status;
}

/* Nor is one that goes on renewed by it. */
static void renewed_late(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];

	age = 80;
	mint(s, ALICE_MAIL, id);
	alice_out(s, 120);
	age = 200;
	assert_int_equal(renew(s, id), 403);
	age = 50;
	assert_int_equal(renew(s, id), 200);
	alice_out(s, 60); /* it goes on by the login of after this */
	assert_true(lives(s, id));
	alice_out(s, 40);
	assert_false(lives(s, id));
}

/* More events than are remembered: then nobody of that issuer's comes in by an old login, whoever it was. */
static void many(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], more[64];

	alice_out(s, 120);
	for (unsigned i = 0; i < LOGOUTS_MAX; i++) {
		json_t *claims;
		struct reply r;

		if (i == LOGOUTS_MAX - 1) {
			age = 200;
			mint(s, CAROL_MAIL, id);
		}
		snprintf(more, sizeof(more), "{\"sub\": \"u%u\"}", i);
		claims = claims_of(BY_MAIL, SET_SESSION_REVOKED, more);
		push(s, BY_MAIL, SET_TYPE, claims, &r);
		assert_int_equal(r.status, 202);
		reply_free(&r);
		json_decref(claims);
	}
	assert_true(lives(s, id));
	assert_int_equal(mint_try(s, ALICE_MAIL, id), 403);
	assert_int_equal(mint_try(s, CAROL_MAIL, id), 403);
	mint(s, ALICE_SUBS, id);
	age = 80;
	mint(s, CAROL_MAIL, id);
	mint(s, ALICE_MAIL, id);
}

/* What could not be done is not taken, so that it comes again. */
static void failed(void **state)
{
	struct stage *s = *state;
	json_t *claims = claims_of(BY_MAIL, SET_SESSION_REVOKED, "{\"sub\": \"alice\"}");
	char id[ID_BYTES];
	struct reply r;

	mint(s, ALICE_MAIL, id);
	stage_fail(s, WARDEN_REVOKE, -EIO);
	push(s, BY_MAIL, SET_TYPE, claims, &r);
	assert_int_equal(r.status, 503);
	assert_string_equal(reply_message(&r), "1 of 1 grants could not be revoked and go on");
	reply_free(&r);
	assert_true(lives(s, id));
	stage_fail(s, WARDEN_REVOKE, 0);
	push(s, BY_MAIL, SET_TYPE, claims, &r);
	assert_int_equal(r.status, 202);
	reply_free(&r);
	assert_false(lives(s, id));
	json_decref(claims);
}

/* No other token of the issuer's is an event, and no other body. */
static void other_tokens(void **state)
{
	static const char *const types[] = {"JWT", "at+jwt", "logout+jwt", "secevent+jw"};
	struct stage *s = *state;
	json_t *claims = claims_of(BY_MAIL, SET_SESSION_REVOKED, "{\"sub\": \"alice\"}");
	char id[ID_BYTES], *text, *at, was;
	struct reply r;

	mint(s, ALICE_MAIL, id);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		push(s, BY_MAIL, types[i], claims, &r);
		assert_int_equal(r.status, 400);
		assert_string_equal(reply_text(&r, "err"), "invalid_request");
		reply_free(&r);
	}
	assert_int_equal(jwt_sign(keys[BY_MAIL], SET_TYPE, claims, &text), 0);
	stage_request(s, BOB, "POST", "/v1/sets", text, &r); /* as a form */
	assert_string_equal(reply_text(&r, "err"), "invalid_request");
	reply_free(&r);
	at = &text[strlen(text) - 10];
	was = *at;
	*at = was == 'A' ? 'B' : 'A';
	push_text(s, text, &r);
	assert_string_equal(reply_text(&r, "err"), "invalid_key");
	reply_free(&r);
	*at = was;
	push_text(s, "", &r);
	assert_string_equal(reply_text(&r, "err"), "invalid_request");
	reply_free(&r);
	assert_true(lives(s, id));
	stage_caller(s, 1, 7, 1); /* carried by an agent: it revokes nothing */
	push_text(s, text, &r);
	assert_int_equal(r.status, 403);
	reply_free(&r);
	stage_caller(s, 0, 0, 1);
	assert_true(lives(s, id));
	push_text(s, text, &r);
	assert_int_equal(r.status, 202);
	reply_free(&r);
	assert_false(lives(s, id));
	free(text);
	json_decref(claims);
}

static void no_issuers(void **state)
{
	struct stage *s = *state;
	struct reply r;

	push_text(s, "x", &r);
	assert_int_equal(r.status, 400);
	assert_string_equal(reply_text(&r, "err"), "invalid_issuer");
	reply_free(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whose, setup, teardown),
		cmocka_unit_test_setup_teardown(done, setup, teardown),
		cmocka_unit_test_setup_teardown(replayed, setup, teardown),
		cmocka_unit_test_setup_teardown(begun_late, setup, teardown),
		cmocka_unit_test_setup_teardown(brought_late, setup, teardown),
		cmocka_unit_test_setup_teardown(renewed_late, setup, teardown),
		cmocka_unit_test_setup_teardown(many, setup, teardown),
		cmocka_unit_test_setup_teardown(failed, setup, teardown),
		cmocka_unit_test_setup_teardown(other_tokens, setup, teardown),
		cmocka_unit_test_setup_teardown(no_issuers, stage_setup, stage_teardown),
	};

	return cmocka_run_group_tests_name("sets_receive", tests, NULL, NULL);
}
