/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "broker/issuer.h"
#include "broker/proofs.h"

#define SPAN (PROOF_NONCE_SECONDS * 1000000000ull)

static void nonces(void **state)
{
	static struct proofs p, other;
	char text[PROOF_NONCE_TEXT], next[PROOF_NONCE_TEXT];
	const uint64_t now = 100 * SPAN;

	(void)state;
	proofs_init(&p);
	proofs_init(&other);
	proofs_nonce(&p, now, text);
	proofs_nonce(&p, now + SPAN - 1, next);
	assert_string_equal(text, next);
	proofs_nonce(&p, now + SPAN, next);
	assert_string_not_equal(text, next);
	assert_true(proofs_nonce_good(&p, now, text));
	assert_true(proofs_nonce_good(&p, now + 3 * SPAN - 1, text));
	assert_false(proofs_nonce_good(&p, now + 3 * SPAN, text));
	assert_false(proofs_nonce_good(&p, now - 1, text)); /* of the future */
	assert_false(proofs_nonce_good(&other, now, text));
	assert_false(proofs_nonce_good(&p, now, ""));
	assert_false(proofs_nonce_good(&p, 0, text));
	proofs_nonce(&p, 0, text);
	assert_true(proofs_nonce_good(&p, 0, text));
}

/* For as long as its nonce may be good, and no longer; as many as there is room for, and one more. */
static void replays(void **state)
{
	static struct proofs p;
	unsigned char id[HASH_BYTES] = {0};
	const uint64_t now = 100 * SPAN;

	(void)state;
	proofs_init(&p);
	assert_int_equal(proofs_see(&p, now, id), 0);
	assert_int_equal(proofs_see(&p, now + 3 * SPAN - 1, id), -EEXIST);
	assert_int_equal(proofs_see(&p, now + 3 * SPAN, id), 0);
	assert_int_equal(p.count, 1);
	for (uint32_t i = 1; i < PROOFS_MAX; i++) {
		memcpy(id, &i, sizeof(i));
		assert_int_equal(proofs_see(&p, now + 3 * SPAN, id), 0);
	}
	id[HASH_BYTES - 1] = 1;
	assert_int_equal(proofs_see(&p, now + 3 * SPAN, id), -EAGAIN);
	assert_int_equal(proofs_see(&p, now + 6 * SPAN, id), 0);
	assert_int_equal(p.count, 1);
	proofs_clear(&p);
	assert_int_equal(p.count, 0);
}

static void issuers(void **state)
{
	static const char *const good[] = {ISSUER_DEFAULT, "https://localhost", "https://a-1.example:8443"};
	static const char *const bad[] = {"",
					  "http://localhost",
					  "https://",
					  "https://A.example",
					  "https://a.example/",
					  "https://a.example/x",
					  "https://a.example?x",
					  "https://a.example#",
					  "https://u@a.example",
					  "https://a.example:",
					  "https://a.example:0",
					  "https://a.example:123456",
					  "https://.a",
					  "https://a.",
					  "https://-a",
					  "deputy"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(issuer_ok(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (issuer_ok(bad[i]))
			fail_msg("%s", bad[i]);
	assert_string_equal(issuer_domain("https://a-1.example:8443"), "a-1.example:8443");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nonces), cmocka_unit_test(replays),
					   cmocka_unit_test(issuers)};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
