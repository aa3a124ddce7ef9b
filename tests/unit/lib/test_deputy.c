/* SPDX-License-Identifier: Apache-2.0 */
/* libdeputy beside the warden's own writer of epochs, in a directory of the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/epochs.h"
#include "include/deputy.h"
#include "token/chain.h"

#define DIGEST "sha256:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define LINKS  3
#define NS     1000000000ull

static char dir[] = "/tmp/test_deputy.XXXXXX", path[64];
static char *jwks, *chain_text, *slotless, *late;
static struct epochs *epochs;
static struct deputy_keys *keys;

static uint64_t boottime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

/* A chain of LINKS links in slots 10, 11, 12 of generation 5; the `without`th has none. */
static char *chain_make(const struct secret_key *root, const struct key_ring *ring, int without, int64_t life)
{
	char *links[LINKS], *text, id[8];
	struct chain_report report = {0};
	struct secret_key *key = NULL;
	int64_t now = time(NULL);

	for (int i = 0; i < LINKS; i++) {
		struct link_terms t = {.owner = "uid:1000",
				       .purpose = "fix",
				       .policy = "coder",
				       .policy_digest = DIGEST,
				       .table = DIGEST,
				       .assurance = {{"method", "peer"}},
				       .assurance_count = 1,
				       .depth_max = 7,
				       .iat = now,
				       .nbf = now,
				       .exp = now + life,
				       .slot = i == without ? 0 : 10 + (uint32_t)i,
				       .gen = 5};
		struct secret_key *holder;

		snprintf(id, sizeof(id), "g%d", i);
		t.id = id;
		assert_int_equal(key_derive(root, id, &holder), 0);
		t.holder = *key_public(holder);
		assert_int_equal(
			link_sign(i ? key : root, i ? &report.link[i - 1] : NULL, &t, NULL, &links[i]), 0);
		key_free(key);
		key = holder;
		chain_report_free(&report);
		assert_int_equal(chain_verify(ring, (const char *const *)links, (size_t)i + 1, now, &report),
				 0);
	}
	assert_int_equal(chain_join((const char *const *)links, LINKS, &text), 0);
	chain_report_free(&report);
	key_free(key);
	for (int i = 0; i < LINKS; i++)
		free(links[i]);
	return text;
}

static int setup(void **state)
{
	static const unsigned char seed[KEY_SEED_BYTES] = "libdeputy";
	struct key_ring ring = {0};
	struct secret_key *root;
	json_auto_t *set = NULL;

	(void)state;
	if (sodium_init() < 0 || !mkdtemp(dir) || key_from_seed(seed, &root))
		return -1;
	snprintf(path, sizeof(path), "%s/" EPOCH_FILE, dir);
	key_ring_add(&ring, key_public(root), 0, KEY_RING_FOREVER);
	set = key_ring_jwks(&ring, 0);
	jwks = json_dumps(set, 0);
	chain_text = chain_make(root, &ring, -1, 600);
	slotless = chain_make(root, &ring, 0, 600);
	late = chain_make(root, &ring, 2, 600);
	key_free(root);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(jwks);
	free(chain_text);
	free(slotless);
	free(late);
	unlink(path);
	return rmdir(dir);
}

/* A daemon that has just begun, the three grants alive. */
static int begin(void **state)
{
	static struct slot slots[SLOTS_MAX];

	(void)state;
	unlink(path);
	assert_int_equal(epochs_open(dir, &epochs), 0);
	epochs_fill(epochs, slots);
	for (uint32_t i = 10; i < 10 + LINKS; i++)
		epochs_begin(epochs, i, 5, boottime() + 600 * NS);
	return deputy_keys_open(jwks, path, &keys);
}

static int end(void **state)
{
	(void)state;
	deputy_keys_close(keys);
	epochs_close(epochs);
	return 0;
}

static struct deputy_chain *opened(const char *text)
{
	struct deputy_chain *c;

	assert_int_equal(deputy_chain_open(keys, text, &c), 0);
	assert_int_equal(deputy_chain_check(c), 0);
	return c;
}

