/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/set_subject.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* ---- what it says ---- */

typedef int (*subject_reader)(const json_t *o, struct set_subject *s, struct why *why);

/* A member that is text; there may be no other than these: one passed over could have meant fewer grants. */
static const char *subject_text(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static int read_iss_sub(const json_t *o, struct set_subject *s, struct why *why)
{
	const char *iss = subject_text(o, "iss"), *sub = subject_text(o, "sub");

	if (json_object_size(o) != 3 || !iss || !sub)
		return why_set(why, -EBADMSG, "a subject of format iss_sub has `iss` and `sub`");
	if (strcmp(iss, s->issuer->issuer) != 0)
		return why_set(why, -EACCES, "it speaks of another issuer's user");
	s->sub = sub;
	return 0;
}

static bool issuer_speaks_for(const struct oidc_issuer *issuer, const char *domain)
{
	for (unsigned i = 0; i < issuer->domains.count; i++)
		if (strcasecmp(issuer->domains.list[i], domain) == 0)
			return true;
	return false;
}

static int read_email(const json_t *o, struct set_subject *s, struct why *why)
{
	const char *email = subject_text(o, "email"), *at = email ? strrchr(email, '@') : NULL;

	if (json_object_size(o) != 2 || !at)
		return why_set(why, -EBADMSG, "a subject of format email has `email`");
	if (!s->issuer->by_email)
		return why_set(why, -ENOTSUP, "this issuer's users are known by `sub` here");
	if (!issuer_speaks_for(s->issuer, at + 1))
		return why_set(why, -EACCES, "it speaks of an address in no domain of this issuer");
	s->email = email;
	return 0;
}

static int read_opaque(const json_t *o, struct set_subject *s, struct why *why)
{
	const char *id = subject_text(o, "id");

	if (json_object_size(o) != 2 || !id || !*id)
		return why_set(why, -EBADMSG, "a subject of format opaque has `id`");
	s->id = id;
	return 0;
}

static int read_simple(const json_t *o, struct set_subject *s, struct why *why)
{
	static const struct {
		const char *format;
		subject_reader read;
	} formats[] = {{"iss_sub", read_iss_sub}, {"email", read_email}, {"opaque", read_opaque}};
	const char *format = subject_text(o, "format");

	if (!format)
		return why_set(why, -EBADMSG, "a subject without `format`");
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].format, format) == 0)
			return formats[i].read(o, s, why);
	return why_set(why, -ENOTSUP, "subjects of format %.32s are not known here", format);
}

/* SSF 1.0 section 3.3: all that is named has to be so. A device or a tenant is nothing that we can tell. */
static int read_complex(const json_t *o, struct set_subject *s, struct why *why)
{
	const json_t *user = json_object_get(o, "user"), *session = json_object_get(o, "session");
	int err = 0;

	if (json_object_size(o) != 1u + !!user + !!session || (!user && !session))
		return why_set(why, -ENOTSUP,
			       "a complex subject is known here by its user and session alone");
	if (user)
		err = read_simple(user, s, why);
	if (!err && user && s->id)
		err = why_set(why, -ENOTSUP, "a user is known here by iss_sub or email");
	if (!err && session)
		err = read_simple(session, s, why);
	if (!err && session && !s->id)
		err = why_set(why, -ENOTSUP, "a session is known here by an opaque id");
	return err;
}

/* Where it stands; more than one place might mean more than one subject. */
static int subject_find(const struct set_received *set, const json_t *event, const json_t **found,
			struct why *why)
{
	const json_t *places[] = {json_object_get(set->claims, "sub_id"), json_object_get(event, "sub_id"),
				  json_object_get(event, "subject"), json_object_get(set->claims, "sub")};
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (!places[i])
			continue;
		*found = places[i];
		n++;
	}
	return n == 1 ? 0 : why_set(why, -EBADMSG, "an event has one subject, in `sub_id`");
}

int set_subject_read(const struct set_received *set, const json_t *event, struct set_subject *subject,
		     struct why *why)
{
	struct set_subject s = {.issuer = set->issuer};
	const json_t *o;
	const char *format;
	int err = subject_find(set, event, &o, why);

	if (err)
		return err;
	format = subject_text(o, "format");
	if (json_is_string(o))
		s.sub = json_string_value(o);
	else if (format && strcmp(format, "complex") == 0)
		err = read_complex(o, &s, why);
	else
		err = read_simple(o, &s, why);
	if (!err)
		*subject = s;
	return err;
}

/* ---- which grants it means ---- */

static const char *proof_text(const struct grant *g, const char *name)
{
	return json_string_value(json_object_get(g->proof, name));
}

/* The owner was proven by a token of this issuer's, and by no other. */
static bool issuer_vouched(const struct oidc_issuer *issuer, const struct grant *g)
{
	const char *by = proof_text(g, "issuer");

	return strcmp(g->assurance, "oidc") == 0 && by && strcmp(by, issuer->issuer) == 0;
}

/* As oidc_claims_owner() writes it: the domain as configured, whatever the case in the token. */
static bool email_matches(const struct grant *g, const char *email)
{
	const char *own = strncmp(g->owner, "oidc:", 5) == 0 ? g->owner + 5 : "";
	size_t local = (size_t)(strrchr(email, '@') - email);

	return strncmp(own, email, local) == 0 && strcasecmp(own + local, email + local) == 0;
}

static bool user_matches(const struct set_subject *s, const struct grant *g)
{
	const char *sub = proof_text(g, "subject");

	if (s->sub)
		return sub && strcmp(sub, s->sub) == 0;
	return !s->email || email_matches(g, s->email);
}

/* The whole id; a prefix is for people. */
static bool session_is_a_grant(const struct set_subject *s, const struct registry *grants)
{
	struct grant *g;

	HASH_FIND_STR(grants->by_id, s->id, g);
	return g != NULL;
}

bool set_subject_is_user(const struct set_subject *s, const struct registry *grants)
{
	return (s->sub || s->email) && (!s->id || !session_is_a_grant(s, grants));
}

bool set_subject_matches(const struct set_subject *s, const struct registry *grants, const struct grant *g)
{
	if (!issuer_vouched(s->issuer, g) || !user_matches(s, g))
		return false;
	return !s->id || strcmp(s->id, g->id) == 0 || set_subject_is_user(s, grants);
}
