/* SPDX-License-Identifier: Apache-2.0 */
/* An owner who is nobody on this host, and his SSH signature: what it lets happen, once. */
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
#include <time.h>
#include <unistd.h>

#include "broker/nonces.h"
#include "broker/text.h"
#include "proof/sshsig.h"
#include "proof/statement.h"
#include "stage.h"
#include "token/hash.h"

#define SIGNERS "/tmp/deputy-signers-XXXXXX"

/* Owners' keys: one that the policy names, one that it does not, one that may not sign grants. */
enum { OWNER, OTHER, NAMELESS, TOKEN, KEYS };

static struct {
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	struct sshkey *key;
} keys[KEYS];

static char signers[sizeof(SIGNERS)] = SIGNERS;
static char policy[1024]; /* as it stands in a JSON string and, its newlines being none, as it is */

/* One request for a grant, and what is wrong with it. */
struct ask {
	int key;
	const char *nonce;     /* NULL: a fresh one */
	const char *principal; /* NULL: none is named */
	const char *purpose, *ttl, *workdir;
	struct statement signed_for; /* members that are not NULL or 0 are in place of the right ones */
	const char *name_space;
	const char *type;
	bool tamper;
	uint8_t flags; /* of a security token */
	uid_t uid;
};

static const struct ask right = {.purpose = "fix",
				 .ttl = "10m",
				 .workdir = "/w",
				 .name_space = STATEMENT_NAMESPACE,
				 .type = "ssh",
				 .uid = BOB};

static const char *type_of(int i)
{
	return i == TOKEN ? "sk-ssh-ed25519@openssh.com" : "ssh-ed25519";
}

static void key_make(int i, FILE *f, const char *options)
{
	uint8_t public[crypto_sign_PUBLICKEYBYTES], blob[128];
	struct wire_buffer to = {.bytes = blob, .room = sizeof(blob)};
	char b64[256];

	crypto_sign_keypair(public, keys[i].secret);
	wire_put_string(&to, type_of(i), strlen(type_of(i)));
	wire_put_string(&to, public, sizeof(public));
	if (i == TOKEN)
		wire_put_string(&to, "ssh:", 4);
	assert_int_equal(sshkey_parse(blob, to.used, &keys[i].key), 0);
	sodium_bin2base64(b64, sizeof(b64), blob, to.used, sodium_base64_VARIANT_ORIGINAL);
	fprintf(f, "alice@example.com %s %s %s\n", options, type_of(i), b64);
}

static int setup(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	struct broker_options o = stage_options;
	FILE *f;

	if (sodium_init() < 0 || !(f = fdopen(mkstemp(signers), "w")))
		return -1;
	key_make(OWNER, f, "namespaces=\"grant@deputy\"");
	key_make(OTHER, f, "");
	key_make(NAMELESS, f, "namespaces=\"git\"");
	key_make(TOKEN, f, "");
	fclose(f);
	snprintf(
		policy, sizeof(policy),
		"{apiVersion: deputy/v1, name: coder, owner: {any_of: ['uid:1234567', 'ssh:%s', 'ssh:%s', 'ssh:%s']}, "
		"purposes: {fix: {ttl: 15m, files: [{allow: [read], path: /usr/**}]}, "
		"other: {ttl: 15m, files: [{allow: [read], path: /etc/**}]}}}",
		sshkey_fingerprint(keys[OWNER].key), sshkey_fingerprint(keys[NAMELESS].key),
		sshkey_fingerprint(keys[TOKEN].key));
	o.allowed_signers = signers;
	stage_open(s, &o);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < KEYS; i++)
		sshkey_free(keys[i].key);
	unlink(signers);
	strcpy(signers, SIGNERS);
	return stage_teardown(state);
}

