/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forge.h"
#include "proof/oidc.h"

#define NOW    1000000
#define ISSUER "https://login.example"

static struct oidc_issuers issuers;
static struct oidc_issuer *issuer; /* the first of them */

static void list_set(struct oidc_list *list, const char *text)
{
	list->list[list->count++] = strdup(text);
}

static void keys_set(struct oidc_issuer *i, char *text)
{
	jwk_set_free(&i->keys);
	assert_int_equal(jwk_set_parse(text, strlen(text), &i->keys, NULL), 0);
	free(text);
}

static struct oidc_issuer *issuer_add(const char *name, EVP_PKEY *key, const char *kid)
{
	struct oidc_issuer *i = &issuers.list[issuers.count++];

	oidc_issuer_defaults(i);
	i->issuer = strdup(name);
	i->jwks = strdup("/etc/deputy/jwks.json");
	list_set(&i->audience, "deputy");
	keys_set(i, forge_set(key, kid, NULL));
	return i;
}

static int setup(void **state)
{
	(void)state;
	issuer = issuer_add(ISSUER, forge_key("ES256"), "k1");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	oidc_issuers_free(&issuers);
	return 0;
}

static json_t *claims_good(void)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:s}", "iss", ISSUER, "sub", "alice", "aud", "deputy",
			 "iat", NOW - 10, "exp", NOW + 300, "nonce", "n-1");
}

/* `claims` NULL: PAYLOAD as it is. */
static int verify_text(const char *header, const char *payload, const char *nonce, int64_t now,
		       struct oidc_identity *id)
{
	char *text = forge_jws(forge_key("ES256"), "ES256", header, payload);
	struct why why = {""};
	int err = oidc_verify(&issuers, text, strlen(text), nonce, now, id, &why);

	free(text);
	if (err && !why.text[0])
		fail_msg("no reason for %d", err);
	return err;
}

#define HEADER "{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"JWT\"}"

static int verify_at(json_t *claims, const char *nonce, int64_t now, struct oidc_identity *id)
{
	char *payload = json_dumps(claims, 0);
	int err = verify_text(HEADER, payload, nonce, now, id);

	free(payload);
	json_decref(claims);
	return err;
}

static int verify(json_t *claims)
{
	struct oidc_identity id = {0};
	int err = verify_at(claims, "n-1", NOW, &id);

	oidc_identity_free(&id);
	return err;
}

