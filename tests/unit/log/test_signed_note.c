/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "log/tlog_checkpoint.h"
#include "token/vectors.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int setup(void **state)
{
	(void)state;
	return sodium_init() < 0;
}

static int key_of(const char *text, struct note_key *key)
{
	return note_key_parse(text, strlen(text), key);
}

/* Every proper part of a key, and every key with one byte changed, is none. */
static void spoiled_keys(const char *vkey)
{
	struct note_key key;
	char spoiled[NOTE_KEY_BYTES];
	size_t len = strlen(vkey);

	for (size_t from = 0; from < len; from++)
		for (size_t to = from; to <= len; to++)
			if (to - from < len && !note_key_parse(vkey + from, to - from, &key))
				fail_msg("%.*s", (int)(to - from), vkey + from);
	for (size_t i = 0; i < len; i++) {
		strcpy(spoiled, vkey);
		spoiled[i]++;
		if (!key_of(spoiled, &key))
			fail_msg("%s", spoiled);
	}
}

static void published_keys(void **state)
{
	json_auto_t *v = vectors_load("signed-note/vectors.json");
	const char *peter = json_string_value(json_object_get(json_object_get(v, "vkeys"), "peter"));
	const char *skey = json_string_value(json_object_get(json_object_get(v, "skeys"), "peter"));
	char text[NOTE_KEY_BYTES];
	struct secret_key *secret;
	struct note_key key;
	const json_t *bad;
	size_t i;

	(void)state;
	if (!v)
		skip();
	assert_int_equal(key_of(peter, &key), 0);
	assert_string_equal(key.name, "PeterNeumann");
	note_key_format(&key, text);
	assert_string_equal(text, peter);
	spoiled_keys(peter);
	json_array_foreach (json_object_get(v, "bad_vkeys"), i, bad)
		assert_true(key_of(json_string_value(bad), &key) < 0);
	assert_int_equal(note_secret_parse(skey, strlen(skey), &secret, &key), 0);
	note_key_format(&key, text);
	assert_string_equal(text, peter);
	note_secret_format(secret, &key, text);
	assert_string_equal(text, skey);
	assert_int_equal(note_secret_parse(skey, strlen(skey) - 1, &secret, &key), -EBADMSG);
	key_free(secret);
}

/* ---- published notes: a template, and what it gives ---- */

static struct published {
	json_t *v;
	struct note_key keys[2];
	const char *text, *lines[2];
} published;

static int published_load(struct published *p)
{
	static const char *const names[] = {"peter", "enoch"}, *const lines[] = {"peter_sig_line",
										 "enoch_sig_line"};

	p->v = vectors_load("signed-note/vectors.json");
	if (!p->v)
		return -1;
	p->text = json_string_value(json_object_get(p->v, "text"));
	for (size_t i = 0; i < 2; i++) {
		p->lines[i] = json_string_value(json_object_get(p->v, lines[i]));
		assert_int_equal(
			key_of(json_string_value(json_object_get(json_object_get(p->v, "vkeys"), names[i])),
			       &p->keys[i]),
			0);
	}
	return 0;
}

/* Whoever knows `keys` of the two opens it: how many have signed, or -errno. */
static int note_open(const char *bytes, size_t len, unsigned keys)
{
	struct signed_note note;
	int n = 0, err = note_parse(bytes, len, &note);

	for (size_t i = 0; i < 2 && !err; i++) {
		uint64_t time = 7;

		if (!(keys & 1u << i))
			continue;
		err = note_verify(&note, &published.keys[i], &time);
		n += !err;
		if (!err)
			assert_int_equal(time, 0);
		err = err == -ENOKEY ? 0 : err;
	}
	return err ?: n ?: -ENOKEY;
}

