/* SPDX-License-Identifier: Apache-2.0 */
#include "token/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "token/base64url.h"

#define SIGNATURE_TEXT BASE64URL_LEN(KEY_SIGN_BYTES)
#define FRAME	       (LINK_HEADER_TEXT + SIGNATURE_TEXT + 2) /* of a link: all but its payload */

/* ---- one link ---- */

static const struct {
	const char *name;
	const char *text;
	int err;
} whys[CHAIN_WHYS] = {
	[CHAIN_OK] = {"ok", "it verifies", 0},
	[CHAIN_MEMORY] = {"memory", "no memory to check it", -ENOMEM},
	[CHAIN_LENGTH] = {"length", "a chain has 1 to 8 links", -EMSGSIZE},
	[CHAIN_SIZE] = {"size", "longer than a link may be", -EMSGSIZE},
	[CHAIN_FORM] = {"form", "not three parts of base64url", -EBADMSG},
	[CHAIN_HEADER] = {"header", "its header is not that of a link", -EBADMSG},
	[CHAIN_KEY] = {"key", "signed, it says, by another key than it has to be", -ENOKEY},
	[CHAIN_SIGNATURE] = {"signature", "the signature is wrong", -EKEYREJECTED},
	[CHAIN_CLAIMS] = {"claims", "a claim is missing or malformed", -EBADMSG},
	[CHAIN_EARLY] = {"early", "not valid yet", -EAGAIN},
	[CHAIN_EXPIRED] = {"expired", "expired", -EKEYEXPIRED},
	[CHAIN_PARENT] = {"parent", "it names another parent", -EPERM},
	[CHAIN_HASH] = {"hash", "its parent was another text", -EPERM},
	[CHAIN_DEPTH] = {"depth", "its depth is not its parent's and one", -EPERM},
	[CHAIN_DEPTH_MAX] = {"depth_max", "it may delegate deeper than its parent", -EPERM},
	[CHAIN_OWNER] = {"owner", "it has another owner", -EPERM},
	[CHAIN_ASSURANCE] = {"assurance", "its owner was proven otherwise", -EPERM},
	[CHAIN_POLICY] = {"policy", "its policy is neither its parent's nor said to be within that", -EPERM},
	[CHAIN_PURPOSE] = {"purpose", "its purpose is no refinement of its parent's", -EPERM},
	[CHAIN_LIFETIME] = {"lifetime", "it begins before its parent or ends after it", -EPERM},
	[CHAIN_ID] = {"id", "its id is that of a link above", -EPERM},
	[CHAIN_HOLDER] = {"holder", "its holder's key is one of those above", -EPERM},
	[CHAIN_SCOPES] = {"scopes", "its scopes are wider than its parent's", -EPERM},
};

const char *chain_why_name(enum chain_why why)
{
	return why < CHAIN_WHYS ? whys[why].name : "?";
}

const char *chain_why_text(enum chain_why why)
{
	return why < CHAIN_WHYS ? whys[why].text : "?";
}

/* The name of the key, where a header has one: every other byte of it is fixed. */
static enum chain_why header_open(const char *text, char kid[KID_BYTES - 1])
{
	static const char before[] = LINK_HEADER_BEFORE, after[] = LINK_HEADER_AFTER;
	char header[LINK_HEADER];
	size_t size;

	if (base64url_decode(text, LINK_HEADER_TEXT, header, sizeof(header), &size))
		return CHAIN_FORM;
	if (memcmp(header, before, sizeof(before) - 1) != 0 ||
	    memcmp(header + sizeof(before) - 1 + KID_BYTES - 1, after, sizeof(after) - 1) != 0)
		return CHAIN_HEADER;
	memcpy(kid, header + sizeof(before) - 1, KID_BYTES - 1);
	return CHAIN_OK;
}

struct verifier {
	const struct key_ring *roots;
	int64_t now;
	struct chain_report *report;
	struct link_room room; /* for payloads and their strings */
	const struct public_key *root;
};

