/* SPDX-License-Identifier: Apache-2.0 */
#include "token/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "token/base64url.h"
#include "token/jws.h"

/* ---- one link below another ---- */

static bool is_same(const char *a, const char *b)
{
	return !strcmp(a, b);
}

static bool assurance_is_same(const struct link_terms *a, const struct link_terms *b)
{
	if (a->assurance_count != b->assurance_count)
		return false;
	for (uint32_t i = 0; i < a->assurance_count; i++)
		if (!is_same(a->assurance[i].name, b->assurance[i].name) ||
		    !is_same(a->assurance[i].value, b->assurance[i].value))
			return false;
	return true;
}

/* Its own policy may have its own name, but has to say whose it lies within; the same one has nothing to say.
 */
static bool policy_is_within(const struct link_terms *parent, const struct link_terms *t)
{
	if (is_same(t->policy_digest, parent->policy_digest))
		return is_same(t->policy, parent->policy) && !t->policy_within;
	return t->policy_within && is_same(t->policy_within, parent->policy_digest);
}

/* The slash is what keeps "fix-issue" from being a refinement of "fix". */
static bool purpose_is_within(const char *parent, const char *purpose)
{
	size_t n = strlen(parent);

	return !strncmp(purpose, parent, n) && (purpose[n] == '\0' || purpose[n] == '/');
}

enum chain_why link_within(const struct chain_link *parent, const struct chain_link *link)
{
	const struct link_terms *p = &parent->terms, *t = &link->terms;

	if (!link->parent || !is_same(link->parent, p->id))
		return CHAIN_PARENT;
	if (memcmp(link->parent_hash, parent->hash, HASH_BYTES) != 0)
		return CHAIN_HASH;
	if (link->depth != parent->depth + 1)
		return CHAIN_DEPTH;
	if (t->depth_max > p->depth_max)
		return CHAIN_DEPTH_MAX;
	if (!is_same(t->owner, p->owner))
		return CHAIN_OWNER;
	if (!assurance_is_same(t, p))
		return CHAIN_ASSURANCE;
	if (!policy_is_within(p, t))
		return CHAIN_POLICY;
	if (!purpose_is_within(p->purpose, t->purpose))
		return CHAIN_PURPOSE;
	if (t->nbf < p->nbf || t->exp > p->exp)
		return CHAIN_LIFETIME;
	if (is_same(t->id, p->id))
		return CHAIN_ID;
	return memcmp(t->holder.bytes, p->holder.bytes, KEY_PUBLIC_BYTES) ? CHAIN_OK : CHAIN_HOLDER;
}

/* ---- writing one ---- */

#define CLAIMS_ROOM                                                                                          \
	8192u /* of all claims but authorization_details: names, and 20 strings of LINK_TEXT_MAX */

struct writer {
	char *at;
	const char *end;
	bool bad;
};

static void put(struct writer *w, const char *text, size_t len)
{
	if ((size_t)(w->end - w->at) < len) {
		w->bad = true;
		return;
	}
	memcpy(w->at, text, len);
	w->at += len;
}

#define PUT(w, text) put((w), (text), sizeof(text) - 1)

/* What would have to be escaped could begin another claim: it is no string of ours. */
static void put_string(struct writer *w, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (!text)
		w->bad = true;
	for (size_t i = 0; i < len; i++)
		w->bad |= text[i] == '"' || text[i] == '\\';
	put(w, text ? text : "", len);
}

static void put_quoted(struct writer *w, const char *text)
{
	PUT(w, "\"");
	put_string(w, text);
	PUT(w, "\"");
}

static void put_number(struct writer *w, int64_t number)
{
	char digits[20], *d = digits + sizeof(digits);

	w->bad |= number < 0;
	do
		*--d = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	put(w, d, (size_t)(digits + sizeof(digits) - d));
}

static void put_base64(struct writer *w, const unsigned char bytes[32])
{
	char text[BASE64URL_LEN(32) + 1];

	PUT(w, "\"");
	put(w, text, base64url_encode(bytes, 32, text));
	PUT(w, "\"");
}

static void put_assurance(struct writer *w, const struct link_terms *t)
{
	PUT(w, "{\"assurance\":{");
	for (uint32_t i = 0; i < t->assurance_count && i <= LINK_ASSURANCE; i++) {
		if (i)
			PUT(w, ",");
		w->bad |= i == LINK_ASSURANCE;
		put_quoted(w, i < LINK_ASSURANCE ? t->assurance[i].name : NULL);
		PUT(w, ":");
		put_quoted(w, i < LINK_ASSURANCE ? t->assurance[i].value : NULL);
	}
	PUT(w, "}");
}