static void published_notes(void **state)
{
	char msg[65536];
	int len;

	(void)state;
	if (published_load(&published))
		skip();
#define NOTE(keys, want, ...)                                                                                \
	len = snprintf(msg, sizeof(msg), __VA_ARGS__);                                                       \
	assert_int_equal(note_open(msg, (size_t)len, keys), want)
	NOTE(1, 1, "%s\n%s%s", published.text, published.lines[0], published.lines[1]);
	NOTE(3, 2, "%s\n%s%s", published.text, published.lines[0], published.lines[1]);
	NOTE(0, -ENOKEY, "%s\n%s%s", published.text, published.lines[0], published.lines[1]);
	NOTE(1, -EKEYREJECTED, "x%s\n%s", published.text, published.lines[0]);
	NOTE(2, -ENOKEY, "%s\n%s", published.text, published.lines[0]);
	NOTE(1, -EBADMSG, "%s\n%.60sABCD%s", published.text, published.lines[0], published.lines[0] + 62);
	NOTE(1, -EBADMSG, "%s", published.text);
	NOTE(1, -EBADMSG, "%s\n", published.text);
	NOTE(1, -EBADMSG, "%s\n%.*s", published.text, (int)strlen(published.lines[0]) - 1,
	     published.lines[0]);
	NOTE(1, -EBADMSG, "\x01%s\n%s", published.text, published.lines[0]);
	NOTE(1, -EBADMSG, "\xff%s\n%s", published.text, published.lines[0]);
	NOTE(1, -EBADMSG,
	     "%s\n\xe2\x80\x94 Bad Name x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
	     published.text);
	NOTE(1, -EBADMSG, "%s\n%sUnexpected line.\n", published.text, published.lines[0]);
	/* As many signatures as are taken, and one more. */
	for (size_t n = NOTE_SIGNATURES_MAX; n <= NOTE_SIGNATURES_MAX + 1; n++) {
		len = snprintf(msg, sizeof(msg), "%s\n", published.text);
		for (size_t i = 0; i < n; i++)
			len += snprintf(msg + len, sizeof(msg) - (size_t)len, "%s", published.lines[0]);
		assert_int_equal(note_open(msg, (size_t)len, 1), n > NOTE_SIGNATURES_MAX ? -EBADMSG : 1);
	}
	json_decref(published.v);
}

/* ---- our own ---- */

static struct secret_key *secret_of(unsigned char byte)
{
	unsigned char seed[KEY_SEED_BYTES];
	struct secret_key *secret;

	memset(seed, byte, sizeof(seed));
	assert_int_equal(key_from_seed(seed, &secret), 0);
	return secret;
}

static void names(void **state)
{
	static const char *const bad[] = {"",	  "a b",       "a+b",	       "a\tb", "a\nb",
					  "\xff", "a\xc2\xa0", "\xe3\x80\x80", "\x7f"};
	char longest[NOTE_NAME_MAX + 2];
	struct secret_key *secret = secret_of(1);
	struct note_key key;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(note_key_make(bad[i], SIGNATURE_ED25519, key_public(secret), &key), -EINVAL);
	assert_int_equal(note_key_make("deputy/h\xc3\xb6st", SIGNATURE_ED25519, key_public(secret), &key), 0);
	memset(longest, 'a', sizeof(longest));
	longest[NOTE_NAME_MAX + 1] = '\0';
	assert_int_equal(note_key_make(longest, SIGNATURE_ED25519, key_public(secret), &key), -EINVAL);
	longest[NOTE_NAME_MAX] = '\0';
	assert_int_equal(note_key_make(longest, SIGNATURE_ED25519, key_public(secret), &key), 0);
	key_free(secret);
}

/* The message of C2SP tlog-cosignature, spelled out here. */
static void witness(void **state)
{
	static const char text[] =
		"example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
	static const char signed_text[] =
		"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n"
		"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
	struct secret_key *secret = secret_of(2);
	unsigned char bytes[4 + 8 + KEY_SIGN_BYTES];
	char line[NOTE_LINE_BYTES], note[1024];
	struct note_key key, log_key;
	struct signed_note n;
	uint64_t time;
	size_t len;
	int size;

	(void)state;
	assert_int_equal(note_key_make("witness.example/w1", SIGNATURE_WITNESS, key_public(secret), &key), 0);
	assert_int_equal(note_key_make("witness.example/w1", SIGNATURE_ED25519, key_public(secret), &log_key),
			 0);
	assert_int_not_equal(key.id, log_key.id);
	assert_int_equal(note_sign(secret, &key, text, strlen(text), 1679315147, line), 0);
	assert_int_equal(sodium_base642bin(bytes, sizeof(bytes),
					   line + strlen("\xe2\x80\x94 witness.example/w1 "), 104, NULL, &len,
					   NULL, sodium_base64_VARIANT_ORIGINAL),
			 0);
	assert_memory_equal(bytes + 4, "\0\0\0\0\x64\x18\x50\xcb", 8);
	assert_int_equal(key_verify(key_public(secret), signed_text, strlen(signed_text), bytes + 12), 0);
	size = snprintf(note, sizeof(note), "%s\n%s", text, line);
	assert_int_equal(note_parse(note, (size_t)size, &n), 0);
	assert_int_equal(note_verify(&n, &key, &time), 0);
	assert_int_equal(time, 1679315147);
	assert_int_equal(note_verify(&n, &log_key, &time), -ENOKEY);
	note[0] ^= 1;
	assert_int_equal(note_verify(&n, &key, &time), -EKEYREJECTED);
	key_free(secret);
}