/* Where the dots are is known, so a dot anywhere else is no letter of base64url. */
static enum chain_why text_check(struct span text)
{
	if (text.len > LINK_MAX)
		return CHAIN_SIZE;
	if (text.len <= FRAME || text.at[LINK_HEADER_TEXT] != '.' ||
	    text.at[text.len - SIGNATURE_TEXT - 1] != '.')
		return memchr(text.at, '.', text.len) ? CHAIN_HEADER : CHAIN_FORM;
	return CHAIN_OK;
}

static enum chain_why signature_check(struct verifier *v, struct span text, size_t i)
{
	unsigned char signature[KEY_SIGN_BYTES];
	const struct public_key *key = NULL;
	size_t signed_len = text.len - SIGNATURE_TEXT - 1, size;
	char kid[KID_BYTES - 1];
	enum chain_why why = header_open(text.at, kid);

	if (why)
		return why;
	if (base64url_decode(text.at + signed_len + 1, SIGNATURE_TEXT, signature, sizeof(signature), &size))
		return CHAIN_FORM;
	if (!i)
		key = v->root = key_ring_find(v->roots, kid, v->now);
	else if (!memcmp(v->report->link[i - 1].terms.holder.kid, kid, sizeof(kid)))
		key = &v->report->link[i - 1].terms.holder;
	if (!key)
		return CHAIN_KEY;
	return key_verify(key, text.at, signed_len, signature) ? CHAIN_SIGNATURE : CHAIN_OK;
}

static enum chain_why payload_open(struct verifier *v, struct span text, struct chain_link *link)
{
	struct span payload = {v->room.at, 0};

	if (base64url_decode(text.at + LINK_HEADER_TEXT + 1, text.len - FRAME, v->room.at, text.len,
			     &payload.len))
		return CHAIN_FORM;
	v->room.at += payload.len;
	return link_read(payload, &v->room, link, &v->report->claim);
}

/* Of all links above; link_within() has seen to the next one. */
static enum chain_why ancestors_check(const struct verifier *v, size_t i)
{
	const struct chain_link *links = v->report->link, *link = &links[i];

	if (!memcmp(link->terms.holder.bytes, v->root->bytes, KEY_PUBLIC_BYTES))
		return CHAIN_HOLDER;
	for (size_t k = 0; k + 1 < i; k++) {
		if (!strcmp(links[k].terms.id, link->terms.id))
			return CHAIN_ID;
		if (!memcmp(links[k].terms.holder.bytes, link->terms.holder.bytes, KEY_PUBLIC_BYTES))
			return CHAIN_HOLDER;
	}
	return CHAIN_OK;
}

static enum chain_why link_verify(struct verifier *v, struct span text, size_t i)
{
	struct chain_link *link = &v->report->link[i];
	enum chain_why why = text_check(text) ?: signature_check(v, text, i) ?: payload_open(v, text, link);

	if (why)
		return why;
	if (hash_sha256(text.at, text.len, link->hash))
		return CHAIN_MEMORY;
	if (!i && link->parent)
		return CHAIN_PARENT; /* the root's side is missing */
	why = i ? link_within(link - 1, link) : CHAIN_OK;
	if (!why)
		why = ancestors_check(v, i);
	if (why)
		return why;
	if (v->now >= link->terms.exp)
		return CHAIN_EXPIRED;
	return v->now < link->terms.nbf ? CHAIN_EARLY : CHAIN_OK;
}

/* ---- a chain ---- */

static int chain_verify_spans(const struct key_ring *roots, const struct span *links, size_t n, int64_t now,
			      struct chain_report *report)
{
	struct verifier v = {.roots = roots, .now = now, .report = report};
	size_t room = 0;

