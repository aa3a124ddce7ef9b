/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of chains: what is made verifies, and nothing that is made out of it does. */
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

#include "chain_make.h"

static struct made host;

static int setup(void **state)
{
	(void)state;
	if (sodium_init() < 0)
		return -1;
	made_open(&host, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	made_close(&host);
	return 0;
}

/* Of any n links, by that host's keys, now. Reports are let go of. */
static int verify_at(const struct made *m, const char *const *links, size_t n, int64_t now,
		     struct chain_report *report)
{
	int err = chain_verify(&m->ring, links, n, now, report);

	if (!err)
		chain_report_free(report);
	return err;
}

static int verify(const struct made *m, const char *const *links, size_t n, struct chain_report *report)
{
	return verify_at(m, links, n, NOW, report);
}

static void refused(const struct made *m, const char *const *links, size_t n, const char *what)
{
	struct chain_report report;

	if (!verify(m, links, n, &report))
		fail_msg("verifies: %s (%zu links)", what, n);
}

/* Copies what made_open() has made, for a second chain by the same host. */
static struct made same_host(void)
{
	struct made m = {.ring = host.ring};
	unsigned char bytes[KEY_SEED_BYTES] = {1};

	assert_int_equal(key_from_seed(bytes, &m.root), 0);
	return m;
}

#define LINKS(m) ((const char *const *)(m).links)

static void random_chains(void **state)
{
	uint32_t random = 2463534242u;

	(void)state;
	for (size_t round = 0; round < 10; round++) {
		for (size_t n = 1; n <= CHAIN_MAX; n++) {
			struct made m = same_host();
			struct chain_report report;
			char *text;

			made_random(&m, n, "g", &random);
			assert_int_equal(chain_verify(&m.ring, LINKS(m), n, NOW, &report), 0);
			assert_int_equal(report.why, CHAIN_OK);
			assert_int_equal(report.count, n);
			assert_int_equal(report.scopes, CHAIN_NAMED);
			assert_int_equal(report.link[n - 1].depth, n - 1);
			chain_report_free(&report);
			assert_int_equal(chain_join(LINKS(m), n, &text), 0);
			assert_int_equal(chain_verify_text(&m.ring, text, strlen(text), NOW, &report), 0);
			assert_int_equal(report.count, n);
			chain_report_free(&report);
			/* without the first '~', with one more, with one at the end */
			assert_int_equal(chain_verify_text(&m.ring, text + 1, strlen(text) - 1, NOW, &report),
					 -EBADMSG);
			text[strlen(text)] = '~';
			assert_int_not_equal(
				chain_verify_text(&m.ring, text, strlen(LINKS(m)[0]) + 2, NOW, &report), 0);
			free(text);
			made_close(&m);
		}
	}
}

/* Every bit of a single link, every bit of every other byte of two, and some of long ones. */
static void edits(void **state)
{
	uint32_t random = 88172645u;
	size_t tried = 0;

	(void)state;
	for (size_t n = 1; n <= CHAIN_MAX; n++) {
		struct made m = same_host();

		made_random(&m, n, "g", &random);
		for (size_t i = 0; i < n; i++) {
			size_t len = strlen(m.links[i]), step = n <= 2 ? n : 211;

			for (size_t at = made_next(&random) % step; at < len; at += step) {
				char was = m.links[i][at];

				for (unsigned bit = 0; bit < 8; bit++) {
					m.links[i][at] = (char)(was ^ 1 << bit);
					refused(&m, LINKS(m), n, "an edited chain");
					tried++;
				}
				m.links[i][at] = was;
			}
		}
		made_close(&m);
	}
	print_message("# %zu edited chains refused\n", tried);
}

/* Every swap, every link left out or twice. What is left of a chain whose end is cut off is its parent's own,
 * which its holder may have: that one verifies. */
static void order(void **state)
{
	uint32_t random = 521288629u;

	(void)state;
	for (size_t n = 1; n <= CHAIN_MAX; n++) {
		struct made m = same_host();
		const char *links[CHAIN_MAX + 1];
		struct chain_report report;

		made_random(&m, n, "g", &random);
		for (size_t i = 0; i < n; i++) {
			for (size_t k = 0; k < i; k++) {
				memcpy(links, m.links, n * sizeof(*links));
				links[i] = m.links[k];
				links[k] = m.links[i];
				refused(&m, links, n, "two links swapped");
			}
			memcpy(links, m.links, i * sizeof(*links));
			memcpy(links + i, m.links + i + 1, (n - i - 1) * sizeof(*links));
			if (i + 1 < n)
				refused(&m, links, n - 1, "a link left out");
			refused(&m, LINKS(m) + i + 1, n - i - 1, "the root's side cut off");
			memcpy(links, m.links, (i + 1) * sizeof(*links));
			memcpy(links + i + 1, m.links + i, (n - i) * sizeof(*links));
			refused(&m, links, n + 1, "a link twice");
			assert_int_equal(verify(&m, LINKS(m), i + 1, &report), 0);
		}
		made_close(&m);
	}
}

/* Links of two chains of one host and owner, each at the other's places, whether their ids are the same or
 * not. */
static void splices(void **state)
{
	uint32_t random = 3141592653u;

	(void)state;
	for (int same_ids = 0; same_ids < 2; same_ids++) {
		for (size_t n = 2; n <= CHAIN_MAX; n += 2) {
			struct made a = same_host(), b = same_host();

			made_random(&a, n, "g", &random);
			made_random(&b, n, same_ids ? "g" : "h", &random);
			for (size_t i = 0; i < n; i++) {
				const char *links[CHAIN_MAX];

				memcpy(links, a.links, sizeof(links));
				links[i] = b.links[i];
				refused(&a, links, n, "another chain's link");
				if (!i)
					continue;
				memcpy(links + i, b.links + i, (n - i) * sizeof(*links));
				refused(&a, links, n, "another chain's end");
			}
			made_close(&a);
			made_close(&b);
		}
	}
}

/* ---- one thing too much, signed by the right key ---- */

/* Replaces, in a good link's payload, one piece of text by another, and signs it again. */
static char *forge_changed(const struct secret_key *key, const struct chain_link *link, const char *from,
			   const char *to)
{
	const char *at = memmem(link->payload.at, link->payload.len, from, strlen(from));
	size_t before;
	char *payload, *text;

	if (!at)
		fail_msg("no %s in %.*s", from, (int)link->payload.len, link->payload.at);
	before = (size_t)(at - link->payload.at);
	payload = malloc(link->payload.len + strlen(to) + 1);
	memcpy(payload, link->payload.at, before);
	strcpy(payload + before, to);
	memcpy(payload + before + strlen(to), at + strlen(from), link->payload.len - before - strlen(from));
	text = made_forge(key, NULL, payload, link->payload.len + strlen(to) - strlen(from));
	free(payload);
	return text;
}

/* A root and a child of it with fixed terms. */
static void pair_make(struct made *m)
{
	struct link_terms t;

	*m = same_host();
	t = made_terms(m, "gparent");
	t.purpose = "fix";
	t.depth_max = 3;
	assert_int_equal(made_add(m, &t, NULL), 0);
	t = made_terms(m, "gchild");
	t.purpose = "fix";
	t.depth_max = 3;
	assert_int_equal(made_add(m, &t, NULL), 0);
}

static void wider(void **state)
{
	static const struct {
		const char *from, *to;
		enum chain_why why;
	} cases[] = {
		{"\"exp\":1000600", "\"exp\":1000599", CHAIN_OK},
		{"\"exp\":1000600", "\"exp\":1000601", CHAIN_LIFETIME},
		{"\"nbf\":999990", "\"nbf\":999991", CHAIN_OK},
		{"\"nbf\":999990", "\"nbf\":999989", CHAIN_LIFETIME},
		{"\"del_depth\":1", "\"del_depth\":2", CHAIN_DEPTH},
		{"\"del_depth\":1", "\"del_depth\":0", CHAIN_CLAIMS},
		{"\"del_max\":3", "\"del_max\":1", CHAIN_OK},
		{"\"del_max\":3", "\"del_max\":0", CHAIN_CLAIMS},
		{"\"del_max\":3", "\"del_max\":4", CHAIN_DEPTH_MAX},
		{"\"purpose\":\"fix\"", "\"purpose\":\"fix/issue\"", CHAIN_OK},
		{"\"purpose\":\"fix\"", "\"purpose\":\"fix/a/b\"", CHAIN_OK},
		{"\"purpose\":\"fix\"", "\"purpose\":\"fix-issue\"", CHAIN_PURPOSE},
		{"\"purpose\":\"fix\"", "\"purpose\":\"fi\"", CHAIN_PURPOSE},
		{"\"purpose\":\"fix\"", "\"purpose\":\"Fix\"", CHAIN_PURPOSE},
		{"\"purpose\":\"fix\"", "\"purpose\":\"x/fix\"", CHAIN_PURPOSE},
		{"\"purpose\":\"fix\"", "\"purpose\":\"fix/../x\"", CHAIN_CLAIMS},
		{"\"purpose\":\"fix\"", "\"purpose\":\"fix/./x\"", CHAIN_CLAIMS},
		{"\"purpose\":\"fix\"", "\"purpose\":\"fix//x\"", CHAIN_CLAIMS},
		{"\"purpose\":\"fix\"", "\"purpose\":\"fix/\"", CHAIN_CLAIMS},
		{"\"purpose\":\"fix\"", "\"purpose\":\"/fix\"", CHAIN_CLAIMS},
		{"\"purpose\":\"fix\"", "\"purpose\":\"fix/a b\"", CHAIN_CLAIMS},
		{"\"purpose\":\"fix\"", "\"purpose\":\"fix/\xc3\xa9\"", CHAIN_CLAIMS},
		{"\"owner\":\"uid:1000\"", "\"owner\":\"uid:0\"", CHAIN_OWNER},
		{"\"method\":\"ssh-sk\"", "\"method\":\"peer\"", CHAIN_ASSURANCE},
		{",\"signer\":\"SHA256:abc\"", "", CHAIN_ASSURANCE},
		{"\"name\":\"coder\"", "\"name\":\"other\"", CHAIN_POLICY},
		{"\"digest\":\"sha256:9d", "\"digest\":\"sha256:00", CHAIN_POLICY},
		{"\"name\":\"coder\"}", "\"name\":\"coder\",\"within\":\"" POLICY "\"}", CHAIN_POLICY},
		{"\"jti\":\"gchild\"", "\"jti\":\"gother\"", CHAIN_CLAIMS},
		{"\"iss\":\"grant:gparent\"", "\"iss\":\"deputy\"", CHAIN_CLAIMS},
		{"\"sub\":\"agent:gchild\"", "\"sub\":\"agent:gparent\"", CHAIN_CLAIMS},
		{"\"par_hash\":\"", "\"par_hash\":null,\"par_hatch\":\"", CHAIN_CLAIMS},
	};
	struct made m;

	(void)state;
	pair_make(&m);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = forge_changed(m.holders[0], &m.parents[1].link[1], cases[i].from, cases[i].to);
		const char *links[] = {m.links[0], text};
		struct chain_report report;
		int err = verify(&m, links, 2, &report);

		if (report.why != cases[i].why || !err != !cases[i].why || (err && report.at != 1))
			fail_msg("%s: %s at %zu", cases[i].to, chain_why_name(report.why), report.at);
		free(text);
	}
	made_close(&m);
}

