/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain in one string; a root's payload behind a good signature; and a child's, below a good root. What
 * verifies must read the same to jansson, sign again to the very bytes, and be no wider than its parent.
 */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "token/chain.h"
#include "token/jws.h"

#define NOW    1000000
#define DIGEST "sha256:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"

static struct secret_key *root, *holder;
static struct key_ring ring;
static char *parent;
static struct chain_report above;

static int parent_make(void)
{
	struct link_terms t = {.id = "gparent",
			       .owner = "uid:1000",
			       .purpose = "fix",
			       .policy = "coder",
			       .policy_digest = DIGEST,
			       .table = DIGEST,
			       .assurance = {{"method", "peer"}},
			       .assurance_count = 1,
			       .depth_max = 3,
			       .holder = *key_public(holder),
			       .iat = NOW,
			       .nbf = NOW,
			       .exp = NOW + 100};

	if (link_sign(root, NULL, &t, NULL, &parent))
		return -1;
	return chain_verify(&ring, (const char *const[]){parent}, 1, NOW, &above);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const unsigned char seed[KEY_SEED_BYTES] = "for the fuzzer";

	(void)argc;
	(void)argv;
	if (sodium_init() < 0 || key_from_seed(seed, &root) || key_derive(root, "gparent", &holder) ||
	    key_ring_add(&ring, key_public(root), 0, KEY_RING_FOREVER))
		return -1;
	return parent_make();
}

static void demand(int holds)
{
	if (!holds)
		abort();
}

/* The parser that everybody else has finds the same in it. */
static void same_to_jansson(const struct chain_report *r, size_t i)
{
	const struct link_terms *t = &r->link[i].terms;
	json_t *claims = chain_claims(r, i);
	const char *id, *owner, *purpose, *digest;
	json_int_t exp, nbf, depth;
	json_t *details;

	demand(!json_unpack(claims, "{s:s, s:s, s:s, s:{s:s}, s:I, s:I, s:I, s:o}", "jti", &id, "owner",
			    &owner, "purpose", &purpose, "policy", "digest", &digest, "exp", &exp, "nbf",
			    &nbf, "del_depth", &depth, "authorization_details", &details));
	demand(!strcmp(id, t->id) && !strcmp(owner, t->owner) && !strcmp(purpose, t->purpose));
	demand(!strcmp(digest, t->policy_digest) && exp == t->exp && nbf == t->nbf);
	demand(depth == r->link[i].depth && json_is_array(details));
	json_decref(claims);
}

static void is_narrower(const struct link_terms *p, const struct link_terms *t)
{
	size_t n = strlen(p->purpose);

	demand(!strcmp(p->owner, t->owner) && t->exp <= p->exp && t->nbf >= p->nbf);
	demand(!strncmp(t->purpose, p->purpose, n) && (!t->purpose[n] || t->purpose[n] == '/'));
	demand(!strstr(t->purpose, "..") || strstr(p->purpose, "..") || !strstr(t->purpose, "/../"));
	demand(t->depth_max <= p->depth_max);
	demand(!strcmp(t->policy_digest, p->policy_digest) ||
	       (t->policy_within && !strcmp(t->policy_within, p->policy_digest)));
}

static void look(const char *const *links, size_t n)
{
	struct chain_report r;
	char *again;

	if (chain_verify(&ring, links, n, NOW, &r))
		return;
	for (size_t i = 0; i < n; i++) {
		same_to_jansson(&r, i);
		if (i)
			is_narrower(&r.link[i - 1].terms, &r.link[i].terms);
		/* unknown claims are not signed again: shorter, or the same */
		demand(!link_sign(i ? holder : root, i ? &r.link[i - 1] : NULL, &r.link[i].terms, NULL,
				  &again));
		demand(strlen(again) < strlen(links[i]) || !strcmp(again, links[i]));
		free(again);
	}
	chain_report_free(&r);
}

static char *forge(const struct secret_key *key, const char *payload, size_t len)
{
	char header[256], *text;

	strcpy(header, LINK_HEADER_BEFORE);
	strcat(strcat(header, key_public(key)->kid), LINK_HEADER_AFTER);
	return jws_sign(key, header, strlen(header), payload, len, &text) ? NULL : text;
}

/* The payload of the parent's own, with `size` bytes put in for `cut` ones somewhere: mutations of a whole
 * one rarely stay whole. */
static char *graft(const char *data, size_t size, size_t *len)
{
	const struct span p = above.link[0].payload;
	size_t at = 0, cut = 0;
	char *text;

	if (size >= 4) {
		at = ((unsigned char)data[0] | (size_t)(unsigned char)data[1] << 8) % p.len;
		cut = (unsigned char)data[2] % (p.len - at);
		data += 3, size -= 3;
	}
	text = malloc(p.len + size);
	memcpy(text, p.at, at);
	memcpy(text + at, data, size);
	memcpy(text + at + size, p.at + at + cut, p.len - at - cut);
	*len = p.len - cut + size;
	return text;
}

static void try_payload(int child, const char *payload, size_t len)
{
	char *text = forge(child ? holder : root, payload, len);
	const char *links[] = {parent, text};

	if (text)
		look(child ? links : links + 1, child ? 2 : 1);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = copy_of(data, size), *grafted;
	struct chain_report r;
	size_t len;

	if (size && copy[0] == 'r') {
		try_payload(0, copy + 1, size - 1);
	} else if (size && copy[0] == 'c') {
		try_payload(1, copy + 1, size - 1);
	} else if (size && copy[0] == 'g') {
		grafted = graft(copy + 1, size - 1, &len);
		try_payload(0, grafted, len);
		free(grafted);
	} else if (!chain_verify_text(&ring, copy, size, NOW, &r)) {
		chain_report_free(&r);
	}
	free(copy);
	return 0;
}