	for (size_t i = 0; i < n && i < CHAIN_MAX; i++)
		room += 2 * BASE64URL_SIZE(links[i].len <= LINK_MAX ? links[i].len : 0);
	report->claim = "";
	report->at = 0;
	report->why = !n || n > CHAIN_MAX ? CHAIN_LENGTH : CHAIN_OK;
	v.room.at = report->memory = report->why ? NULL : malloc(room + 1);
	if (!report->why && !report->memory)
		report->why = CHAIN_MEMORY;
	for (size_t i = 0; i < n && !report->why; i++) {
		report->at = i;
		report->why = link_verify(&v, links[i], i);
	}
	report->count = report->why ? 0 : n;
	report->scopes = CHAIN_NAMED;
	if (report->why)
		chain_report_free(report);
	return whys[report->why].err;
}

int chain_verify(const struct key_ring *roots, const char *const *links, size_t n, int64_t now,
		 struct chain_report *report)
{
	struct span spans[CHAIN_MAX];

	for (size_t i = 0; i < n && i < CHAIN_MAX; i++)
		spans[i] = (struct span){links[i], strlen(links[i])};
	return chain_verify_spans(roots, spans, n, now, report);
}

int chain_verify_text(const struct key_ring *roots, const char *text, size_t len, int64_t now,
		      struct chain_report *report)
{
	struct span links[CHAIN_MAX];
	size_t n;
	int err = chain_split(text, len, links, &n);

	if (!err)
		return chain_verify_spans(roots, links, n, now, report);
	report->why = err == -EMSGSIZE ? CHAIN_LENGTH : CHAIN_FORM;
	report->at = 0;
	report->claim = "";
	report->count = 0;
	report->memory = NULL;
	return err;
}

void chain_report_free(struct chain_report *report)
{
	free(report->memory);
	report->memory = NULL;
	report->count = 0;
}

/* ---- in one string ---- */

int chain_join(const char *const *links, size_t n, char **text)
{
	size_t size = 1;
	char *t;

	if (!n || n > CHAIN_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; i < n; i++)
		size += strlen(links[i]) + 1;
	if (size - 1 > CHAIN_TEXT_MAX)
		return -EMSGSIZE;
	t = *text = malloc(size);
	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		*t++ = '~';
		t = stpcpy(t, links[i]);
	}
	return 0;
}

int chain_split(const char *text, size_t len, struct span links[CHAIN_MAX], size_t *n)
{
	const char *end = text + len;
	size_t count = 0;

	if (len > CHAIN_TEXT_MAX)
		return -EMSGSIZE;
	if (!len || *text != '~')
		return -EBADMSG;
	while (text < end) {
		const char *next = memchr(text + 1, '~', (size_t)(end - text - 1));

		if (count == CHAIN_MAX)
			return -EMSGSIZE;
		next = next ? next : end;
		links[count++] = (struct span){text + 1, (size_t)(next - text - 1)};
		text = next;
	}
	*n = count;
	return 0;
}

/* ---- what else it says ---- */

int chain_prove(struct chain_report *report, chain_within_fn within, void *arg)
{
	bool all = true;

	for (size_t i = 1; i < report->count; i++) {
		const struct chain_link *child = &report->link[i], *parent = child - 1;
		int err = -ENODATA;

		if (!strcmp(child->terms.table, parent->terms.table))
			continue;
		if (within)
			err = within(child, parent, arg);
		if (err == -EPERM) {
			report->why = CHAIN_SCOPES;
			report->at = i;
		}
		if (err && err != -ENODATA)
			return err;
		all &= !err;
	}
	if (all)
		report->scopes = CHAIN_PROVEN;
	return 0;
}

json_t *chain_claims(const struct chain_report *report, size_t i)
{
	if (i >= report->count)
		return NULL;
	return json_loadb(report->link[i].payload.at, report->link[i].payload.len, JSON_REJECT_DUPLICATES,
			  NULL);
}

json_t *chain_act(const struct chain_report *report)
{
	json_t *act = NULL;

	for (size_t i = 0; i < report->count; i++) {
		json_t *sub = json_sprintf("agent:%s", report->link[i].terms.id);
		json_t *outer = act ? json_pack("{s:o, s:o}", "sub", sub, "act", act)
				    : json_pack("{s:o}", "sub", sub);

		if (!outer)
			return NULL; /* json_pack() has let go of what it was given */
		act = outer;
	}
	return act;
}
