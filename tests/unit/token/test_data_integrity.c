/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "keys.h"
#include "token/base58.h"
#include "token/data_integrity.h"
#include "token/date_time.h"
#include "token/did_key.h"
#include "vectors.h"

#define CREATED 1677281798 /* 2023-02-24T23:36:38Z */

/* ---- times ---- */

static void times(void **state)
{
	static const struct {
		const char *text;
		int err;
		int64_t seconds;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0, 0},
		{"2023-02-24T23:36:38Z", 0, CREATED},
		{"9999-12-31T23:59:59Z", 0, 253402300799},
		{"2024-02-29T00:00:00Z", 0, 1709164800},
		{"2023-02-29T00:00:00Z", -EBADMSG, 0},
		{"2023-13-01T00:00:00Z", -EBADMSG, 0},
		{"2023-02-24T24:00:00Z", -EBADMSG, 0},
		{"2023-02-24T23:36:60Z", -EBADMSG, 0},
		{"1969-12-31T23:59:59Z", -EBADMSG, 0},
		{"2023-02-24T23:36:38z", -EBADMSG, 0},
		{"2023-02-24 23:36:38Z", -EBADMSG, 0},
		{"2023-02-24T23:36:38", -EBADMSG, 0},
		{"2023-02-24T23:36:380", -EBADMSG, 0},
		{"2023-02-24T23:36:38+", -EBADMSG, 0},
		{"2023-02-24T23:36:38.0Z", -EBADMSG, 0},
		{"2023-02-24T23:36:38+00:00", -EBADMSG, 0},
		{"+023-02-24T23:36:38Z", -EBADMSG, 0},
		{"2023- 2-24T23:36:38Z", -EBADMSG, 0},
		{"2023--2-24T23:36:38Z", -EBADMSG, 0},
		{"", -EBADMSG, 0},
	};
	char text[DATE_TIME_LEN + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t seconds = 0;
		int err = date_time_parse(cases[i].text, &seconds);

		if (err != cases[i].err || seconds != cases[i].seconds)
			fail_msg("%s: %d, %lld", cases[i].text, err, (long long)seconds);
		if (err)
			continue;
		assert_int_equal(date_time_format(seconds, text), 0);
		assert_string_equal(text, cases[i].text);
	}
	assert_int_equal(date_time_format(-1, text), -ERANGE);
	assert_int_equal(date_time_format(253402300800, text), -ERANGE);
}

/* ---- the published credential ---- */

static struct secret_key *published_key(const json_t *pair)
{
	const char *text = json_string_value(json_object_get(pair, "privateKeyMultibase"));
	const char *public = json_string_value(json_object_get(pair, "publicKeyMultibase"));
	unsigned char bytes[2 + KEY_SEED_BYTES];
	char again[DID_KEY_MULTIBASE_LEN + 1];
	struct secret_key *theirs;
	size_t size;

	assert_int_equal(text[0], 'z');
	assert_int_equal(base58_decode(text + 1, strlen(text) - 1, bytes, sizeof(bytes), &size), 0);
	assert_int_equal(size, sizeof(bytes));
	assert_int_equal(key_from_seed(bytes + 2, &theirs), 0); /* behind the multicodec 0x1300 */
	did_key_multibase(key_public(theirs), again);
	assert_string_equal(again, public);
	return theirs;
}

static void published(void **state)
{
	json_auto_t *want = vectors_load("vc-eddsa-jcs-2022/signedJCS.json"), *got = NULL, *document = NULL;
	json_auto_t *pair = vectors_load("vc-eddsa-jcs-2022/keyPair.json");
	struct secret_key *theirs;
	int64_t created;

	(void)state;
	if (!want || !pair)
		skip();
	theirs = published_key(pair);
	assert_int_equal(data_integrity_verify(want, key_public(theirs), &created), 0);
	assert_int_equal(created, CREATED);
	document = json_deep_copy(want);
	json_object_del(document, "proof");
	assert_int_equal(data_integrity_sign(theirs, document, data_integrity_method(want), created, &got),
			 0);
	assert_true(json_equal(got, want));
	print_message("# eddsa-jcs-2022: 1 credential verified, and signed to the same proof\n");
	key_free(theirs);
}

/* ---- our own ---- */

static json_t *signed_document(const char *text)
{
	json_auto_t *document = json_loads(text, 0, NULL);
	json_t *secured = NULL;

	assert_int_equal(data_integrity_sign(key, document, "did:x#y", CREATED, &secured), 0);
	assert_null(json_object_get(document, "proof"));
	return secured;
}

static void round_trip(void **state)
{
	static const char *const texts[] = {"{}", "{\"@context\":[\"a\",\"b\"],\"x\":[1.5,null]}",
					    "{\"@context\":\"a\"}"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_auto_t *secured = signed_document(texts[i]);
		int64_t created = 0;

		assert_int_equal(data_integrity_verify(secured, key_public(key), &created), 0);
		assert_int_equal(created, CREATED);
		assert_string_equal(data_integrity_method(secured), "did:x#y");
		assert_int_equal(data_integrity_verify(secured, key_public(other), &created), -EKEYREJECTED);
	}
}

static void sign_refuses(void **state)
{
	json_auto_t *array = json_array(), *twice = signed_document("{}");
	json_auto_t *large = json_pack("{s:I}", "x", (json_int_t)1 << 60), *empty = json_object();
	json_t *out = NULL;

	(void)state;
	assert_int_equal(data_integrity_sign(key, array, "m", CREATED, &out), -EINVAL);
	assert_int_equal(data_integrity_sign(key, NULL, "m", CREATED, &out), -EINVAL);
	assert_int_equal(data_integrity_sign(key, twice, "m", CREATED, &out), -EINVAL);
	assert_int_equal(data_integrity_sign(key, large, "m", CREATED, &out), -ERANGE);
	assert_int_equal(data_integrity_sign(key, empty, "m", -1, &out), -ERANGE);
	assert_null(out);
}

