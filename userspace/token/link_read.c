/* SPDX-License-Identifier: Apache-2.0 */
/* A link's payload: one walk over its members beside the table of claims, both in ascending order. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/types.h"
#include "token/base64url.h"
#include "token/jwt.h"
#include "token/link.h"

#define WORD(text) (text), sizeof(text) - 1

struct reader {
	struct scan scan;
	struct link_room *room;
	struct chain_link *link;
	struct span issuer;
	struct span subject;
	bool has_hash;
};

/* ---- strings ---- */

static const char *reader_keep(struct reader *r, struct span text)
{
	char *copy = r->room->at;

	memcpy(copy, text.at, text.len);
	copy[text.len] = '\0';
	r->room->at += text.len + 1; /* fewer than the quoted string takes in the payload */
	return copy;
}

static bool is_text(struct span t)
{
	return t.len && t.len <= LINK_TEXT_MAX;
}

static bool is_id(struct span t)
{
	for (size_t i = 0; i < t.len; i++)
		if (!((t.at[i] >= 'a' && t.at[i] <= 'z') || (t.at[i] >= '0' && t.at[i] <= '9')))
			return false;
	return t.len && t.len <= LINK_IDS_MAX;
}

static bool is_digest(struct span t)
{
	if (t.len != sizeof("sha256:") - 1 + 2 * HASH_BYTES || memcmp(t.at, WORD("sha256:")) != 0)
		return false;
	for (size_t i = sizeof("sha256:") - 1; i < t.len; i++)
		if (!((t.at[i] >= '0' && t.at[i] <= '9') || (t.at[i] >= 'a' && t.at[i] <= 'f')))
			return false;
	return true;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
	       c == '_' || c == '-';
}

static bool is_name(struct span t)
{
	for (size_t i = 0; i < t.len; i++)
		if (!is_name_char(t.at[i]))
			return false;
	return t.len && !(t.at[0] == '.' && (t.len == 1 || (t.len == 2 && t.at[1] == '.')));
}

/* Names joined by '/': nothing that a reader of paths would take for the way up, or for nothing. */
static bool is_purpose(struct span t)
{
	if (!is_text(t))
		return false;
	for (;;) {
		const char *slash = memchr(t.at, '/', t.len);
		struct span name = {t.at, slash ? (size_t)(slash - t.at) : t.len};

		if (!is_name(name))
			return false;
		if (!slash)
			return true;
		t = (struct span){slash + 1, t.len - name.len - 1};
	}
}

static bool read_string(struct reader *r, bool (*is)(struct span), const char **text)
{
	struct span t;

	if (!scan_string(&r->scan, &t) || !is(t))
		return false;
	*text = reader_keep(r, t);
	return true;
}

static bool read_number(struct reader *r, int64_t max, int64_t *number)
{
	return scan_integer(&r->scan, number) && *number >= 0 && *number <= max;
}

static bool read_count(struct reader *r, uint32_t max, uint32_t *count)
{
	int64_t n;

	if (!read_number(r, max, &n))
		return false;
	*count = (uint32_t)n;
	return true;
}

/* ---- members of objects ---- */

/* Goes to the member called `name`. */
static bool member_is(struct reader *r, struct scan_object *o, const char *name, size_t len)
{
	return scan_member(&r->scan, o) == 1 && o->name.len == len && !memcmp(o->name.at, name, len);
}

static bool read_assurance(struct reader *r)
{
	struct link_terms *t = &r->link->terms;
	struct scan_object o = {0};
	bool method = false;
	int more;

	while ((more = scan_member(&r->scan, &o)) > 0) {
		struct link_member *m = &t->assurance[t->assurance_count];

		if (t->assurance_count == LINK_ASSURANCE || !is_text(o.name))
			return false;
		method |= o.name.len == 6 && !memcmp(o.name.at, "method", 6);
		m->name = reader_keep(r, o.name);
		if (!read_string(r, is_text, &m->value))
			return false;
		t->assurance_count++;
	}
	return !more && method;
}

/* RFC 9396 section 2: objects, each with a type. What else they say is its own. */
static bool read_detail(struct reader *r)
{
	struct scan_object o = {0};
	struct span text;
	bool type = false;
	int more;

	while ((more = scan_member(&r->scan, &o)) > 0) {
		bool is_type = o.name.len == 4 && !memcmp(o.name.at, "type", 4);

		if (is_type ? !scan_string(&r->scan, &text) : !scan_value(&r->scan, 3))
			return false;
		type |= is_type;
	}
	return !more && type;
}

