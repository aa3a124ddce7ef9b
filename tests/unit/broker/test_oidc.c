/* SPDX-License-Identifier: Apache-2.0 */
/* An owner who is nobody on this host, and his ID token: what it lets happen, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/issuer_keys.h"
#include "broker/nonces.h"
#include "broker/text.h"
#include "proof/forge.h"
#include "proof/oidc.h"
#include "proof/statement.h"
#include "stage.h"
#include "token/hash.h"

#define MAIL "https://login.example"	   /* whose owners are addresses at example.com */
#define SUBS "https://other.example/realm" /* whose owners are its subjects */

static char dir[64], mail_keys[96], subs_keys[96];
static struct oidc_issuers issuers;
static char policy[2048];
static char longest[OWNER_BYTES - sizeof("oidc:" SUBS "#") + 1]; /* subject of which a name can be */

/* One request for a grant, and what is wrong with it. */
struct ask {
	const char *alg, *kid;
	const char *header;	   /* NULL: as alg and kid have it */
	const char *signer;	   /* NULL: alg's key */
	const char *claim, *value; /* one that is set to this JSON; value NULL: that is missing */
	const char *claim2, *value2;
	const char *said;	    /* the `nonce` of the token; NULL: the right one */
	const char *nonce;	    /* of the host; NULL: a fresh one */
	struct statement agreed_to; /* members that are not NULL or 0 are in place of the right ones */
	const char *token;	    /* NULL: made of the above */
	const char *purpose, *type;
	int64_t iat; /* from now */
	bool subs, tamper;
	uid_t uid;
};

static const struct ask right = {.alg = "ES256", .kid = "es", .purpose = "fix", .type = "oidc", .uid = BOB};

static void keys_write(const char *path, json_t *keys)
{
	json_t *set = json_pack("{s:o}", "keys", keys);

	assert_int_equal(json_dump_file(set, path, 0), 0);
	assert_int_equal(chmod(path, 0644), 0);
	json_decref(set);
}

static void keys_add(json_t *keys, EVP_PKEY *key, const char *kid)
{
	json_t *jwk = forge_jwk(key);

	json_object_set_new(jwk, "kid", json_string(kid));
	json_array_append_new(keys, jwk);
}

static void issuer_add(const char *name, const char *jwks, const char *domain)
{
	struct oidc_issuer *i = &issuers.list[issuers.count];

	oidc_issuer_defaults(i);
	i->issuer = strdup(name);
	i->jwks = strdup(jwks);
	i->audience.list[i->audience.count++] = strdup("deputy");
	i->by_email = domain;
	if (domain)
		i->domains.list[i->domains.count++] = strdup(domain);
	assert_null(oidc_issuer_mistake(&issuers, i));
	issuers.count++;
}

static void policy_write(void)
{
	memset(longest, 'x', sizeof(longest) - 1);
	snprintf(policy, sizeof(policy),
		 "{apiVersion: deputy/v1, name: coder, owner: {any_of: ['oidc:alice@example.com', "
		 "'oidc:" SUBS "#alice', 'oidc:" SUBS "#%s']}, "
		 "purposes: {fix: {ttl: 15m, files: [{allow: [read], path: /usr/**}], "
		 "delegate: {depth: 1, children: 1}}, "
		 "other: {ttl: 15m, files: [{allow: [read], path: /etc/**}]}}}",
		 longest);
}