/* A proof whose own options were changed: where the form still holds, the signature does not. */
static void changed_proofs(void **state)
{
	static const struct {
		const char *member, *json; /* json NULL: taken out */
		int err;
	} cases[] = {
		{"type", "\"DataIntegrityProof\"", 0},
		{"type", "\"Ed25519Signature2020\"", -EBADMSG},
		{"type", NULL, -EBADMSG},
		{"cryptosuite", "\"eddsa-rdfc-2022\"", -EBADMSG},
		{"cryptosuite", "[\"eddsa-jcs-2022\"]", -EBADMSG},
		{"cryptosuite", NULL, -EBADMSG},
		{"created", "\"2023-02-24T23:36:39Z\"", -EKEYREJECTED},
		{"created", "\"2023-02-24T23:36:38.000Z\"", -EBADMSG},
		{"created", "1677281798", -EBADMSG},
		{"created", NULL, -EBADMSG},
		{"verificationMethod", "\"did:x#z\"", -EKEYREJECTED},
		{"verificationMethod", "{\"id\":\"did:x#y\"}", -EBADMSG},
		{"verificationMethod", NULL, -EBADMSG},
		{"proofPurpose", "\"authentication\"", -EBADMSG},
		{"proofPurpose", NULL, -EBADMSG},
		{"@context", "[\"a\"]", -EBADMSG},
		{"@context", "[\"a\",\"b\",\"c\"]", -EBADMSG},
		{"@context", NULL, -EKEYREJECTED},
		{"proofValue", "\"z\"", -EBADMSG},
		{"proofValue", "\"\"", -EBADMSG},
		{"proofValue", "null", -EBADMSG},
		{"proofValue", NULL, -EBADMSG},
		{"expires", "\"2099-01-01T00:00:00Z\"", -EBADMSG},
		{"domain", "\"x\"", -EBADMSG},
		{"previousProof", "\"urn:x\"", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_auto_t *secured = signed_document("{\"@context\":[\"a\",\"b\"],\"x\":1}");
		json_t *proof = json_object_get(secured, "proof");
		int64_t created = 0;
		int err;

		json_object_del(proof, cases[i].member);
		if (cases[i].json)
			json_object_set_new(proof, cases[i].member,
					    json_loads(cases[i].json, JSON_DECODE_ANY, NULL));
		err = data_integrity_verify(secured, key_public(key), &created);
		if (err != cases[i].err)
			fail_msg("%s %s: %d", cases[i].member, cases[i].json ? cases[i].json : "-", err);
		assert_int_equal(created, err ? 0 : CREATED);
	}
}

static void changed_documents(void **state)
{
	static const char *const members[] = {"{\"x\":2}", "{\"x\":1.5}", "{\"y\":null}",
					      "{\"@context\":\"a\"}", "{\"x\":1152921504606846976}"};

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_auto_t *secured = signed_document("{\"x\":1}"), *more = json_loads(members[i], 0, NULL);
		int64_t created;
		int err;

		json_object_update(secured, more);
		err = data_integrity_verify(secured, key_public(key), &created);
		if (err != (i == 4 ? -EBADMSG : -EKEYREJECTED))
			fail_msg("%s: %d", members[i], err);
	}
}

/* Every change of a character of the proof value. */
static void changed_values(void **state)
{
	json_auto_t *secured = signed_document("{\"x\":1}");
	json_t *proof = json_object_get(secured, "proof");
	char *text = strdup(json_string_value(json_object_get(proof, "proofValue")));
	size_t refused = 0;
	int64_t created;

	(void)state;
	for (size_t i = 0; i < strlen(text); i++) {
		char was = text[i];

		for (const char *c = "z1uAa0 "; *c; c++) {
			if (*c == was)
				continue;
			text[i] = *c;
			json_object_set_new(proof, "proofValue", json_string(text));
			if (data_integrity_verify(secured, key_public(key), &created) == 0)
				fail_msg("character %zu: '%c' for '%c'", i, *c, was);
			refused++;
		}
		text[i] = was;
	}
	json_object_set_new(proof, "proofValue", json_string(text));
	assert_int_equal(data_integrity_verify(secured, key_public(key), &created), 0);
	print_message("# %zu changed proof values refused\n", refused);
	free(text);
}

static void no_proofs(void **state)
{
	static const char *const texts[] = {"{}", "{\"proof\":null}", "{\"proof\":[]}", "{\"proof\":{}}"};
	int64_t created;

	(void)state;
	assert_int_equal(data_integrity_verify(NULL, key_public(key), &created), -EBADMSG);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_auto_t *secured = json_loads(texts[i], 0, NULL);

		assert_int_equal(data_integrity_verify(secured, key_public(key), &created), -EBADMSG);
		assert_null(data_integrity_method(secured));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times),	  cmocka_unit_test(published),
		cmocka_unit_test(round_trip),	  cmocka_unit_test(sign_refuses),
		cmocka_unit_test(changed_proofs), cmocka_unit_test(changed_documents),
		cmocka_unit_test(changed_values), cmocka_unit_test(no_proofs),
	};

	return cmocka_run_group_tests(tests, keys_setup, keys_teardown);
}