static void put_policy(struct writer *w, const struct link_terms *t)
{
	PUT(w, ",\"policy\":{\"digest\":");
	put_quoted(w, t->policy_digest);
	PUT(w, ",\"name\":");
	put_quoted(w, t->policy);
	if (t->policy_within) {
		PUT(w, ",\"within\":");
		put_quoted(w, t->policy_within);
	}
	PUT(w, "}");
}

static void put_parent(struct writer *w, const struct chain_link *parent)
{
	PUT(w, ",\"par_hash\":");
	if (parent)
		put_base64(w, parent->hash);
	else
		PUT(w, "null");
	PUT(w, ",\"parent\":");
	if (parent)
		put_quoted(w, parent->terms.id);
	else
		PUT(w, "null");
}

static void put_status(struct writer *w, const struct link_terms *t)
{
	if (!t->slot && !t->status_uri)
		return;
	PUT(w, ",\"status\":{");
	if (t->slot) {
		PUT(w, "\"deputy_slot\":{\"gen\":");
		put_number(w, t->gen);
		PUT(w, ",\"idx\":");
		put_number(w, t->slot);
		PUT(w, "}");
	}
	if (t->slot && t->status_uri)
		PUT(w, ",");
	if (t->status_uri) {
		PUT(w, "\"status_list\":{\"idx\":");
		put_number(w, t->status_index);
		PUT(w, ",\"uri\":");
		put_quoted(w, t->status_uri);
		PUT(w, "}");
	}
	PUT(w, "}");
}

static void put_times(struct writer *w, const struct chain_link *parent, const struct link_terms *t)
{
	PUT(w, ",\"del_depth\":");
	put_number(w, parent ? parent->depth + 1 : 0);
	PUT(w, ",\"del_max\":");
	put_number(w, t->depth_max);
	PUT(w, ",\"exp\":");
	put_number(w, t->exp);
	PUT(w, ",\"iat\":");
	put_number(w, t->iat);
}

static void put_names(struct writer *w, const struct chain_link *parent, const struct link_terms *t)
{
	PUT(w, ",\"iss\":\"");
	if (parent) {
		PUT(w, "grant:");
		put_string(w, parent->terms.id);
	} else {
		PUT(w, "deputy");
	}
	PUT(w, "\",\"jti\":");
	put_quoted(w, t->id);
	PUT(w, ",\"nbf\":");
	put_number(w, t->nbf);
	PUT(w, ",\"owner\":");
	put_quoted(w, t->owner);
}