static int setup(void **state)
{
	static const char *const algs[] = {"RS256", "ES256", "ES384", "ES512", "EdDSA"};
	struct stage *s = calloc(1, sizeof(*s));
	struct broker_options o = stage_options;
	json_t *mail = json_array(), *subs = json_array();

	strcpy(dir, "/tmp/deputy-oidc-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(mail_keys, sizeof(mail_keys), "%s/mail.json", dir);
	snprintf(subs_keys, sizeof(subs_keys), "%s/subs.json", dir);
	keys_add(mail, forge_key("ES256"), "es");
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (strcmp(algs[i], "ES256")) /* that key is the other issuer's */
			keys_add(subs, forge_key(algs[i]), algs[i]);
	keys_write(mail_keys, mail);
	keys_write(subs_keys, subs);
	issuer_add(MAIL, mail_keys, "example.com");
	issuer_add(SUBS, subs_keys, NULL);
	policy_write();
	o.issuers = &issuers;
	stage_open(s, &o);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	oidc_issuers_free(&issuers);
	unlink(mail_keys);
	unlink(subs_keys);
	rmdir(dir);
	return stage_teardown(state);
}

static void nonce_get(struct stage *s, uid_t uid, char nonce[NONCE_TEXT], char kid[64])
{
	struct reply r;

	stage_request(s, uid, "POST", "/v1/nonce", NULL, &r);
	assert_int_equal(r.status, 200);
	snprintf(nonce, NONCE_TEXT, "%s", reply_text(&r, "nonce"));
	snprintf(kid, 64, "%s", reply_text(&r, "aud"));
	reply_free(&r);
}

static void claim_set(json_t *claims, const char *name, const char *value)
{
	if (name && value)
		json_object_set_new(claims, name, json_loads(value, JSON_DECODE_ANY, NULL));
	else if (name)
		json_object_del(claims, name);
}

static char *token_make(const struct ask *a, const char *nonce)
{
	int64_t now = time(NULL) + a->iat;
	json_t *claims =
		json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:b, s:s, s:[s, s]}", "iss",
			  a->subs ? SUBS : MAIL, "sub", "alice", "aud", "deputy", "iat", (json_int_t)now,
			  "exp", (json_int_t)now + 300, "nonce", a->said ?: nonce, "email",
			  "alice@Example.com", "email_verified", 1, "acr", "phr", "amr", "pwd", "hwk");
	char header[256], *payload, *token;

	claim_set(claims, a->claim, a->value);
	claim_set(claims, a->claim2, a->value2);
	payload = json_dumps(claims, JSON_COMPACT);
	json_decref(claims);
	snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"JWT\"}", a->alg, a->kid);
	token = forge_jws(forge_key(a->signer ?: a->alg), a->signer ?: a->alg, a->header ?: header, payload);
	if (a->tamper) {
		char *c = &token[strlen(token) - 10];

		*c = *c == 'A' ? 'B' : 'A';
	}
	free(payload);
	return token;
}

static char *statement_make(const struct ask *a, const char *nonce, const char *kid)
{
	char digest[HASH_TEXT_BYTES], *text;
	struct statement st = a->agreed_to;

	assert_int_equal(hash_text(policy, strlen(policy), digest), 0);
	st.aud = st.aud ?: kid;
	st.nonce = a->nonce ?: nonce;
	st.policy_digest = st.policy_digest ?: digest;
	st.purpose = st.purpose ?: a->purpose;
	st.workdir = st.workdir ?: "/w";
	st.ttl_seconds = st.ttl_seconds ?: 600;
	st.iat = st.iat ?: time(NULL);
	assert_int_equal(statement_write(&st, &text), 0);
	return text;
}

static void send(struct stage *s, const struct ask *a, const char *statement, const char *token,
		 struct reply *r)
{
	json_t *o = json_pack("{s:{s:s, s:s}, s:s, s:s, s:s, s:{s:s, s:s, s:s}}", "policy", "name",
			      "coder.yaml", "text", policy, "purpose", a->purpose, "ttl", "10m", "workdir",
			      "/w", "proof", "type", a->type, "statement", statement, "id_token", token);
	char *body = json_dumps(o, 0);

	stage_request(s, a->uid, "POST", "/v1/grants", body, r);
	json_decref(o);
	free(body);
}

static void ask(struct stage *s, const struct ask *a, struct reply *r)
{
	char nonce[NONCE_TEXT], kid[64], bound[STATEMENT_BOUND_BYTES], *statement, *token;

	nonce_get(s, a->uid, nonce, kid);
	statement = statement_make(a, nonce, kid);
	statement_nonce(statement, strlen(statement), bound);
	token = a->token ? strdup(a->token) : token_make(a, bound);
	send(s, a, statement, token, r);
	free(token);
	free(statement);
}

static void asks(struct stage *s, const struct ask *a, long status, const char *why)
{
	struct reply r;

	ask(s, a, &r);
	if (r.status != status || (why && !strstr(reply_message(&r), why)))
		fail_msg("%ld %s, and not %ld %s", r.status, r.text, status, why ?: "");
	reply_free(&r);
}

static const char *member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name)) ?: "";
}

/* ---- what a good one does ---- */

/* Whoever is shown the chain is told too. */
static void assert_assured(struct stage *s, const char *token)
{
	json_t *o = json_pack("{s:s}", "token", token);
	char *body = json_dumps(o, 0);
	const json_t *assurance;
	struct reply r;

	stage_request(s, BOB, "POST", "/v1/introspect", body, &r);
	assert_string_equal(reply_text(&r, "owner"), "oidc:alice@example.com");
	assurance = json_object_get(r.json, "assurance");
	assert_int_equal(json_object_size(assurance), 6);
	assert_string_equal(member(assurance, "method"), "oidc");
	assert_string_equal(member(assurance, "issuer"), MAIL);
	assert_string_equal(member(assurance, "subject"), "alice");
	assert_string_equal(member(assurance, "acr"), "phr");
	assert_string_equal(member(assurance, "amr"), "pwd hwk");
	reply_free(&r);
	json_decref(o);
	free(body);
}