static void nonce_get(struct stage *s, uid_t uid, char nonce[NONCE_TEXT], char kid[64])
{
	struct reply r;

	stage_request(s, uid, "POST", "/v1/nonce", NULL, &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(json_integer_value(json_object_get(r.json, "expires_in")), NONCE_SECONDS);
	snprintf(nonce, NONCE_TEXT, "%s", reply_text(&r, "nonce"));
	snprintf(kid, 64, "%s", reply_text(&r, "aud"));
	reply_free(&r);
}

/* What a security token signs in place of the bytes (PROTOCOL.u2f): 4711 is its counter. */
static size_t token_bytes(const uint8_t *bytes, size_t size, uint8_t flags, uint8_t data[69])
{
	struct wire_buffer to = {.bytes = data, .room = 69};
	uint8_t hash[32];

	crypto_hash_sha256(hash, (const uint8_t *)"ssh:", 4);
	wire_put_bytes(&to, hash, sizeof(hash));
	wire_put_u8(&to, flags);
	wire_put_u32(&to, 4711);
	crypto_hash_sha256(hash, bytes, size);
	wire_put_bytes(&to, hash, sizeof(hash));
	return to.used;
}

static char *sign(const struct ask *a, const char *statement)
{
	uint8_t bytes[SSHSIG_SIGNED_MAX], signature[crypto_sign_BYTES], blob[128];
	struct wire_buffer what = {.bytes = bytes, .room = sizeof(bytes)};
	struct wire_buffer to = {.bytes = blob, .room = sizeof(blob)};
	uint8_t data[69];
	size_t size;
	char *text;

	assert_int_equal(
		sshsig_signed_bytes(a->name_space, SSHSIG_SHA512, statement, strlen(statement), &what), 0);
	if (a->key == TOKEN) {
		size = token_bytes(bytes, what.used, a->flags, data);
		crypto_sign_detached(signature, NULL, data, size, keys[a->key].secret);
	} else {
		crypto_sign_detached(signature, NULL, bytes, what.used, keys[a->key].secret);
	}
	if (a->tamper)
		signature[7] ^= 1;
	wire_put_string(&to, type_of(a->key), strlen(type_of(a->key)));
	wire_put_string(&to, signature, sizeof(signature));
	if (a->key == TOKEN) {
		wire_put_u8(&to, a->flags);
		wire_put_u32(&to, 4711);
	}
	assert_int_equal(sshsig_encode_text(keys[a->key].key, a->name_space, SSHSIG_SHA512,
					    (struct octets){blob, to.used}, &text),
			 0);
	return text;
}

static void ask(struct stage *s, const struct ask *a, struct reply *r)
{
	char nonce[NONCE_TEXT], kid[64], digest[HASH_TEXT_BYTES], *statement, *signature, *body;
	struct statement st = a->signed_for;
	json_t *o;

	nonce_get(s, a->uid, nonce, kid);
	assert_int_equal(hash_text(policy, strlen(policy), digest), 0);
	st.aud = st.aud ?: kid;
	st.nonce = a->nonce ?: nonce;
	st.policy_digest = st.policy_digest ?: digest;
	st.purpose = st.purpose ?: a->purpose;
	st.workdir = st.workdir ?: a->workdir;
	st.ttl_seconds = st.ttl_seconds ?: 600;
	st.iat = st.iat ?: time(NULL);
	assert_int_equal(statement_write(&st, &statement), 0);
	signature = sign(a, statement);
	o = json_pack("{s:{s:s, s:s}, s:s, s:s*, s:s, s:{s:s, s:s, s:s, s:s*}}", "policy", "name",
		      "coder.yaml", "text", policy, "purpose", a->purpose, "ttl", a->ttl, "workdir",
		      a->workdir, "proof", "type", a->type, "statement", statement, "signature", signature,
		      "principal", a->principal);
	body = json_dumps(o, 0);
	stage_request(s, a->uid, "POST", "/v1/grants", body, r);
	json_decref(o);
	free(body);
	free(signature);
	free(statement);
}

static void asks(struct stage *s, const struct ask *a, long status, const char *why)
{
	struct reply r;

	ask(s, a, &r);
	if (r.status != status || (why && !strstr(reply_message(&r) ?: "", why)))
		fail_msg("%ld %s, and not %ld %s", r.status, r.text, status, why ?: "");
	reply_free(&r);
}

static void rotate(struct stage *s)
{
	struct reply r;

	stage_request(s, 0, "POST", "/v1/keys/rotate", NULL, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
}

/* Who asked for a nonce before the host's key changed signs for the key of before. */
static void across_a_rotation(void **state)
{
	struct stage *s = *state;
	struct ask a = right;
	char nonce[NONCE_TEXT], kid[64];

	nonce_get(s, a.uid, nonce, kid);
	a.signed_for.aud = kid;
	asks(s, &a, 201, NULL);
	rotate(s);
	asks(s, &a, 201, NULL);
	asks(s, &right, 201, NULL); /* for the key that signs now */
	rotate(s);
	asks(s, &a, 403, "\"aud\" differs");
	asks(s, &right, 201, NULL);
}

static void granted(void **state)
{
	struct stage *s = *state;
	char owner[80];
	struct reply r, seen;
	const json_t *subject;
	char path[64];

	ask(s, &right, &r);
	assert_int_equal(r.status, 201);
	snprintf(owner, sizeof(owner), "ssh:%s", sshkey_fingerprint(keys[OWNER].key));
	assert_string_equal(reply_text(&r, "owner"), owner);
	assert_string_equal(reply_text(&r, "assurance"), "ssh");
	assert_string_equal(reply_text(&r, "user"), "1234568");
	snprintf(path, sizeof(path), "/v1/grants/%s", reply_text(&r, "grant"));
	stage_request(s, BOB, "GET", path, NULL,
		      &seen); /* who asked sees it, and who does not own it does not */
	assert_int_equal(seen.status, 200);
	reply_free(&seen);
	stage_request(s, ALICE, "GET", path, NULL, &seen);
	assert_int_equal(seen.status, 404);
	reply_free(&seen);
	strcat(path, "/vc"); /* a credential must not say that we knew him by his socket */
	stage_request(s, BOB, "GET", path, NULL, &seen);
	subject = json_object_get(seen.json, "credentialSubject");
	assert_string_equal(json_string_value(json_object_get(subject, "owner")) ?: "", owner);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(subject, "assurance"), "method")) ?: "",
		"ssh");
	reply_free(&seen);
	reply_free(&r);
}