static void put_claims(struct writer *w, const struct chain_link *parent, const struct link_terms *t)
{
	put_assurance(w, t);
	PUT(w, ",\"authorization_details\":");
	put(w, t->details ? t->details : "[]", t->details ? t->details_len : 2);
	PUT(w, ",\"cnf\":{\"jwk\":{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":");
	put_base64(w, t->holder.bytes);
	PUT(w, "}}");
	put_times(w, parent, t);
	put_names(w, parent, t);
	put_parent(w, parent);
	put_policy(w, t);
	PUT(w, ",\"purpose\":");
	put_quoted(w, t->purpose);
	put_status(w, t);
	PUT(w, ",\"sub\":\"agent:");
	put_string(w, t->id);
	PUT(w, "\",\"table\":");
	put_quoted(w, t->table);
	PUT(w, "}");
}

/* ---- and signing it ---- */

/* Whether what was written says what was meant, and follows the parent. */
static enum chain_why link_reads(struct span payload, char *room, const struct secret_key *key,
				 const struct chain_link *parent, const struct link_terms *terms)
{
	struct link_room r = {room};
	struct chain_link link;
	const char *claim;
	enum chain_why why = link_read(payload, &r, &link, &claim);

	if (why)
		return why;
	if (link.terms.details_len != (terms->details ? terms->details_len : 2))
		return CHAIN_CLAIMS; /* more than one value */
	if (parent)
		return link_within(parent, &link);
	return memcmp(terms->holder.bytes, key_public(key)->bytes, KEY_PUBLIC_BYTES) ? CHAIN_OK
										     : CHAIN_HOLDER;
}

static void link_header(const char *kid, char header[LINK_HEADER])
{
	static const char before[] = LINK_HEADER_BEFORE, after[] = LINK_HEADER_AFTER;
	char *h = mempcpy(header, before, sizeof(before) - 1);

	h = mempcpy(h, kid, KID_BYTES - 1);
	memcpy(h, after, sizeof(after) - 1);
}

static size_t link_size(struct span payload)
{
	return LINK_HEADER_TEXT + BASE64URL_LEN(payload.len) + BASE64URL_LEN(KEY_SIGN_BYTES) + 2;
}

static int link_sign_payload(const struct secret_key *key, struct span payload, char **text)
{
	char header[LINK_HEADER];

	if (link_size(payload) > LINK_MAX)
		return -EMSGSIZE;
	link_header(key_public(key)->kid, header);
	return jws_sign(key, header, sizeof(header), payload.at, payload.len, text);
}

int link_sign(const struct secret_key *key, const struct chain_link *parent, const struct link_terms *terms,
	      enum chain_why *why, char **text)
{
	size_t size = CLAIMS_ROOM + terms->details_len;
	enum chain_why wrong = CHAIN_OK;
	struct writer w;
	char *memory;
	int err = 0;

	if (terms->details_len > LINK_MAX)
		return -EMSGSIZE;
	memory = malloc(2 * size); /* the payload, and its strings when it is read again */
	if (!memory)
		return -ENOMEM;
	w = (struct writer){memory, memory + size, false};
	if (parent && memcmp(parent->terms.holder.bytes, key_public(key)->bytes, KEY_PUBLIC_BYTES) != 0)
		wrong = CHAIN_KEY;
	if (!wrong)
		put_claims(&w, parent, terms);
	if (!wrong)
		wrong = w.bad ? CHAIN_CLAIMS
			      : link_reads((struct span){memory, (size_t)(w.at - memory)}, memory + size, key,
					   parent, terms);
	if (wrong)
		err = wrong <= CHAIN_CLAIMS ? -EINVAL : -EPERM;
	else
		err = link_sign_payload(key, (struct span){memory, (size_t)(w.at - memory)}, text);
	free(memory);
	if (why)
		*why = wrong;
	return err;
}

/* ---- and again, from what was kept of it ---- */

static int link_holder(struct span payload, unsigned char holder[KEY_PUBLIC_BYTES])
{
	struct link_room room = {malloc(payload.len + 1)};
	char *memory = room.at;
	struct chain_link link;
	const char *claim;
	enum chain_why why = memory ? link_read(payload, &room, &link, &claim) : CHAIN_MEMORY;

	if (!why)
		memcpy(holder, link.terms.holder.bytes, KEY_PUBLIC_BYTES);
	free(memory);
	return !why ? 0 : why == CHAIN_MEMORY ? -ENOMEM : -EBADMSG;
}

static int link_kid(const struct jws *j, unsigned char kid[HASH_BYTES])
{
	char header[LINK_HEADER];
	const char *at = j->header + sizeof(LINK_HEADER_BEFORE) - 1;
	size_t n;

	if (j->header_len != LINK_HEADER)
		return -EBADMSG;
	link_header(at, header);
	if (memcmp(header, j->header, LINK_HEADER) != 0)
		return -EBADMSG;
	return base64url_decode(at, KID_BYTES - 1, kid, HASH_BYTES, &n) ? -EBADMSG : 0;
}

int link_seal_read(const char *text, struct link_seal *seal)
{
	struct jws j;
	int err = jws_split(text, strlen(text), &j);

	if (err)
		return err == -ENOMEM ? err : -EBADMSG;
	err = link_kid(&j, seal->kid) ?: link_holder((struct span){j.payload, j.payload_len}, seal->holder);
	memcpy(seal->signature, j.signature, KEY_SIGN_BYTES);
	jws_free(&j);
	return err;
}

static int link_join(const struct link_seal *seal, struct span payload, char **text)
{
	char header[LINK_HEADER], kid[KID_BYTES], *t;

	if (link_size(payload) > LINK_MAX)
		return -EMSGSIZE;
	t = *text = malloc(link_size(payload) + 1);
	if (!t)
		return -ENOMEM;
	base64url_encode(seal->kid, HASH_BYTES, kid);
	link_header(kid, header);
	t += base64url_encode(header, LINK_HEADER, t);
	*t++ = '.';
	t += base64url_encode(payload.at, payload.len, t);
	*t++ = '.';
	base64url_encode(seal->signature, KEY_SIGN_BYTES, t);
	return 0;
}

int link_restore(const struct link_seal *seal, const struct chain_link *parent,
		 const struct link_terms *terms, char **text)
{
	size_t size = CLAIMS_ROOM + terms->details_len;
	struct link_terms t = *terms;
	struct writer w;
	char *memory;
	int err;

	if (terms->details_len > LINK_MAX)
		return -EMSGSIZE;
	memory = malloc(size);
	if (!memory)
		return -ENOMEM;
	w = (struct writer){memory, memory + size, false};
	memcpy(t.holder.bytes, seal->holder, KEY_PUBLIC_BYTES);
	put_claims(&w, parent, &t);
	err = w.bad ? -EINVAL : link_join(seal, (struct span){memory, (size_t)(w.at - memory)}, text);
	free(memory);
	return err;
}