static bool read_details(struct reader *r)
{
	struct link_terms *t = &r->link->terms;
	struct scan *s = &r->scan;
	bool ok;

	t->details = s->at;
	ok = scan_take(s, "[", 1);
	if (ok && !scan_take(s, "]", 1)) {
		do
			ok = read_detail(r);
		while (ok && scan_take(s, ",", 1));
		ok = ok && scan_take(s, "]", 1);
	}
	t->details_len = (size_t)(s->at - t->details);
	return ok;
}

/* RFC 7800 section 3.2, RFC 8037 section 2: the key itself, and nothing beside it to believe instead. */
static bool read_holder(struct reader *r)
{
	unsigned char bytes[KEY_PUBLIC_BYTES];
	struct span x;
	size_t n;

	if (!scan_take(&r->scan, WORD("{\"jwk\":{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":")) ||
	    !scan_string(&r->scan, &x) || !scan_take(&r->scan, WORD("}}")) ||
	    base64url_decode(x.at, x.len, bytes, sizeof(bytes), &n) || n != sizeof(bytes))
		return false;
	key_from_public(bytes, &r->link->terms.holder);
	return true;
}

static bool read_policy(struct reader *r)
{
	struct link_terms *t = &r->link->terms;
	struct scan_object o = {0};
	int more;

	if (!member_is(r, &o, WORD("digest")) || !read_string(r, is_digest, &t->policy_digest) ||
	    !member_is(r, &o, WORD("name")) || !read_string(r, is_text, &t->policy))
		return false;
	more = scan_member(&r->scan, &o);
	if (more <= 0)
		return !more;
	return o.name.len == 6 && !memcmp(o.name.at, "within", 6) &&
	       read_string(r, is_digest, &t->policy_within) && scan_take(&r->scan, "}", 1);
}

static bool read_slot(struct reader *r)
{
	struct link_terms *t = &r->link->terms;
	struct scan_object o = {0};

	return member_is(r, &o, WORD("gen")) && read_count(r, UINT32_MAX, &t->gen) &&
	       member_is(r, &o, WORD("idx")) && read_count(r, SLOTS_MAX - 1, &t->slot) &&
	       scan_take(&r->scan, "}", 1) && t->slot && t->gen;
}

static bool read_status_list(struct reader *r)
{
	struct link_terms *t = &r->link->terms;
	struct scan_object o = {0};

	return member_is(r, &o, WORD("idx")) && read_count(r, UINT32_MAX, &t->status_index) &&
	       member_is(r, &o, WORD("uri")) && read_string(r, is_text, &t->status_uri) &&
	       scan_take(&r->scan, "}", 1);
}

/* draft-ietf-oauth-status-list, the status claim: a member for each way to ask. */
static bool read_status_member(struct reader *r, struct span name)
{
	if (!span_compare(name, (struct span){WORD("deputy_slot")}))
		return read_slot(r);
	if (!span_compare(name, (struct span){WORD("status_list")}))
		return read_status_list(r);
	return scan_value(&r->scan, 2);
}

static bool read_status(struct reader *r)
{
	struct scan_object o = {0};
	int more;

	while ((more = scan_member(&r->scan, &o)) > 0)
		if (!read_status_member(r, o.name))
			return false;
	return !more;
}

/* ---- claims ---- */

static bool read_hash(struct reader *r)
{
	struct span t;
	size_t n;

	if (scan_take(&r->scan, WORD("null")))
		return true;
	r->has_hash = scan_string(&r->scan, &t) &&
		      !base64url_decode(t.at, t.len, r->link->parent_hash, HASH_BYTES, &n) && n == HASH_BYTES;
	return r->has_hash;
}

static bool read_parent(struct reader *r)
{
	return scan_take(&r->scan, WORD("null")) || read_string(r, is_id, &r->link->parent);
}

static bool read_issuer(struct reader *r)
{
	return scan_string(&r->scan, &r->issuer);
}

static bool read_subject(struct reader *r)
{
	return scan_string(&r->scan, &r->subject);
}

#define READ(function, expression)                                                                           \
	static bool function(struct reader *r)                                                               \
	{                                                                                                    \
		struct link_terms *t = &r->link->terms;                                                      \
                                                                                                             \
		return expression;                                                                           \
	}

READ(read_depth_max, read_count(r, CHAIN_MAX - 1, &t->depth_max))
READ(read_exp, read_number(r, JWT_TIME_MAX, &t->exp))
READ(read_iat, read_number(r, JWT_TIME_MAX, &t->iat))
READ(read_nbf, read_number(r, JWT_TIME_MAX, &t->nbf))
READ(read_id, read_string(r, is_id, &t->id))
READ(read_owner, read_string(r, is_text, &t->owner))
READ(read_purpose, read_string(r, is_purpose, &t->purpose))
READ(read_table, read_string(r, is_digest, &t->table))

static bool read_depth(struct reader *r)
{
	return read_count(r, CHAIN_MAX - 1, &r->link->depth);
}

static const struct claim {
	const char *name;
	size_t len;
	bool (*read)(struct reader *r);
	bool optional;
} claims[] = {
	{WORD("assurance"), read_assurance, false},
	{WORD("authorization_details"), read_details, false},
	{WORD("cnf"), read_holder, false},
	{WORD("del_depth"), read_depth, false},
	{WORD("del_max"), read_depth_max, false},
	{WORD("exp"), read_exp, false},
	{WORD("iat"), read_iat, false},
	{WORD("iss"), read_issuer, false},
	{WORD("jti"), read_id, false},
	{WORD("nbf"), read_nbf, false},
	{WORD("owner"), read_owner, false},
	{WORD("par_hash"), read_hash, false},
	{WORD("parent"), read_parent, false},
	{WORD("policy"), read_policy, false},
	{WORD("purpose"), read_purpose, false},
	{WORD("status"), read_status, true},
	{WORD("sub"), read_subject, false},
	{WORD("table"), read_table, false},
};
#define CLAIMS (sizeof(claims) / sizeof(claims[0]))

/* The walk. NULL, or the claim at which it stopped. */
static const char *claims_walk(struct reader *r)
{
	struct scan_object o = {0};
	size_t next = 0;
	int more;

	while ((more = scan_member(&r->scan, &o)) > 0) {
		int order = 1;

		while (next < CLAIMS &&
		       (order = span_compare(o.name, (struct span){claims[next].name, claims[next].len})) >
			       0 &&
		       claims[next].optional)
			next++;
		if (order > 0 && next < CLAIMS)
			return claims[next].name; /* passed by: it is missing */
		if (order < 0 || next == CLAIMS) {
			/* RFC 7519 section 4: what is not understood is ignored. */
			if (!scan_value(&r->scan, 1))
				return "";
		} else if (!claims[next++].read(r)) {
			return claims[next - 1].name;
		}
	}
	while (!more && next < CLAIMS && claims[next].optional)
		next++;
	if (next < CLAIMS)
		return claims[next].name;
	return more || r->scan.at != r->scan.end ? "" : NULL;
}

static bool is_joined(struct span text, const char *before, const char *after)
{
	size_t n = strlen(before), m = strlen(after);

	return text.len == n + m && !memcmp(text.at, before, n) && !memcmp(text.at + n, after, m);
}

/* What claims of one link say of each other. */
static const char *claims_agree(const struct reader *r)
{
	const struct chain_link *l = r->link;
	bool root = !l->parent;

	if (!is_joined(r->subject, "agent:", l->terms.id))
		return "sub";
	if (!is_joined(r->issuer, root ? "deputy" : "grant:", root ? "" : l->parent))
		return "iss";
	if (root == r->has_hash)
		return "par_hash";
	if (root != !l->depth || l->depth > l->terms.depth_max)
		return "del_depth";
	if (l->terms.nbf >= l->terms.exp)
		return "exp";
	if (root && l->terms.policy_within)
		return "policy";
	return NULL;
}

enum chain_why link_read(struct span payload, struct link_room *room, struct chain_link *link,
			 const char **claim)
{
	struct reader r = {
		.scan = {payload.at, payload.at + payload.len},
		.room = room,
		.link = link,
	};
	const char *wrong;

	*link = (struct chain_link){.payload = payload};
	wrong = claims_walk(&r) ?: claims_agree(&r);
	if (!wrong)
		return CHAIN_OK;
	*claim = wrong;
	return CHAIN_CLAIMS;
}