static void by_email(void **state)
{
	struct stage *s = *state;
	const json_t *proof, *assurance;
	struct ask a = right;
	struct reply r, seen;
	char path[64];

	a.claim = "auth_time", a.value = "1700000000";
	ask(s, &a, &r);
	assert_int_equal(r.status, 201);
	assert_string_equal(reply_text(&r, "owner"), "oidc:alice@example.com");
	assert_string_equal(reply_text(&r, "assurance"), "oidc");
	proof = json_object_get(r.json, "proof");
	assert_int_equal(json_object_size(proof), 5);
	assert_string_equal(member(proof, "issuer"), MAIL);
	assert_string_equal(member(proof, "subject"), "alice");
	assert_string_equal(member(proof, "acr"), "phr");
	assert_string_equal(member(proof, "amr"), "pwd hwk");
	assert_string_equal(member(proof, "auth_time"), "1700000000");
	assert_assured(s, reply_text(&r, "token"));
	stage_caller(s, 1, 7, 1); /* what is delegated is no less his, and no better proven */
	stage_request(s, BOB, "POST", "/v1/delegate", "{}", &seen);
	stage_caller(s, 0, 0, 1);
	assert_int_equal(seen.status, 201);
	assert_true(json_equal(json_object_get(seen.json, "proof"), proof));
	assert_assured(s, reply_text(&seen, "token"));
	reply_free(&seen);
	snprintf(path, sizeof(path), "/v1/grants/%s/vc", reply_text(&r, "grant"));
	stage_request(s, BOB, "GET", path, NULL, &seen);
	assurance = json_object_get(json_object_get(seen.json, "credentialSubject"), "assurance");
	assert_string_equal(member(assurance, "method"), "oidc");
	assert_string_equal(member(assurance, "issuer"), MAIL);
	reply_free(&seen);
	stage_restart(s); /* and the next daemon knows it too */
	path[strlen(path) - strlen("/vc")] = '\0';
	stage_request(s, BOB, "GET", path, NULL, &seen);
	assert_int_equal(seen.status, 200);
	assert_string_equal(reply_text(&seen, "owner"), "oidc:alice@example.com");
	assert_true(json_equal(json_object_get(seen.json, "proof"), json_object_get(r.json, "proof")));
	reply_free(&seen);
	reply_free(&r);
}

static void by_subject(void **state)
{
	static const char *const algs[][2] = {
		{"RS256", "RS256"}, {"RS384", "RS256"}, {"RS512", "RS256"},
		{"PS256", "RS256"}, {"PS384", "RS256"}, {"PS512", "RS256"},
		{"ES384", "ES384"}, {"ES512", "ES512"}, {"EdDSA", "EdDSA"},
	};
	struct reply r;

	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		struct ask a = right;

		a.alg = algs[i][0], a.kid = algs[i][1], a.subs = true;
		a.claim = "acr", a.claim2 = "amr"; /* it says nothing of how */
		ask(*state, &a, &r);
		assert_int_equal(r.status, 201);
		assert_string_equal(reply_text(&r, "owner"), "oidc:" SUBS "#alice");
		assert_int_equal(json_object_size(json_object_get(r.json, "proof")), 2);
		reply_free(&r);
	}
}

/* ---- what is none ---- */

#define HEADER(alg) "{\"alg\":\"" alg "\",\"kid\":\"es\",\"typ\":\"JWT\"}"