/* Its own policy, said to be within the parent's: the one way to another digest. */
static void own_policy(void **state)
{
	struct made m;
	char *text, own[] = "{\"digest\":\"" TABLE "\",\"name\":\"narrower\",\"within\":\"" POLICY "\"}";
	struct chain_report report;

	(void)state;
	pair_make(&m);
	for (int i = 0; i < 2; i++) {
		text = forge_changed(m.holders[0], &m.parents[1].link[1],
				     "{\"digest\":\"" POLICY "\",\"name\":\"coder\"}", own);
		assert_int_equal(verify(&m, (const char *const[]){m.links[0], text}, 2, &report),
				 i ? -EPERM : 0);
		assert_int_equal(report.why, i ? CHAIN_POLICY : CHAIN_OK);
		free(text);
		strstr(own, "within\":\"sha256:")[16] = 'f'; /* of some other policy */
	}
	made_close(&m);
}

/* Ids and keys of links above, next or further up, and the host's own. */
static void repeated(void **state)
{
	struct made m = same_host();
	struct link_terms t = made_terms(&m, "ga"), b = made_terms(&m, "gb"), c;
	enum chain_why why;

	(void)state;
	c = t;
	c.holder = *key_public(m.root);
	assert_int_equal(made_add(&m, &c, &why), -EPERM);
	assert_int_equal(why, CHAIN_HOLDER);
	assert_int_equal(made_add(&m, &t, NULL), 0);
	assert_int_equal(made_add(&m, &t, &why), -EPERM);
	assert_int_equal(why, CHAIN_ID);
	c = b;
	c.holder = t.holder;
	assert_int_equal(made_add(&m, &c, &why), -EPERM);
	assert_int_equal(why, CHAIN_HOLDER);
	assert_int_equal(made_add(&m, &b, NULL), 0);
	for (int i = 0; i < 3;
	     i++) { /* the grandparent's id, its key, the host's: link_sign() sees the parent only */
		struct link_terms d = made_terms(&m, i ? "gd" : "ga");
		struct chain_report report;
		char *text;

		if (i)
			d.holder = i == 1 ? t.holder : *key_public(m.root);
		assert_int_equal(link_sign(m.holders[1], &m.parents[1].link[1], &d, NULL, &text), 0);
		assert_int_equal(verify(&m, (const char *const[]){m.links[0], m.links[1], text}, 3, &report),
				 -EPERM);
		assert_int_equal(report.why, i ? CHAIN_HOLDER : CHAIN_ID);
		assert_int_equal(report.at, 2);
		free(text);
	}
	made_close(&m);
}