static json_t *changed_claim(const char *name, const char *value)
{
	json_t *claims = claims_good();

	if (value)
		json_object_set_new(claims, name, json_loads(value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(claims, name);
	return claims;
}

static void identity(void **state)
{
	json_t *claims = claims_good();
	struct oidc_identity id;

	(void)state;
	json_object_set_new(claims, "acr", json_string("phr"));
	json_object_set_new(claims, "amr", json_pack("[s, s]", "pwd", "hwk"));
	json_object_set_new(claims, "auth_time", json_integer(NOW - 20));
	assert_int_equal(verify_at(claims, "n-1", NOW, &id), 0);
	assert_string_equal(id.owner, "oidc:" ISSUER "#alice");
	assert_string_equal(id.issuer, ISSUER);
	assert_string_equal(id.subject, "alice");
	assert_string_equal(id.acr, "phr");
	assert_string_equal(json_string_value(json_array_get(id.amr, 1)), "hwk");
	assert_int_equal(id.issued, NOW - 10);
	assert_int_equal(id.expires, NOW + 300);
	assert_int_equal(id.auth_time, NOW - 20);
	assert_int_equal(strlen(id.id), KID_BYTES - 1);
	oidc_identity_free(&id);
}

/* Two ECDSA signatures over one text are two texts, and one proof. */
static void replay_id(void **state)
{
	struct oidc_identity a, b;

	(void)state;
	assert_int_equal(verify_at(claims_good(), "n-1", NOW, &a), 0);
	assert_int_equal(verify_at(claims_good(), "n-1", NOW, &b), 0);
	assert_string_equal(a.id, b.id);
	oidc_identity_free(&b);
	assert_int_equal(verify_at(changed_claim("jti", "\"2\""), "n-1", NOW, &b), 0);
	assert_string_not_equal(a.id, b.id);
	oidc_identity_free(&a);
	oidc_identity_free(&b);
}

static void claim_changes(void **state)
{
	static const struct {
		const char *name, *value;
		int err;
	} cases[] = {
		{"iss", NULL, -EKEYREJECTED},
		{"iss", "\"https://login.example/\"", -EKEYREJECTED},
		{"iss", "\"HTTPS://login.example\"", -EKEYREJECTED},
		{"iss", "[\"https://login.example\"]", -EKEYREJECTED},
		{"sub", NULL, -EBADMSG},
		{"sub", "\"\"", -EBADMSG},
		{"sub", "7", -EBADMSG},
		{"sub", "\"a\\nb\"", -EBADMSG},
		{"sub", "\"\\u00e4\"", -EBADMSG},
		{"sub", "\"uid=a, ou=b\"", 0},
		{"aud", NULL, -EBADMSG},
		{"aud", "\"other\"", -EACCES},
		{"aud", "\"deputy2\"", -EACCES},
		{"aud", "\"Deputy\"", -EACCES},
		{"aud", "[]", -EBADMSG},
		{"aud", "[\"deputy\"]", 0},
		{"aud", "[\"other\"]", -EACCES},
		{"aud", "[\"deputy\", \"other\"]", -EACCES},
		{"aud", "[\"deputy\", \"friend\"]", -EACCES},
		{"aud", "[\"friend\"]", -EACCES},
		{"aud", "\"friend\"", -EACCES},
		{"aud", "[\"deputy\", 1]", -EBADMSG},
		{"aud", "{\"deputy\": 1}", -EBADMSG},
		{"azp", "\"deputy\"", 0},
		{"azp", "\"friend\"", -EACCES},
		{"azp", "1", -EBADMSG},
		{"nonce", NULL, -EACCES},
		{"nonce", "\"n-2\"", -EACCES},
		{"nonce", "\"n-10\"", -EACCES},
		{"nonce", "\"\"", -EACCES},
		{"nonce", "1", -EACCES},
		{"exp", NULL, -EBADMSG},
		{"exp", "\"1000300\"", -EBADMSG},
		{"exp", "-1", -EBADMSG},
		{"exp", "0", -EBADMSG},
		{"exp", "1e300", -EBADMSG},
		{"exp", "9223372036854775807", -EBADMSG},
		{"exp", "253402300799", 0},
		{"exp", "1000300.5", 0},
		{"exp", "999940", -EBADMSG}, /* before iat */
		{"iat", NULL, -EBADMSG},
		{"iat", "true", -EBADMSG},
		{"iat", "1000060", 0},
		{"iat", "1000061", -EAGAIN},
		{"iat", "999340", 0},
		{"iat", "999339", -EKEYEXPIRED},
		{"nbf", "1000060", 0},
		{"nbf", "1000061", -EAGAIN},
		{"nbf", "\"x\"", -EBADMSG},
		{"auth_time", "1000061", -EAGAIN},
		{"auth_time", "\"x\"", -EBADMSG},
		{"typ", "\"ID\"", 0},
		{"typ", "\"Bearer\"", -EBADMSG},
		{"typ", "1", -EBADMSG},
		{"events", "{}", -EBADMSG},
		{"acr", "1", -EBADMSG},
		{"amr", "\"pwd\"", -EBADMSG},
		{"amr", "[1]", -EBADMSG},
		{"unknown", "{\"a\": [1]}", 0},
	};

	json_t *both;

	(void)state;
	list_set(&issuer->other_audiences, "friend");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int err = verify(changed_claim(cases[i].name, cases[i].value));

		if (err != cases[i].err)
			fail_msg("%s=%s: %d", cases[i].name, cases[i].value, err);
	}
	both = changed_claim("aud", "[\"deputy\", \"friend\"]");
	json_object_set_new(both, "azp", json_string("deputy"));
	assert_int_equal(verify(both), 0);
	both = changed_claim("aud", "[\"deputy\", \"friend\"]");
	json_object_set_new(both, "azp", json_string("friend"));
	assert_int_equal(verify(both), -EACCES);
}

static void expiry(void **state)
{
	static const struct {
		int64_t now;
		int err;
	} cases[] = {{NOW, 0},
		     {NOW - 70, 0},
		     {NOW - 71, -EAGAIN},
		     {NOW + 359, 0},
		     {NOW + 360, -EKEYEXPIRED},
		     {0, -EAGAIN},
		     {-1, -EAGAIN},
		     {INT64_MAX, -EKEYEXPIRED}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct oidc_identity id = {0};

		assert_int_equal(verify_at(claims_good(), "n-1", cases[i].now, &id), cases[i].err);
		oidc_identity_free(&id);
	}
}

static void subject_length(void **state)
{
	(void)state;
	for (size_t len = OIDC_SUB_MAX; len <= OIDC_SUB_MAX + 1; len++) {
		char sub[OIDC_SUB_MAX + 2] = "";
		json_t *claims = claims_good();

		memset(sub, 's', len);
		json_object_set_new(claims, "sub", json_string(sub));
		assert_int_equal(verify(claims), len > OIDC_SUB_MAX ? -EBADMSG : 0);
	}
}

static void auth_age(void **state)
{
	(void)state;
	issuer->max_auth_age = 100;
	assert_int_equal(verify(claims_good()), -EBADMSG);
	assert_int_equal(verify(changed_claim("auth_time", "999840")), 0);
	assert_int_equal(verify(changed_claim("auth_time", "999839")), -EKEYEXPIRED);
}

static void nonces(void **state)
{
	struct oidc_identity id = {0};

	(void)state;
	assert_int_equal(verify_at(claims_good(), NULL, NOW, &id), -EACCES);
	issuer->nonce = false;
	assert_int_equal(verify_at(claims_good(), NULL, NOW, &id), 0);
	oidc_identity_free(&id);
	/* one that was given out must come back all the same */
	assert_int_equal(verify_at(changed_claim("nonce", NULL), "n-1", NOW, &id), -EACCES);
	assert_int_equal(verify_at(claims_good(), "n-2", NOW, &id), -EACCES);
}

static void required(void **state)
{
	static const struct {
		const char *name, *value;
		int err;
	} cases[] = {
		{"groups", NULL, -EACCES},
		{"groups", "[]", -EACCES},
		{"groups", "[\"ops\"]", 0},
		{"groups", "[1, \"dev\"]", 0},
		{"groups", "\"dev\"", 0},
		{"groups", "[\"developers\"]", -EACCES},
		{"groups", "{\"dev\": 1}", -EACCES},
		{"groups", "[[\"dev\"]]", -EACCES},
		{"groups", "null", -EACCES},
	};

	(void)state;
	issuer->
		requires
	= 1;
	issuer->require[0].name = strdup("groups");
	list_set(&issuer->require[0].any_of, "dev");
	list_set(&issuer->require[0].any_of, "ops");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (verify(changed_claim(cases[i].name, cases[i].value)) != cases[i].err)
			fail_msg("%s", cases[i].value);
	free(issuer->require[0].name);
	issuer->require[0].name = strdup("employed");
	list_set(&issuer->require[0].any_of, "true");
	assert_int_equal(verify(changed_claim("employed", "true")), 0);
	assert_int_equal(verify(changed_claim("employed", "false")), -EACCES);
}

static int verify_email(const char *email, const char *verified, struct oidc_identity *id)
{
	json_t *claims = claims_good();

	if (email)
		json_object_set_new(claims, "email", json_loads(email, JSON_DECODE_ANY, NULL));
	if (verified)
		json_object_set_new(claims, "email_verified", json_loads(verified, JSON_DECODE_ANY, NULL));
	return verify_at(claims, "n-1", NOW, id);
}

static void by_email(void **state)
{
	static const struct {
		const char *email, *verified;
		int err;
	} cases[] = {
		{"\"alice@evil.example\"", "true", -EACCES},
		{"\"alice@example.com.evil.example\"", "true", -EACCES},
		{"\"alice@sub.example.com\"", "true", -EACCES},
		{"\"alice@example.com\"", "false", -EACCES},
		{"\"alice@example.com\"", "\"true\"", -EACCES},
		{"\"alice@example.com\"", NULL, -EACCES},
		{NULL, "true", -EACCES},
		{"\"example.com\"", "true", -EACCES},
		{"\"@example.com\"", "true", -EBADMSG},
		{"\"a@b@example.com\"", "true", -EACCES},
		{"\"\\\"a@b\\\"@example.com\"", "true", -EBADMSG},
		{"\"https://x#y@example.com\"", "true", -EBADMSG},
		{"\"a b@example.com\"", "true", -EBADMSG},
		{"\"\\u00e4@example.com\"", "true", -EBADMSG},
		{"[\"alice@example.com\"]", "true", -EACCES},
	};
	struct oidc_identity id;

	(void)state;
	issuer->by_email = true;
	list_set(&issuer->domains, "example.com");
	assert_int_equal(verify_email("\"Alice.B@Example.COM\"", "true", &id), 0);
	assert_string_equal(id.owner, "oidc:Alice.B@example.com");
	assert_string_equal(id.subject, "alice");
	oidc_identity_free(&id);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (verify_email(cases[i].email, cases[i].verified, &id) != cases[i].err)
			fail_msg("%s", cases[i].email);
}

static void header_forms(void **state)
{
	static const struct {
		const char *header;
		int err;
	} cases[] = {
		{HEADER, 0},
		{"{\"alg\":\"ES256\",\"kid\":\"k1\"}", 0},
		{"{\"alg\":\"ES256\"}", 0}, /* there is one key only */
		{"{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"application/jwt\"}", 0},
		{"{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"at+jwt\"}", -EBADMSG},
		{"{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"logout+jwt\"}", -EBADMSG},
		{"{\"alg\":\"ES256\",\"kid\":\"k2\"}", -ENOKEY},
		{"{\"alg\":\"ES384\",\"kid\":\"k1\"}", -EKEYREJECTED},
		{"{\"alg\":\"HS256\",\"kid\":\"k1\"}", -ENOTSUP},
		{"{\"alg\":\"none\"}", -ENOTSUP},
	};
	json_auto_t *claims = claims_good();
	char *payload = json_dumps(claims, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct oidc_identity id = {0};

		if (verify_text(cases[i].header, payload, "n-1", NOW, &id) != cases[i].err)
			fail_msg("%s", cases[i].header);
		oidc_identity_free(&id);
	}
	free(payload);
}

static void payload_forms(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"[]",
		"{\"iss\":\"" ISSUER "\",\"iss\":\"" ISSUER
		"\",\"sub\":\"alice\",\"aud\":\"deputy\",\"iat\":999990,"
		"\"exp\":1000300,\"nonce\":\"n-1\"}",
		"{\"iss\":\"" ISSUER
		"\",\"sub\":\"alice\",\"sub\":\"root\",\"aud\":\"deputy\",\"iat\":999990,"
		"\"exp\":1000300,\"nonce\":\"n-1\"}",
		"{\"iss\":\"" ISSUER
		"\",\"sub\":\"a\\u0000b\",\"aud\":\"deputy\",\"iat\":999990,\"exp\":1000300,"
		"\"nonce\":\"n-1\"}",
		"{\"iss\":\"" ISSUER
		"\",\"sub\":\"alice\",\"aud\":\"deputy\",\"iat\":999990,\"exp\":1e999,\"nonce\":"
		"\"n-1\"}",
		"{\"iss\":\"" ISSUER
		"\",\"sub\":\"alice\",\"aud\":\"deputy\",\"iat\":999990,\"exp\":NaN,\"nonce\":"
		"\"n-1\"}",
	};
	struct oidc_identity id;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(verify_text(HEADER, bad[i], "n-1", NOW, &id), -EBADMSG);
}