static const struct {
	struct ask is; /* members that are set are in place of right's */
	long status;
	const char *why;
} wrongs[] = {
	{{.claim = "aud", .value = "\"other\""}, 403, "`aud` is not ours"},
	{{.claim = "aud", .value = "[\"deputy\",\"other\"]"}, 403, "`aud` has someone"},
	{{.iat = -361}, 403, "it has expired"},
	{{.iat = -700, .claim = "exp", .value = "4000000000"}, 403, "more than max_age ago"},
	{{.iat = 120}, 403, "of the future"},
	{{.said = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}, 403, "not the one that was given out"},
	{{.claim = "nonce"}, 403, "no `nonce`"},
	{{.claim = "iss", .value = "\"https://evil.example\""}, 403, "not the name of the issuer"},
	{{.claim = "iss", .value = "\"" SUBS "\""}, 403, "not the name of the issuer"},
	{{.kid = "se"}, 403, "no issuer has this key"},
	{{.alg = "EdDSA", .kid = "nobody's"}, 403, "no issuer has this key"},
	{{.header = "{\"alg\":\"ES256\"}", .subs = true}, 403, "not the name of the issuer"},
	{{.alg = "ES384", .kid = "es"}, 403, "the owner's ID token"},
	{{.signer = "ES384", .header = HEADER("ES256")}, 403, "the owner's ID token"},
	{{.header = HEADER("none")}, 403, "the owner's ID token"},
	{{.header = HEADER("HS256")}, 403, "the owner's ID token"},
	{{.tamper = true}, 403, "the signature is not this key's"},
	{{.claim = "email_verified", .value = "false"}, 403, "verified"},
	{{.claim = "email_verified", .value = "\"true\""}, 403, "verified"},
	{{.claim = "email_verified"}, 403, "verified"},
	{{.claim = "email"}, 403, "no `email`"},
	{{.claim = "email", .value = "\"alice@example.org\""}, 403, "in no domain"},
	{{.claim = "email", .value = "\"bob@example.com\""}, 403, "does not name oidc:bob@example.com"},
	{{.claim = "email", .value = "\"Alice@example.com\""}, 403, "does not name oidc:Alice@example.com"},
	{{.claim = "acr", .value = "\"a\\\"b\""}, 400, "`acr` is no plain text"},
	{{.claim = "amr", .value = "[\"pwd hwk\"]"}, 400, "`amr` is not of plain words"},
	{{.claim = "sub", .value = "\"a\\\\b\""}, 400, "`sub` is no plain text"},
	{{.claim = "events", .value = "{}"}, 400, "an event and no ID token"},
	{{.alg = "EdDSA", .kid = "EdDSA", .subs = true, .claim = "sub", .value = "\"mallory\""},
	 403,
	 "does not name oidc:" SUBS "#mallory"},
	{{.token = "a.b"}, 400, "the owner's ID token"},
	{{.token = "e30.e30.AA"}, 403, "an `alg` that we do not verify"},
	{{.agreed_to.purpose = "other"}, 403, "\"purpose\" differs"},
	{{.agreed_to.workdir = "/"}, 403, "\"workdir\" differs"},
	{{.agreed_to.ttl_seconds = 60}, 403, "\"ttl_seconds\" differs"},
	{{.agreed_to.aud = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}, 403, "\"aud\" differs"},
	{{.agreed_to.iat = 1700000000}, 403, "of another time"},
	{{.nonce = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}, 403, "the nonce was not given"},
	{{.type = "ssh"}, 400, "unknown member \"id_token\""},
	{{.uid = ALICE}, 201, NULL}, /* its twins: whoever may ask, if the owner says so */
	{{.claim = "aud", .value = "[\"deputy\"]"}, 201, NULL},
	{{.iat = -300}, 201, NULL},
	{{.iat = 50}, 201, NULL},
	{{.header = "{\"alg\":\"ES256\"}"}, 201, NULL}, /* of one key that is all there are */
};

static struct ask wrong(size_t i)
{
	struct ask a = wrongs[i].is;

	a.alg = a.alg ?: right.alg;
	a.kid = a.kid ?: right.kid;
	a.purpose = right.purpose;
	a.type = a.type ?: right.type;
	a.uid = a.uid ?: right.uid;
	return a;
}

static void refused(void **state)
{
	struct stage *s = *state;
	unsigned loads = stage_calls(s, WARDEN_LOAD), good = 0;

	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		struct ask a = wrong(i);

		asks(s, &a, wrongs[i].status, wrongs[i].why);
		good += wrongs[i].status == 201;
		assert_int_equal(stage_calls(s, WARDEN_LOAD) - loads, good);
	}
}

static void long_name(void **state)
{
	struct ask a = right;
	char sub[sizeof(longest) + 3];

	a.alg = a.kid = "EdDSA", a.subs = true, a.claim = "sub", a.value = sub;
	snprintf(sub, sizeof(sub), "\"%s\"", longest);
	asks(*state, &a, 201, NULL);
	snprintf(sub, sizeof(sub), "\"%sx\"", longest);
	asks(*state, &a, 403, "has 256 characters; the limit is 255");
}