/* A link signed by anyone but the parent's holder: the host, another holder, the child itself. */
static void signers(void **state)
{
	struct made m = same_host(), other;
	uint32_t random = 7;

	(void)state;
	made_open(&other, 2);
	made_random(&m, 4, "g", &random);
	for (size_t i = 0; i < 4; i++) {
		const struct span p = m.parents[i].link[i].payload;
		const struct secret_key *keys[] = {m.root,	 m.holders[0], m.holders[1],
						   m.holders[2], m.holders[3], other.root};

		for (size_t k = 0; k < 6; k++) {
			char *text = made_forge(keys[k], NULL, p.at, p.len);
			const char *links[4];
			struct chain_report report;

			memcpy(links, m.links, sizeof(links));
			links[i] = text;
			assert_int_equal(verify(&m, links, i + 1, &report), k == i ? 0 : -ENOKEY);
			free(text);
		}
	}
	made_close(&other);
	made_close(&m);
}

/* The depths and counts at the limit and one past it. */
static void limits(void **state)
{
	struct made m = same_host();
	const char *links[CHAIN_MAX + 1];
	struct chain_report report;
	struct link_terms t = made_terms(&m, "ga");
	enum chain_why why;
	uint32_t random = 9;
	char *text;

	(void)state;
	t.depth_max = CHAIN_MAX;
	assert_int_equal(made_add(&m, &t, &why), -EINVAL);
	assert_int_equal(why, CHAIN_CLAIMS);
	made_random(&m, CHAIN_MAX, "g", &random);
	t = made_terms(&m, "gz");
	assert_int_equal(link_sign(m.holders[7], &m.parents[7].link[7], &t, &why, &text), -EINVAL);
	memcpy(links, m.links, sizeof(m.links));
	links[CHAIN_MAX] = m.links[0];
	assert_int_equal(verify(&m, links, CHAIN_MAX + 1, &report), -EMSGSIZE);
	assert_int_equal(report.why, CHAIN_LENGTH);
	assert_int_equal(verify(&m, links, 0, &report), -EMSGSIZE);
	assert_int_equal(chain_join(links, CHAIN_MAX + 1, &text), -EMSGSIZE);
	assert_int_equal(chain_join(links, 0, &text), -EMSGSIZE);
	made_close(&m);
}

