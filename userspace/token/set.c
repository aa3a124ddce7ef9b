/* SPDX-License-Identifier: Apache-2.0 */
#include "token/set.h"

#include <errno.h>
#include <sodium.h>

#include "token/base64url.h"
#include "token/jwt.h"

/* CAEP section 2: who caused it is the reason's to say, in words: an owner, root or another's event. */
static json_t *caep_event(const struct set_revocation *r)
{
	return json_pack("{s:I, s:{s:s}}", "event_timestamp", (json_int_t)r->time, "reason_admin", "en",
			 r->reason);
}

static json_t *grant_event(const struct set_revocation *r)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:s, s:I}", "grant", r->grant, "owner", r->owner,
			 "policy", "name", r->policy, "digest", r->policy_digest, "purpose", r->purpose,
			 "key", r->key, "mode", r->kill ? "kill" : "deny", "beneath", (json_int_t)r->beneath);
}

/* Both events are of one thing that has happened, as RFC 8417 section 2.2 wants it. */
json_t *set_claims(const struct set_revocation *r, char jti[SET_JTI_BYTES])
{
	unsigned char random[16];

	_Static_assert(SET_JTI_BYTES == BASE64URL_LEN(sizeof(random)) + 1, "a jti");
	randombytes_buf(random, sizeof(random));
	base64url_encode(random, sizeof(random), jti);
	return json_pack("{s:s, s:I, s:s, s:{s:s, s:s}, s:{s:o, s:o}}", "iss", r->iss, "iat",
			 (json_int_t)r->time, "jti", jti, "sub_id", "format", "opaque", "id", r->grant,
			 "events", SET_SESSION_REVOKED, caep_event(r), SET_GRANT_REVOKED, grant_event(r));
}

int set_sign(const struct secret_key *key, const json_t *claims, const char *aud, char **text)
{
	json_auto_t *addressed = json_copy((json_t *)claims); /* shallow: what is within stays as it is */

	if (!addressed || json_object_set_new(addressed, "aud", json_string(aud)))
		return -ENOMEM;
	return jwt_sign(key, SET_TYPE, addressed, text);
}