/* A token answers one statement: it is good for no other, though that is as right by itself. */
static void bound(void **state)
{
	char nonce[NONCE_TEXT], kid[64], digest[STATEMENT_BOUND_BYTES];
	char *first, *second, *token;
	struct reply r;

	nonce_get(*state, BOB, nonce, kid);
	first = statement_make(&right, nonce, kid);
	nonce_get(*state, BOB, nonce, kid);
	second = statement_make(&right, nonce, kid);
	statement_nonce(first, strlen(first), digest);
	token = token_make(&right, digest);
	send(*state, &right, second, token, &r);
	assert_int_equal(r.status, 403);
	assert_non_null(strstr(reply_message(&r), "`nonce` is not the one"));
	reply_free(&r);
	send(*state, &right, first, token, &r);
	assert_int_equal(r.status, 201);
	reply_free(&r);
	send(*state, &right, first, token, &r); /* and only once */
	assert_int_equal(r.status, 403);
	assert_non_null(strstr(reply_message(&r), "was used before"));
	reply_free(&r);
	free(token);
	free(first);
	free(second);
}

/* Of the user whom the host gave it to. */
static void of_one_user(void **state)
{
	char nonce[NONCE_TEXT], kid[64];
	struct ask a = right;

	nonce_get(*state, BOB, nonce, kid);
	a.nonce = nonce;
	a.uid = ALICE;
	asks(*state, &a, 403, "the nonce was not given");
	a.uid = BOB;
	asks(*state, &a, 201, NULL);
}

/* ---- the issuer's keys ---- */

static void keys_rotate(void **state)
{
	EVP_PKEY *next = forge_new_key("ES256", 0);
	json_t *keys = json_array();
	FILE *f;

	asks(*state, &right, 201, NULL);
	keys_add(keys, next, "next");
	keys_write(mail_keys, keys); /* without the old one */
	asks(*state, &right, 403, "no issuer has this key");
	keys = json_array();
	keys_add(keys, next, "next");
	keys_add(keys, forge_key("ES256"), "es");
	keys_write(mail_keys, keys);
	asks(*state, &right, 201, NULL);
	f = fopen(mail_keys, "we");
	fputs("{\"keys\": [", f); /* as if it were still being written */
	fclose(f);
	asks(*state, &right, 403, "no issuer has this key");
	keys = json_array();
	keys_add(keys, forge_key("ES256"), "es");
	keys_write(mail_keys, keys);
	asks(*state, &right, 201, NULL);
	assert_int_equal(chmod(mail_keys, 0666), 0);
	asks(*state, &right, 403, "no issuer has this key");
	assert_int_equal(chmod(mail_keys, 0644), 0);
	asks(*state, &right, 201, NULL);
	unlink(mail_keys);
	asks(*state, &right, 403, "no issuer has this key");
	EVP_PKEY_free(next);
}

/* One issuer's trouble is not another's. */
static void keys_apart(void **state)
{
	struct ask a = right;

	a.alg = a.kid = "EdDSA", a.subs = true;
	unlink(mail_keys);
	asks(*state, &right, 403, "no issuer has this key");
	asks(*state, &a, 201, NULL);
}

/* With an issuer whose keys it cannot read, as whom it has become, no broker starts. */
static void start(void **state)
{
	(void)state;
	assert_int_equal(issuer_keys_start(NULL), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(seteuid(BOB), 0);
	assert_int_equal(issuer_keys_start(&issuers), 0);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(subs_keys, 0600), 0);
	assert_int_equal(issuer_keys_start(&issuers), 0);
	assert_int_equal(seteuid(BOB), 0);
	assert_int_equal(issuer_keys_start(&issuers), -EACCES);
	assert_int_equal(seteuid(0), 0);
	unlink(mail_keys);
	assert_int_equal(issuer_keys_start(&issuers), -ENOENT);
}

static void unconfigured(void **state)
{
	stage_restart(*state); /* with options that name no issuer */
	asks(*state, &right, 422, "deputyd.yaml names no issuers");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(by_email, setup, teardown),
		cmocka_unit_test_setup_teardown(by_subject, setup, teardown),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
		cmocka_unit_test_setup_teardown(long_name, setup, teardown),
		cmocka_unit_test_setup_teardown(bound, setup, teardown),
		cmocka_unit_test_setup_teardown(of_one_user, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_rotate, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(start, setup, teardown),
		cmocka_unit_test_setup_teardown(unconfigured, setup, teardown),
	};

	return cmocka_run_group_tests_name("broker/oidc", tests, NULL, forge_teardown);
}
