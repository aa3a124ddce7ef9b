/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain_make.h"
#include "token/jws.h"

void made_open(struct made *m, unsigned char seed)
{
	unsigned char bytes[KEY_SEED_BYTES] = {seed};

	*m = (struct made){0};
	assert_int_equal(key_from_seed(bytes, &m->root), 0);
	assert_int_equal(key_ring_add(&m->ring, key_public(m->root), 0, KEY_RING_FOREVER), 0);
}

void made_close(struct made *m)
{
	for (size_t i = 0; i < m->count; i++) {
		chain_report_free(&m->parents[i]);
		key_free(m->holders[i]);
		free(m->links[i]);
	}
	key_free(m->root);
}

struct link_terms made_terms(struct made *m, const char *id)
{
	struct link_terms t = {
		.id = id,
		.owner = OWNER,
		.purpose = "fix-issue",
		.policy = "coder",
		.policy_digest = POLICY,
		.table = TABLE,
		.assurance = {{"method", "ssh-sk"}, {"signer", "SHA256:abc"}},
		.assurance_count = 2,
		.depth_max = CHAIN_MAX - 1,
		.iat = NOW - 10,
		.nbf = NOW - 10,
		.exp = NOW + 600,
	};
	struct secret_key *holder;

	assert_int_equal(key_derive(m->root, id, &holder), 0);
	t.holder = *key_public(holder);
	key_free(holder);
	return t;
}

int made_add(struct made *m, const struct link_terms *terms, enum chain_why *why)
{
	size_t i = m->count;
	const struct chain_link *parent = i ? &m->parents[i - 1].link[i - 1] : NULL;
	char *text;
	int err = link_sign(i ? m->holders[i - 1] : m->root, parent, terms, why, &text);

	if (err)
		return err;
	m->links[i] = text;
	assert_int_equal(key_derive(m->root, terms->id, &m->holders[i]), 0);
	m->count++;
	assert_int_equal(
		chain_verify(&m->ring, (const char *const *)m->links, i + 1, terms->nbf, &m->parents[i]), 0);
	return 0;
}

uint32_t made_next(uint32_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 17;
	*random ^= *random << 5;
	return *random;
}

void made_random(struct made *m, size_t count, const char *prefix, uint32_t *random)
{
	char id[32], purpose[128] = "fix", within[128] = POLICY, digest[128] = POLICY, details[256];
	struct link_terms last = {.depth_max = CHAIN_MAX - 1, .exp = NOW + 5000, .nbf = NOW - 100};

	for (size_t i = m->count; i < count; i++) {
		struct link_terms t;

		snprintf(id, sizeof(id), "%s%zu", prefix, i);
		t = made_terms(m, id);
		if (i && made_next(random) % 2)
			sprintf(purpose + strlen(purpose), "/p%u", made_next(random) % 1000);
		t.purpose = purpose;
		t.depth_max = last.depth_max;
		if (t.depth_max > count - 1)
			t.depth_max -= made_next(random) % (t.depth_max - (uint32_t)count + 2);
		t.exp = last.exp - made_next(random) % 100;
		t.nbf = last.nbf + made_next(random) % 10;
		t.details_len = (size_t)sprintf(details, "[{\"n\":%u,\"type\":\"x\"}]", made_next(random));
		t.details = details;
		if (i && made_next(random) % 3 == 0) {
			strcpy(within, digest);
			sprintf(digest + 7, "%064x", made_next(random));
			t.policy_within = within;
			t.policy = "narrower";
		} else if (i) {
			t.policy = m->parents[i - 1].link[i - 1].terms.policy;
		}
		t.policy_digest = digest;
		t.slot = made_next(random) % 2 ? made_next(random) % (SLOTS_MAX - 1) + 1 : 0;
		t.gen = 1;
		t.status_uri =
			made_next(random) % 2 ? "https://deputy.invalid/v1/status-list?list=a.0" : NULL;
		t.status_index = (uint32_t)made_next(random);
		assert_int_equal(made_add(m, &t, NULL), 0);
		last = t;
	}
}

char *made_forge(const struct secret_key *key, const char *header, const char *payload, size_t len)
{
	char ours[256], *text;

	snprintf(ours, sizeof(ours), LINK_HEADER_BEFORE "%s" LINK_HEADER_AFTER, key_public(key)->kid);
	header = header ? header : ours;
	assert_int_equal(jws_sign(key, header, strlen(header), payload, len, &text), 0);
	return text;
}