static void reads(void **state)
{
	struct deputy_chain *c = opened(chain_text);

	(void)state;
	assert_int_equal(deputy_chain_length(c), LINKS);
	assert_string_equal(deputy_chain_get(c, DEPUTY_GRANT), "g2");
	assert_string_equal(deputy_chain_get(c, DEPUTY_OWNER), "uid:1000");
	assert_string_equal(deputy_chain_get(c, DEPUTY_METHOD), "peer");
	assert_string_equal(deputy_chain_get(c, DEPUTY_PURPOSE), "fix");
	assert_string_equal(deputy_chain_get(c, DEPUTY_POLICY), "coder");
	assert_string_equal(deputy_chain_get(c, DEPUTY_POLICY_DIGEST), DIGEST);
	assert_string_equal(deputy_chain_get(c, DEPUTY_DETAILS), "[]");
	assert_int_equal(strlen(deputy_chain_get(c, DEPUTY_HOLDER)), 43);
	assert_null(deputy_chain_get(c, DEPUTY_FIELDS));
	deputy_chain_close(c);
}

/* Any link's end is the chain's; that of others, or of another generation, is not. */
static void ends(void **state)
{
	for (uint32_t slot = 10; slot < 10 + LINKS; slot++) {
		struct deputy_chain *c = opened(chain_text), *again;

		epochs_end(epochs, 9, 5);
		epochs_end(epochs, slot, 4);
		assert_int_equal(deputy_chain_check(c), 0);
		epochs_begin(epochs, slot, 5, boottime() + 600 * NS);
		epochs_end(epochs, slot, 5);
		assert_int_equal(deputy_chain_check(c), -EKEYREVOKED);
		assert_int_equal(deputy_chain_check(c), -EKEYREVOKED);
		assert_int_equal(deputy_chain_open(keys, chain_text, &again), -EKEYREVOKED);
		/* the slot is given to the next grant: it does not come back to life */
		epochs_begin(epochs, slot, 6, boottime() + 600 * NS);
		assert_int_equal(deputy_chain_check(c), -EKEYREVOKED);
		epochs_end(epochs, slot, 6);
		assert_int_equal(deputy_chain_check(c), -EKEYREVOKED);
		deputy_chain_close(c);
		end(state);
		begin(state);
	}
}

/* A link without a slot ends with those above it; a root without one cannot be told of. */
static void slots(void **state)
{
	struct deputy_chain *c;

	(void)state;
	assert_int_equal(deputy_chain_open(keys, slotless, &c), -ENODATA);
	c = opened(late);
	epochs_end(epochs, 12, 5); /* not its own */
	assert_int_equal(deputy_chain_check(c), 0);
	epochs_end(epochs, 11, 5);
	assert_int_equal(deputy_chain_check(c), -EKEYREVOKED);
	deputy_chain_close(c);
}

static void times(void **state)
{
	struct deputy_chain *c, *d;

	(void)state;
	epochs_begin(epochs, 11, 5, boottime() + NS / 5);
	c = opened(chain_text);
	usleep(250000);
	assert_int_equal(deputy_chain_check(c), -EKEYEXPIRED);
	assert_int_equal(deputy_chain_open(keys, chain_text, &d), -EKEYEXPIRED);
	deputy_chain_close(c);
}

/* Without a sign of life for EPOCH_BEAT_NS nothing is said to stand; a warden that goes on is believed again.
 */