static void algorithms(void **state)
{
	(void)state;
	list_set(&issuer->algorithms, "RS256");
	assert_int_equal(verify(claims_good()), -EKEYREJECTED);
	list_set(&issuer->algorithms, "ES256");
	assert_int_equal(verify(claims_good()), 0);
}

/* Each issuer speaks for itself, with its own key or with one that both have. */
static void several_issuers(void **state)
{
	EVP_PKEY *other = forge_new_key("ES256", 0);
	struct oidc_issuer *second = issuer_add("https://other.example", other, "k1");
	struct oidc_identity id;

	(void)state;
	assert_int_equal(verify(claims_good()), 0);
	assert_int_equal(verify(changed_claim("iss", "\"https://other.example\"")), -EKEYREJECTED);
	keys_set(second, forge_set(forge_key("ES256"), "k1", NULL));
	assert_int_equal(verify_at(changed_claim("iss", "\"https://other.example\""), "n-1", NOW, &id), 0);
	assert_string_equal(id.owner, "oidc:https://other.example#alice");
	oidc_identity_free(&id);
	keys_set(issuer, forge_set(other, "k1", NULL));
	assert_int_equal(verify(claims_good()), -EKEYREJECTED);
	EVP_PKEY_free(other);
}

static void no_kid_of_several(void **state)
{
	json_t *a = forge_jwk(forge_key("ES256")), *b = forge_jwk(forge_key("RS256"));
	json_auto_t *set = json_pack("{s:[o, o]}", "keys", a, b);
	json_auto_t *claims = claims_good();
	char *payload = json_dumps(claims, 0);
	struct oidc_identity id;

	(void)state;
	json_object_set_new(a, "kid", json_string("k1"));
	json_object_set_new(b, "kid", json_string("k2"));
	keys_set(issuer, json_dumps(set, 0));
	assert_int_equal(verify_text("{\"alg\":\"ES256\"}", payload, "n-1", NOW, &id), -ENOKEY);
	assert_int_equal(verify_text("{\"alg\":\"ES256\",\"kid\":\"k2\"}", payload, "n-1", NOW, &id),
			 -EKEYREJECTED);
	assert_int_equal(verify_text(HEADER, payload, "n-1", NOW, &id), 0);
	oidc_identity_free(&id);
	free(payload);
}

