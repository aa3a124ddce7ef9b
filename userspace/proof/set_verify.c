/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/set_verify.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "proof/jws_verify.h"
#include "proof/oidc_claims.h"
#include "token/jwt.h"
#include "token/set.h"

/* RFC 7519 section 4.1.3: a string, or an array of them. */
static bool audience_has(const json_t *aud, const char *name)
{
	const json_t *one;
	size_t i;

	if (json_is_string(aud))
		return strcmp(json_string_value(aud), name) == 0;
	json_array_foreach (aud, i, one)
		if (json_is_string(one) && strcmp(json_string_value(one), name) == 0)
			return true;
	return false;
}

static int check_audience(const struct oidc_issuer *issuer, const json_t *claims, struct why *why)
{
	const json_t *aud = json_object_get(claims, "aud");

	for (unsigned i = 0; i < issuer->audience.count; i++)
		if (audience_has(aud, issuer->audience.list[i]))
			return 0;
	return why_set(why, -EACCES, "`aud` does not name this host as its issuer knows it");
}

static int check_time(const struct oidc_issuer *issuer, const json_t *claims, int64_t now, int64_t *iat,
		      struct why *why)
{
	if (jwt_time(claims, "iat", iat))
		return why_set(why, -EBADMSG, "`iat` is no time in whole seconds");
	if (*iat > now + issuer->skew)
		return why_set(why, -ESTALE, "`iat` is of the future");
	if (*iat < now - SET_AGE_MAX)
		return why_set(why, -ESTALE, "it is more than a week old");
	return 0;
}

/* RFC 8417 section 2.2. */
static int check_events(const json_t *claims, const json_t **events, struct why *why)
{
	json_t *e = json_object_get(claims, "events"), *event;
	const char *name;

	if (!json_is_object(e) || !json_object_size(e) || json_object_size(e) > SET_EVENTS_MAX)
		return why_set(why, -EBADMSG, "`events` is no object of 1 to %u events", SET_EVENTS_MAX);
	json_object_foreach (e, name, event)
		if (!json_is_object(event))
			return why_set(why, -EBADMSG, "an event's payload is no object");
	*events = e;
	return 0;
}

static int check_jti(const json_t *claims, const char **jti, struct why *why)
{
	const json_t *j = json_object_get(claims, "jti");

	if (!json_is_string(j) || !oidc_text_ok(json_string_value(j), json_string_length(j), SET_JTI_MAX))
		return why_set(why, -EBADMSG, "`jti` is no plain text of 1 to %u characters", SET_JTI_MAX);
	*jti = json_string_value(j);
	return 0;
}

static int set_check(struct set_received *set, int64_t now, struct why *why)
{
	int err = check_jti(set->claims, &set->jti, why);

	if (!err)
		err = check_audience(set->issuer, set->claims, why);
	if (!err)
		err = check_time(set->issuer, set->claims, now, &set->iat, why);
	if (!err)
		err = check_events(set->claims, &set->events, why);
	return err;
}

int set_verify(const struct oidc_issuers *issuers, const char *text, size_t len, int64_t now,
	       struct set_received *set, struct why *why)
{
	struct set_received s = {0};
	struct jws_open jws;
	int err = len > SET_TEXT_MAX ? why_set(why, -EMSGSIZE, "longer than %u bytes", SET_TEXT_MAX)
				     : jws_open(text, len, false, &jws, why);

	if (err)
		return err;
	/* An ID token of the same issuer, for the same audience, is no event: RFC 8417 section 4.6. */
	if (!jws.typ || !jws_typ_is(jws.typ, SET_TYPE))
		err = why_set(why, -EBADMSG, "`typ` is not " SET_TYPE);
	if (!err)
		err = oidc_issuer_of(issuers, &jws, &s.claims, &s.issuer, why);
	if (!err)
		err = set_check(&s, now, why);
	jws_open_free(&jws);
	if (err)
		set_received_free(&s);
	else
		*set = s;
	return err;
}

void set_received_free(struct set_received *set)
{
	json_decref(set->claims);
	*set = (struct set_received){0};
}