static void touched(void **state)
{
	struct ask a = right;
	struct record_message m;
	struct reply r;

	a.key = TOKEN;
	asks(*state, &a, 403, "nobody touched");
	a.flags = 1;
	ask(*state, &a, &r);
	assert_int_equal(r.status, 201);
	assert_string_equal(reply_text(&r, "assurance"), "ssh-sk");
	reply_free(&r);
	assert_true(stage_heard(*state, NOTE_MINTED, 1));
	assert_true(stage_note(*state, NOTE_MINTED, &m));
	assert_string_equal(m.text, "for 10m, the security key's 4711:");
}

/* A local owner needs no proof, and says so. */
static void by_peer(void **state)
{
	json_t *o = json_pack("{s:{s:s, s:s}, s:s}", "policy", "name", "coder.yaml", "text", policy,
			      "purpose", "fix");
	char *body = json_dumps(o, 0);
	struct reply r;

	stage_request(*state, ALICE, "POST", "/v1/grants", body, &r);
	assert_int_equal(r.status, 201);
	assert_string_equal(reply_text(&r, "assurance"), "peer");
	assert_string_equal(reply_text(&r, "owner"), "uid:1234567");
	reply_free(&r);
	stage_request(*state, BOB, "POST", "/v1/grants", body, &r);
	assert_int_equal(r.status, 403);
	reply_free(&r);
	json_decref(o);
	free(body);
}

static void refused(void **state)
{
	struct ask a[16];
	static const struct {
		long status;
		const char *why;
	} answers[16] = {
		{403, "policy coder does not name ssh:SHA256:"},
		{403, "is not allowed in the namespace"},
		{403, "the signature is wrong"},
		{403, "made for another namespace"},
		{403, "is not allowed to this principal"},
		{403, "\"purpose\" differs"},
		{403, "\"ttl_seconds\" differs"},
		{403, "\"workdir\" differs"},
		{403, "\"aud\" differs"},
		{403, "\"policy_digest\" differs"},
		{403, "of another time"},
		{403, "the nonce was not given"},
		{400, "must be \"ssh\""},
		{422, "too long"},
		{403, "\"ttl_seconds\" differs"}, /* without a ttl the request is for 15 minutes */
		{201, NULL},
	};
	struct stage *s = *state;
	unsigned loads = stage_calls(s, WARDEN_LOAD);

	for (size_t i = 0; i < 16; i++)
		a[i] = right;
	a[0].key = OTHER;
	a[1].key = NAMELESS;
	a[2].tamper = true;
	a[3].name_space = "file";
	a[4].principal = "bob@example.com";
	a[5].signed_for.purpose = "other";
	a[6].signed_for.ttl_seconds = 60;
	a[7].signed_for.workdir = "/";
	a[8].signed_for.aud = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
	a[9].signed_for.policy_digest =
		"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	a[10].signed_for.iat = time(NULL) - STATEMENT_AGE_MAX - 10;
	a[11].nonce = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
	a[12].type = "gpg";
	a[13].ttl = "16m";
	a[14].ttl = NULL;
	a[15].principal = "alice@example.com"; /* the twin of them all */
	for (size_t i = 0; i < 16; i++) {
		asks(s, &a[i], answers[i].status, answers[i].why);
		assert_int_equal(stage_calls(s, WARDEN_LOAD) - loads, i == 15);
	}
}