static void size_limit(void **state)
{
	struct made m = same_host();
	struct link_terms t = made_terms(&m, "ga");
	char *details = malloc(LINK_MAX), *text;
	struct chain_report report;
	size_t n, longest = 0;

	(void)state;
	t.details = details;
	for (n = 23000; n < 24400; n++) {
		int len = sprintf(details, "[{\"type\":\"%0*d\"}]", (int)n, 0);

		t.details_len = (size_t)len;
		if (link_sign(m.root, NULL, &t, NULL, &text) == -EMSGSIZE)
			break;
		longest = strlen(text);
		if (longest > LINK_MAX - 4) {
			assert_int_equal(verify(&m, (const char *const[]){text}, 1, &report), 0);
			text = realloc(text, LINK_MAX + 2);
			memset(text + longest, 'A', LINK_MAX + 1 - longest);
			text[LINK_MAX + 1] = '\0';
			assert_int_equal(verify(&m, (const char *const[]){text}, 1, &report), -EMSGSIZE);
			assert_int_equal(report.why, CHAIN_SIZE);
		}
		free(text);
	}
	assert_true(longest > LINK_MAX - 4 && longest <= LINK_MAX);
	free(details);
	made_close(&m);
}

static void times(void **state)
{
	static const struct {
		int64_t now;
		int err;
		size_t at;
	} cases[] = {{NOW - 10, 0, 0},
		     {NOW + 599, 0, 0},
		     {NOW - 11, -EAGAIN, 0},
		     {NOW + 600, -EKEYEXPIRED, 0},
		     {INT64_MAX, -EKEYEXPIRED, 0},
		     {0, -EAGAIN, 0}};
	struct made m;
	struct chain_report report;
	char *text;

	(void)state;
	pair_make(&m);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int err = chain_verify(&m.ring, LINKS(m), 2, cases[i].now, &report);

		if (cases[i].now == INT64_MAX && err == -ENOKEY)
			err = -EKEYEXPIRED; /* no key is good for ever and a second */
		assert_int_equal(err, cases[i].err);
		if (err)
			assert_int_equal(report.at, cases[i].at);
		else
			chain_report_free(&report);
	}
	text = forge_changed(m.holders[0], &m.parents[1].link[1], "\"exp\":1000600", "\"exp\":1000100");
	assert_int_equal(verify_at(&m, (const char *const[]){m.links[0], text}, 2, NOW + 100, &report),
			 -EKEYEXPIRED);
	assert_int_equal(report.at, 1);
	free(text);
	made_close(&m);
}