static void no_keys(void **state)
{
	(void)state;
	jwk_set_free(&issuer->keys);
	assert_int_equal(verify(claims_good()), -ENOKEY);
	oidc_issuers_free(&issuers);
	assert_int_equal(verify(claims_good()), -ENOKEY);
}

static void mistakes(void **state)
{
	static const char *const urls[] = {
		"http://a.example",    "https://",    "https:///x",  "a", "", "https://a#b",
		"https://a.example?q", "https://a b", "https://a\"b"};
	struct oidc_issuers none = {.count = 0};

	(void)state;
	assert_null(oidc_issuer_mistake(&none, issuer));
	assert_non_null(oidc_issuer_mistake(&issuers, issuer)); /* the same twice */
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		free(issuer->issuer);
		issuer->issuer = strdup(urls[i]);
		if (!oidc_issuer_mistake(&none, issuer))
			fail_msg("%s", urls[i]);
	}
	free(issuer->issuer);
	issuer->issuer = strdup("https://a.example/realms/b");
	assert_null(oidc_issuer_mistake(&none, issuer));
	list_set(&issuer->algorithms, "HS256");
	assert_non_null(oidc_issuer_mistake(&none, issuer));
	strcpy(issuer->algorithms.list[0], "ES256");
	assert_null(oidc_issuer_mistake(&none, issuer));
	list_set(&issuer->domains, "example.com");
	assert_non_null(oidc_issuer_mistake(&none, issuer));
	issuer->by_email = true;
	assert_null(oidc_issuer_mistake(&none, issuer));
	strcpy(issuer->domains.list[0], ".example.c");
	assert_non_null(oidc_issuer_mistake(&none, issuer));
	strcpy(issuer->domains.list[0], "example.com");
	strcpy(issuer->jwks, "relative");
	assert_non_null(oidc_issuer_mistake(&none, issuer));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(identity),	       TEST(replay_id),		TEST(claim_changes), TEST(expiry),
		TEST(subject_length),  TEST(auth_age),		TEST(nonces),	     TEST(required),
		TEST(by_email),	       TEST(header_forms),	TEST(payload_forms), TEST(algorithms),
		TEST(several_issuers), TEST(no_kid_of_several), TEST(no_keys),	     TEST(mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, forge_teardown);
}