static void beats(void **state)
{
	struct deputy_chain *c = opened(chain_text), *d;
	static struct slot taken[SLOTS_MAX];

	epochs->beat = boottime() - EPOCH_BEAT_NS - 1;
	assert_int_equal(deputy_chain_check(c), -ESTALE);
	assert_int_equal(deputy_chain_open(keys, chain_text, &d), -ESTALE);
	epochs_beat(epochs);
	assert_int_equal(deputy_chain_check(c), 0);
	/* a clean stop, and the next warden over the same file with slot 12 gone */
	epochs_close(epochs);
	assert_int_equal(deputy_chain_check(c), -ESTALE);
	for (uint32_t i = 10; i < 12; i++)
		taken[i] = (struct slot){.gen = 5, .state = SLOT_LIVE, .expires = boottime() + 600 * NS};
	assert_int_equal(epochs_open(dir, &epochs), 0);
	epochs_fill(epochs, taken);
	assert_int_equal(deputy_chain_check(c), -EKEYREVOKED);
	deputy_chain_close(c);
	c = opened(late);
	taken[10].state = SLOT_REVOKED;
	epochs_fill(epochs, taken);
	assert_int_equal(deputy_chain_check(c), -EKEYREVOKED);
	deputy_chain_close(c);
	(void)state;
}

static void files(void **state)
{
	struct deputy_keys *k = NULL;
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(deputy_keys_open("{}", path, &k), -EBADMSG);
	assert_int_equal(deputy_keys_open("x", path, &k), -EBADMSG);
	assert_int_equal(deputy_keys_open(NULL, path, &k), -EBADMSG);
	assert_int_equal(deputy_keys_open(jwks, "/nonexistent", &k), -ENOENT);
	assert_int_equal(deputy_keys_open(jwks, dir, &k), -EPERM);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(chmod(path, 0664), 0);
	assert_int_equal(deputy_keys_open(jwks, path, &k), -EPERM);
	assert_int_equal(chmod(path, 0644), 0);
	epochs->magic++;
	assert_int_equal(deputy_keys_open(jwks, path, &k), -EPROTO);
	/* the warden does not take that over either, nor a shorter one */
	epochs_close(epochs);
	assert_int_equal(epochs_open(dir, &epochs), 0);
	assert_true(epochs->magic == EPOCH_MAGIC && !epochs->beat);
	epochs_close(epochs);
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(deputy_keys_open(jwks, path, &k), -EPROTO);
	assert_int_equal(epochs_open(dir, &epochs), 0);
	assert_null(k);
}

static void refused(void **state)
{
	struct deputy_chain *c = NULL;
	char *bad = strdup(chain_text);

	(void)state;
	assert_int_equal(deputy_chain_open(keys, "", &c), -EBADMSG);
	assert_int_equal(deputy_chain_open(keys, chain_text + 1, &c), -EBADMSG);
	bad[strlen(bad) - 5] ^= 1;
	assert_int_not_equal(deputy_chain_open(keys, bad, &c), 0);
	assert_null(c);
	free(bad);
}

/* ---- whoever has seen the end returns never sees the chain stand ---- */

static struct deputy_chain *shared;
static uint64_t over, wrong, looks;

static void *look(void *arg)
{
	(void)arg;
	for (;;) {
		uint64_t was_over = __atomic_load_n(&over, __ATOMIC_ACQUIRE);
		int err = deputy_chain_check(shared);

		if (was_over && !err)
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&looks, 1, __ATOMIC_RELAXED);
		if (was_over)
			return NULL;
	}
}

static void races(void **state)
{
	pthread_t threads[3];

	for (int round = 0; round < 300; round++) {
		uint32_t slot = 10 + (uint32_t)round % LINKS;

		over = 0;
		shared = opened(chain_text);
		for (int i = 0; i < 3; i++)
			pthread_create(&threads[i], NULL, look, NULL);
		for (int i = 0; i < 20; i++)
			epochs_end(epochs, 9, (uint32_t)i); /* others' */
		epochs_end(epochs, slot, 5);
		__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
		for (int i = 0; i < 3; i++)
			pthread_join(threads[i], NULL);
		deputy_chain_close(shared);
		epochs_begin(epochs, slot, 5, boottime() + 600 * NS);
		epochs_beat(epochs);
	}
	print_message("# %llu looks at 300 ends, %llu late\n", (unsigned long long)looks,
		      (unsigned long long)wrong);
	assert_int_equal(wrong, 0);
	(void)state;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(reads), TEST(ends),  TEST(slots),	 TEST(times),
		TEST(beats), TEST(files), TEST(refused), TEST(races),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