/* ---- what is read out of it ---- */

static void act(void **state)
{
	struct made m = same_host();
	json_auto_t *history = NULL, *want = NULL, *claims = NULL;
	uint32_t random = 5;

	(void)state;
	made_random(&m, 3, "g", &random);
	history = chain_act(&m.parents[2]);
	want = json_pack("{s:s, s:{s:s, s:{s:s}}}", "sub", "agent:g2", "act", "sub", "agent:g1", "act", "sub",
			 "agent:g0");
	assert_true(json_equal(history, want));
	claims = chain_claims(&m.parents[2], 2);
	assert_string_equal(json_string_value(json_object_get(claims, "jti")), "g2");
	assert_null(chain_claims(&m.parents[2], 3));
	made_close(&m);
}

static int answer(const struct chain_link *child, const struct chain_link *parent, void *arg)
{
	(void)parent;
	return child->depth == 2 ? *(int *)arg : 0;
}

static void scopes(void **state)
{
	static const struct {
		int says, err;
		enum chain_scopes scopes;
	} cases[] = {{0, 0, CHAIN_PROVEN},
		     {-EPERM, -EPERM, CHAIN_NAMED},
		     {-ENODATA, 0, CHAIN_NAMED},
		     {-ENOMEM, -ENOMEM, CHAIN_NAMED}};
	struct made m = same_host();
	const char *ids[] = {"ga", "gb", "gc"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct link_terms t = made_terms(&m, ids[i]);

		t.table = i == 2 ? POLICY : TABLE;
		assert_int_equal(made_add(&m, &t, NULL), 0);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct chain_report report;
		int says = cases[i].says;

		assert_int_equal(chain_verify(&m.ring, LINKS(m), 3, NOW, &report), 0);
		assert_int_equal(chain_prove(&report, NULL, NULL), 0);
		assert_int_equal(report.scopes, CHAIN_NAMED);
		assert_int_equal(chain_prove(&report, answer, &says), cases[i].err);
		assert_int_equal(report.scopes, cases[i].scopes);
		if (says == -EPERM)
			assert_true(report.why == CHAIN_SCOPES && report.at == 2);
		chain_report_free(&report);
	}
	made_close(&m);
}

/* For tests of other programs: `--print` writes {"jwks", "links"} of a chain that is good for an hour. */
static int print_chain(void)
{
	static const char *const purposes[] = {"fix-issue", "fix-issue/tests", "fix-issue/tests/unit"};
	static const char *const ids[] = {"ga", "gb", "gc"};
	json_auto_t *out = NULL;

	if (sodium_init() < 0)
		return 1;
	made_open(&host, 1);
	out = json_pack("{s:o, s:[]}", "jwks", key_ring_jwks(&host.ring, NOW), "links");
	for (size_t i = 0; i < 3; i++) {
		struct link_terms t = made_terms(&host, ids[i]);

		t.purpose = purposes[i];
		t.slot = 100 + (uint32_t)i;
		t.gen = 1;
		t.iat = t.nbf = time(NULL) - 5;
		t.exp = t.iat + 3600;
		if (i)
			t.exp = host.parents[i - 1].link[i - 1].terms.exp - 60;
		t.nbf = i ? host.parents[i - 1].link[i - 1].terms.nbf : t.nbf;
		assert_int_equal(made_add(&host, &t, NULL), 0);
		json_array_append_new(json_object_get(out, "links"), json_string(host.links[i]));
	}
	json_dumpf(out, stdout, JSON_COMPACT);
	made_close(&host);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_chains), cmocka_unit_test(edits),   cmocka_unit_test(order),
		cmocka_unit_test(splices),	 cmocka_unit_test(wider),   cmocka_unit_test(own_policy),
		cmocka_unit_test(repeated),	 cmocka_unit_test(signers), cmocka_unit_test(limits),
		cmocka_unit_test(size_limit),	 cmocka_unit_test(times),   cmocka_unit_test(act),
		cmocka_unit_test(scopes),
	};

	if (argc > 1 && !strcmp(argv[1], "--print"))
		return print_chain();
	return cmocka_run_group_tests(tests, setup, teardown);
}
