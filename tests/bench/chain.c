/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a chain costs beside the signatures in it: verifying 8 links against 8 raw verifications of the very
 * bytes that are signed, and signing a link against a raw signature of them. Both sides take turns in one
 * process, so that what else the machine does meets both; the ratio is of the medians.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/types.h"
#include "daemon/epochs.h"
#include "include/deputy.h"
#include "token/base64url.h"
#include "token/chain.h"

#define ROUNDS 2001
#define DIGEST "sha256:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"

/* Of a policy with three rules, as a broker writes them. */
static const char details[] =
	"[{\"rule\":\"coder.yaml:7 allow read,write,exec,create,delete,list path /home/alice/proj/**\","
	"\"type\":\"deputy_rule\"},{\"rule\":\"coder.yaml:8 deny read path **/.env\",\"type\":\"deputy_rule\"},"
	"{\"rule\":\"coder.yaml:10 allow connect 10.0.0.0/8 443\",\"type\":\"deputy_rule\"}]";

struct signed_text {
	unsigned char signature[KEY_SIGN_BYTES];
	size_t len;
};

static struct secret_key *keys[CHAIN_MAX + 1]; /* [0] the host's, [i + 1] link i's holder's */
static struct key_ring ring;
static char *links[CHAIN_MAX];
static struct signed_text parts[CHAIN_MAX];
static struct link_terms terms[CHAIN_MAX];
static struct chain_report report;
static char ids[CHAIN_MAX][24];
static struct deputy_chain *warm;
static int64_t now;

static void must(int err)
{
	if (!err)
		return;
	fprintf(stderr, "bench: chain: error %d\n", err);
	exit(1);
}

static void link_make(size_t i)
{
	char *dot;
	size_t n;

	snprintf(ids[i], sizeof(ids[i]), "gmfzwk43uorsxg5a%zu", i);
	must(key_derive(keys[0], ids[i], &keys[i + 1]));
	terms[i] = (struct link_terms){.id = ids[i],
				       .owner = "uid:1000",
				       .purpose = "fix-issue",
				       .policy = "coder",
				       .policy_digest = DIGEST,
				       .table = DIGEST,
				       .assurance = {{"method", "ssh-sk"}, {"signer", "SHA256:abcdef"}},
				       .assurance_count = 2,
				       .depth_max = CHAIN_MAX - 1,
				       .holder = *key_public(keys[i + 1]),
				       .iat = now,
				       .nbf = now,
				       .exp = now + 3600,
				       .slot = 1 + (uint32_t)i,
				       .gen = 1,
				       .details = details,
				       .details_len = strlen(details)};
	must(link_sign(keys[i], i ? &report.link[i - 1] : NULL, &terms[i], NULL, &links[i]));
	dot = strrchr(links[i], '.');
	parts[i].len = (size_t)(dot - links[i]);
	must(base64url_decode(dot + 1, strlen(dot + 1), parts[i].signature, KEY_SIGN_BYTES, &n));
	if (i)
		chain_report_free(&report);
	must(chain_verify(&ring, (const char *const *)links, i + 1, now, &report));
}

static double clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void verify_raw(void)
{
	for (size_t i = 0; i < CHAIN_MAX; i++)
		must(key_verify(key_public(keys[i]), links[i], parts[i].len, parts[i].signature));
}

static void verify_chain(void)
{
	struct chain_report r;

	must(chain_verify(&ring, (const char *const *)links, CHAIN_MAX, now, &r));
	chain_report_free(&r);
}

/* A thousand: one takes less than the clock. */
static void verify_warm(void)
{
	for (size_t i = 0; i < 1000; i++)
		must(deputy_chain_check(warm));
}

/* The file of a warden that lives, and a chain of which every link does. */
static void warm_open(void)
{
	char dir[] = "/tmp/deputy-bench.XXXXXX", path[64], *jwks, *text;
	static struct slot slots[SLOTS_MAX];
	struct deputy_keys *k;
	struct epochs *e;

	must(!mkdtemp(dir));
	must(epochs_open(dir, &e));
	epochs_fill(e, slots);
	for (uint32_t i = 1; i <= CHAIN_MAX; i++)
		epochs_begin(e, i, 1, INT64_MAX);
	e->beat = INT64_MAX;
	snprintf(path, sizeof(path), "%s/" EPOCH_FILE, dir);
	jwks = json_dumps(key_ring_jwks(&ring, 0), 0);
	must(deputy_keys_open(jwks, path, &k));
	must(chain_join((const char *const *)links, CHAIN_MAX, &text));
	must(deputy_chain_open(k, text, &warm));
	unlink(path);
	rmdir(dir);
}

static void sign_raw(void)
{
	unsigned char signature[KEY_SIGN_BYTES];

	for (size_t i = 0; i < CHAIN_MAX; i++)
		key_sign(keys[i], links[i], parts[i].len, signature);
}

static void sign_links(void)
{
	for (size_t i = 0; i < CHAIN_MAX; i++) {
		char *text;

		must(link_sign(keys[i], i ? &report.link[i - 1] : NULL, &terms[i], NULL, &text));
		free(text);
	}
}

static void derive(void)
{
	for (size_t i = 0; i < CHAIN_MAX; i++) {
		struct secret_key *key;

		must(key_derive(keys[0], ids[i], &key));
		key_free(key);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median of each, taking turns; microseconds for one link. */
static void measure(void (*const runs[])(void), size_t n, double *medians)
{
	static double taken[4][ROUNDS];

	for (size_t round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < n; i++) {
			double start = clock_us();

			runs[i]();
			taken[i][round] = (clock_us() - start) / CHAIN_MAX;
		}
	}
	for (size_t i = 0; i < n; i++) {
		qsort(taken[i], ROUNDS, sizeof(double), compare);
		medians[i] = taken[i][ROUNDS / 2];
	}
}

int main(void)
{
	void (*const verifying[])(void) = {verify_raw, verify_chain, verify_warm};
	void (*const signing[])(void) = {sign_raw, sign_links, derive};
	static const unsigned char seed[KEY_SEED_BYTES] = "for the benchmark";
	double v[3], s[3];

	if (sodium_init() < 0)
		return 1;
	must(key_from_seed(seed, &keys[0]));
	must(key_ring_add(&ring, key_public(keys[0]), 0, KEY_RING_FOREVER));
	now = time(NULL);
	for (size_t i = 0; i < CHAIN_MAX; i++)
		link_make(i);
	warm_open();
	measure(verifying, 3, v);
	measure(signing, 3, s);
	printf("chain of %u links of %zu bytes; medians of %d rounds, microseconds a link on this machine\n",
	       CHAIN_MAX, strlen(links[1]), ROUNDS);
	printf("  verify  %7.2f   raw Ed25519 %7.2f   ratio %.3f   aim 1.05\n", v[1], v[0], v[1] / v[0]);
	/* v[2] is of 1000 checks by 8; v[1] of one verification by 8 */
	printf("  check   %7.2f ns a chain, once it is verified    ratio %.5f   aim 0.02\n", v[2] * CHAIN_MAX,
	       v[2] / 1000 / v[1]);
	printf("  sign    %7.2f   raw Ed25519 %7.2f   ratio %.3f   aim 1.15\n", s[1], s[0], s[1] / s[0]);
	printf("  derive  %7.2f   a holder's key, once for each grant\n", s[2]);
	return 0;
}