static void published_checkpoints(void **state)
{
	json_auto_t *v = vectors_load("tlog-checkpoint/vectors.json");
	const json_t *c;
	size_t i, n = 0;

	(void)state;
	if (!v)
		skip();
	json_array_foreach (json_object_get(v, "unmarshal"), i, c) {
		const char *m = json_string_value(json_object_get(c, "m"));
		const char *hash = json_string_value(json_object_get(c, "hash_ascii"));
		struct tlog_checkpoint cp;
		int err = tlog_checkpoint_parse(m, strlen(m), &cp);

		n++;
		if (!!err != json_is_true(json_object_get(c, "wantErr")))
			fail_msg("%s", json_string_value(json_object_get(c, "desc")));
		if (err)
			continue;
		assert_string_equal(cp.origin, json_string_value(json_object_get(c, "origin")));
		assert_int_equal(cp.size, json_integer_value(json_object_get(c, "size")));
		assert_int_equal(cp.hash_len, strlen(hash));
		assert_memory_equal(cp.hash, hash, cp.hash_len);
		assert_string_equal(m + cp.body, json_string_value(json_object_get(c, "rest")));
	}
	json_array_foreach (json_object_get(v, "marshal"), i, c) {
		const char *hash = json_string_value(json_object_get(c, "hash_ascii"));
		struct tlog_checkpoint cp = {.size = (uint64_t)json_integer_value(json_object_get(c, "size")),
					     .hash_len = strlen(hash)};
		char text[CHECKPOINT_TEXT_BYTES];

		n++;
		strcpy(cp.origin, json_string_value(json_object_get(c, "origin")));
		memcpy(cp.hash, hash, cp.hash_len);
		tlog_checkpoint_format(&cp, text);
		assert_string_equal(text, json_string_value(json_object_get(c, "want")));
	}
	print_message("# %zu cases\n", n);
	assert_int_equal(n, 14);
}

static void checkpoint_sizes(void **state)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{"o\n0\nYQ==\n", 0},
		{"o\n18446744073709551615\nYQ==\n", 0},
		{"o\n18446744073709551616\nYQ==\n", -EBADMSG},
		{"o\n01\nYQ==\n", -EBADMSG},
		{"o\n+1\nYQ==\n", -EBADMSG},
		{"o\n 1\nYQ==\n", -EBADMSG},
		{"o\n\nYQ==\n", -EBADMSG},
		{"o\n1\nYQ\n", -EBADMSG},
		{"o\n1\nYR==\n", -EBADMSG},
		{"o\n1\n\xe2\x80\x80"
		 "Q==\n",
		 -EBADMSG}, /* libsodium takes such bytes for letters */
	};
	struct tlog_checkpoint cp;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (tlog_checkpoint_parse(cases[i].text, strlen(cases[i].text), &cp) != cases[i].err)
			fail_msg("%s", cases[i].text);
}

static void checkpoint_signed(void **state)
{
	struct secret_key *secret = secret_of(3);
	char note[CHECKPOINT_NOTE_BYTES], other[2 * CHECKPOINT_NOTE_BYTES], line[NOTE_LINE_BYTES];
	unsigned char leaf[MERKLE_HASH];
	struct merkle tree = {0};
	struct tlog_checkpoint cp;
	struct note_key key, stranger;
	struct signed_note n;

	(void)state;
	assert_int_equal(merkle_leaf("a", 1, leaf), 0);
	assert_int_equal(merkle_append(&tree, leaf), 0);
	assert_int_equal(note_key_make("deputy/host", SIGNATURE_ED25519, key_public(secret), &key), 0);
	assert_int_equal(note_key_make("deputy/other", SIGNATURE_ED25519, key_public(secret), &stranger), 0);
	assert_int_equal(tlog_checkpoint_sign(secret, &key, &tree, note), 0);
	assert_int_equal(tlog_checkpoint_open(note, strlen(note), &key, &n, &cp), 0);
	assert_int_equal(cp.size, 1);
	assert_memory_equal(cp.hash, leaf, MERKLE_HASH);
	assert_int_equal(tlog_checkpoint_open(note, strlen(note), &stranger, &n, &cp), -ENOKEY);
	/* The stranger's signature under our origin vouches for nothing. */
	assert_int_equal(note_sign(secret, &stranger, note, cp.body, 0, line), 0);
	snprintf(other, sizeof(other), "%.*s\n%s", (int)cp.body, note, line);
	assert_int_equal(tlog_checkpoint_open(other, strlen(other), &stranger, &n, &cp), -ENOKEY);
	note[strlen(key.name) + 1] = '2';
	assert_int_equal(tlog_checkpoint_open(note, strlen(note), &key, &n, &cp), -EKEYREJECTED);
	key_free(secret);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_keys),
		cmocka_unit_test(published_notes),
		cmocka_unit_test(names),
		cmocka_unit_test(witness),
		cmocka_unit_test(published_checkpoints),
		cmocka_unit_test(checkpoint_sizes),
		cmocka_unit_test(checkpoint_signed),
	};

	return cmocka_run_group_tests_name("signed_note", tests, setup, NULL);
}