static void once(void **state)
{
	struct stage *s = *state;
	struct ask a = right, other = right;
	char nonce[NONCE_TEXT], kid[64];

	nonce_get(s, BOB, nonce, kid);
	a.nonce = nonce;
	other = a;
	other.uid = ALICE; /* it is Bob's */
	asks(s, &other, 403, "the nonce was not given");
	other = a;
	other.tamper = true; /* whose signature is wrong has not used it */
	asks(s, &other, 403, "the signature is wrong");
	asks(s, &a, 201, NULL);
	asks(s, &a, 403, "was used before");
}

/* A tagged process has no owner to ask. */
static void tagged(void **state)
{
	struct reply r;

	stage_caller(*state, 3, 7, 1);
	stage_request(*state, BOB, "POST", "/v1/nonce", NULL, &r);
	assert_int_equal(r.status, 403);
	reply_free(&r);
	stage_caller(*state, 0, 0, 1);
	stage_request(*state, BOB, "POST", "/v1/nonce", NULL, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
}

static void unconfigured(void **state)
{
	asks(*state, &right, 422, "takes no proofs by SSH keys");
}

static int setup_unconfigured(void **state)
{
	void *stage;
	int err = setup(&stage);

	if (err || stage_close(stage))
		return -1;
	memset(stage, 0, sizeof(struct stage));
	stage_open(stage, &stage_options);
	*state = stage;
	return 0;
}

/* ---- nonces by themselves ---- */

#define LIFE (NONCE_SECONDS * 1000000000ull)

static void nonce_life(void **state)
{
	struct nonces *n = calloc(1, sizeof(*n));
	char a[NONCE_TEXT], b[NONCE_TEXT];

	(void)state;
	assert_int_equal(nonces_make(n, 1, 5, a), 0);
	assert_int_equal(nonces_make(n, 1, 5, b), 0);
	assert_string_not_equal(a, b);
	assert_int_equal(nonces_take(n, 2, 6, a), -ENOENT);
	assert_int_equal(nonces_take(n, 1, 6, ""), -ENOENT);
	assert_int_equal(nonces_take(n, 1, 5 + LIFE, a), -ENOENT);
	assert_int_equal(nonces_take(n, 1, 5 + LIFE - 1, a), 0);
	assert_int_equal(nonces_take(n, 1, 5 + LIFE - 1, a), -ENOENT);
	assert_int_equal(nonces_take(n, 1, 6, b), 0);
	free(n);
}

static void nonce_limits(void **state)
{
	struct nonces *n = calloc(1, sizeof(*n));
	char first[NONCE_TEXT], second[NONCE_TEXT], text[NONCE_TEXT];

	(void)state;
	assert_int_equal(nonces_make(n, 1, 1, first), 0);
	assert_int_equal(nonces_make(n, 1, 2, second), 0);
	for (unsigned i = 2; i < NONCES_PER_USER; i++)
		assert_int_equal(nonces_make(n, 1, 3, text), 0);
	assert_int_equal(nonces_make(n, 1, 4, text), 0); /* in place of the first */
	assert_int_equal(nonces_take(n, 1, 5, first), -ENOENT);
	assert_int_equal(nonces_take(n, 1, 5, second), 0);
	assert_int_equal(nonces_make(n, 1, 6, text), 0);
	for (unsigned i = NONCES_PER_USER; i < NONCES_MAX; i++)
		assert_int_equal(nonces_make(n, 2 + i / NONCES_PER_USER, 7, text), 0);
	assert_int_equal(nonces_make(n, 5000, 8, text), -EAGAIN);
	assert_int_equal(nonces_make(n, 1, 8, text), 0); /* his own place is his */
	assert_int_equal(nonces_make(n, 5000, 7 + LIFE, text), 0);
	free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(granted, setup, teardown),
		cmocka_unit_test_setup_teardown(across_a_rotation, setup, teardown),
		cmocka_unit_test_setup_teardown(touched, setup, teardown),
		cmocka_unit_test_setup_teardown(by_peer, setup, teardown),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
		cmocka_unit_test_setup_teardown(once, setup, teardown),
		cmocka_unit_test_setup_teardown(tagged, setup, teardown),
		cmocka_unit_test_setup_teardown(unconfigured, setup_unconfigured, teardown),
		cmocka_unit_test(nonce_life),
		cmocka_unit_test(nonce_limits),
	};

	return cmocka_run_group_tests_name("broker/proof", tests, NULL, NULL);
}
