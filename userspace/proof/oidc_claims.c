/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/oidc_claims.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "token/jwt.h"

static bool list_has(const struct oidc_list *list, const char *text)
{
	for (unsigned i = 0; text && i < list->count; i++)
		if (strcmp(list->list[i], text) == 0)
			return true;
	return false;
}

/* ---- time ---- */

/* NumericDate (RFC 7519 section 2): seconds, of which there may be fractions. */
static int claim_time(const json_t *claims, const char *name, bool required, int64_t *time, struct why *why)
{
	const json_t *v = json_object_get(claims, name);
	double seconds = json_number_value(v);

	*time = 0;
	if (!v && !required)
		return 0;
	if (!json_is_number(v) || !(seconds >= 1 && seconds <= (double)JWT_TIME_MAX))
		return why_set(why, -EBADMSG, "`%s` is missing or no time", name);
	*time = json_is_integer(v) ? json_integer_value(v) : (int64_t)seconds;
	return 0;
}

static int times_read(const json_t *claims, bool auth_time, struct oidc_times *t, struct why *why)
{
	int err = claim_time(claims, "exp", true, &t->exp, why);

	if (!err)
		err = claim_time(claims, "iat", true, &t->iat, why);
	if (!err)
		err = claim_time(claims, "nbf", false, &t->nbf, why);
	if (!err)
		err = claim_time(claims, "auth_time", auth_time, &t->auth_time, why);
	if (!err && t->exp <= t->iat)
		return why_set(why, -EBADMSG, "`exp` is not after `iat`");
	return err;
}

/* The numbers are within JWT_TIME_MAX and a day: no sum can wrap. */
static int times_check(const struct oidc_issuer *issuer, const struct oidc_times *t, int64_t now,
		       struct why *why)
{
	int64_t skew = issuer->skew;

	if (now >= t->exp + skew)
		return why_set(why, -EKEYEXPIRED, "it has expired");
	if (t->iat > now + skew || t->nbf > now + skew || t->auth_time > now + skew)
		return why_set(why, -EAGAIN, "it is of the future: does one of the clocks go wrong?");
	if (now - t->iat > issuer->max_age + skew)
		return why_set(why, -EKEYEXPIRED, "it was issued more than max_age ago");
	if (issuer->max_auth_age && now - t->auth_time > issuer->max_auth_age + skew)
		return why_set(why, -EKEYEXPIRED, "the owner logged in more than max_auth_age ago");
	return 0;
}

/* ---- for whom ---- */

/* Section 3.1.3.7 point 3: ours must be there, and of the others each must be trusted. */
static int audience_check_each(const struct oidc_issuer *issuer, const json_t *aud, struct why *why)
{
	const json_t *v;
	bool ours = false;
	size_t i;

	if (!json_is_array(aud) || !json_array_size(aud) || json_array_size(aud) > OIDC_AUDIENCES_MAX)
		return why_set(why, -EBADMSG, "`aud` is no text and no list of 1 to %u", OIDC_AUDIENCES_MAX);
	json_array_foreach (aud, i, v) {
		const char *text = json_string_value(v);

		if (!text)
			return why_set(why, -EBADMSG, "`aud` is not of texts");
		if (list_has(&issuer->audience, text))
			ours = true;
		else if (!list_has(&issuer->other_audiences, text))
			return why_set(why, -EACCES, "`aud` has someone who is not in the configuration");
	}
	return ours ? 0 : why_set(why, -EACCES, "`aud` has none of ours");
}

/* Points 4 and 5: of several audiences `azp` says for which it was made. */
static int audience_check(const struct oidc_issuer *issuer, const json_t *claims, struct why *why)
{
	const json_t *aud = json_object_get(claims, "aud"), *azp = json_object_get(claims, "azp");
	int err = 0;

	if (azp && !json_is_string(azp))
		return why_set(why, -EBADMSG, "`azp` is no text");
	if (!json_is_string(aud))
		err = audience_check_each(issuer, aud, why);
	else if (!list_has(&issuer->audience, json_string_value(aud)))
		err = why_set(why, -EACCES, "`aud` is not ours");
	if (!err && azp && !list_has(&issuer->audience, json_string_value(azp)))
		return why_set(why, -EACCES, "`azp` is not ours");
	if (!err && !azp && json_array_size(aud) > 1)
		return why_set(why, -EACCES, "several in `aud` and no `azp`");
	return err;
}

static int nonce_check(const struct oidc_issuer *issuer, const json_t *claims, const char *nonce,
		       struct why *why)
{
	const char *said = json_string_value(json_object_get(claims, "nonce"));

	if (!nonce)
		return issuer->nonce
			       ? why_set(why, -EACCES, "this issuer's tokens must answer a nonce of ours")
			       : 0;
	if (!said)
		return why_set(why, -EACCES, "no `nonce`");
	/* Its length is no secret. */
	if (strlen(said) != strlen(nonce) || sodium_memcmp(said, nonce, strlen(nonce)))
		return why_set(why, -EACCES, "`nonce` is not the one that was given out");
	return 0;
}

/*
 * What is signed by the same key and is no ID token: logout and security events (OpenID Connect Back-Channel
 * Logout section 2.4, RFC 8417), and what Keycloak tells apart by the claim `typ` alone.
 */
static int kind_check(const json_t *claims, struct why *why)
{
	const json_t *typ = json_object_get(claims, "typ");
	const char *text = json_string_value(typ);

	if (json_object_get(claims, "events"))
		return why_set(why, -EBADMSG, "an event and no ID token");
	if (typ && (!text || (strcmp(text, "ID") != 0 && strcasecmp(text, "JWT") != 0)))
		return why_set(why, -EBADMSG, "another kind of token, by its claim `typ`");
	return 0;
}

/* ---- what the configuration asks for ---- */

static bool value_is(const json_t *v, const struct oidc_list *any_of)
{
	if (json_is_boolean(v))
		return list_has(any_of, json_is_true(v) ? "true" : "false");
	return json_is_string(v) && list_has(any_of, json_string_value(v));
}

static bool claim_is(const struct oidc_claim *claim, const json_t *claims)
{
	const json_t *v = json_object_get(claims, claim->name), *e;
	size_t i;

	if (!json_is_array(v))
		return value_is(v, &claim->any_of);
	json_array_foreach (v, i, e)
		if (value_is(e, &claim->any_of))
			return true;
	return false;
}

static int required_check(const struct oidc_issuer *issuer, const json_t *claims, struct why *why)
{
	for (unsigned i = 0; i < issuer->requires; i++)
		if (!claim_is(&issuer->require[i], claims))
			return why_set(why, -EACCES, "`%s` is not what the configuration requires",
				       issuer->require[i].name);
	return 0;
}

int oidc_claims_check(const struct oidc_issuer *issuer, const json_t *claims, const char *nonce, int64_t now,
		      struct oidc_times *times, struct why *why)
{
	int err = kind_check(claims, why);

	if (!err)
		err = audience_check(issuer, claims, why);
	if (!err)
		err = times_read(claims, issuer->max_auth_age, times, why);
	if (!err)
		err = times_check(issuer, times, now, why);
	if (!err)
		err = nonce_check(issuer, claims, nonce, why);
	return err ?: required_check(issuer, claims, why);
}

/* ---- who ---- */

bool oidc_text_ok(const char *text, size_t len, size_t max)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e || text[i] == '"' || text[i] == '\\')
			return false;
	return len && len <= max;
}

/* RFC 5322 section 3.2.3: the characters of an atom, and the dot. */
static bool local_part_ok(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("!#$%&'*+-/=?^_`{|}~.", text[i]))
			return false;
	return len && len <= 64; /* RFC 5321 section 4.5.3.1.1 */
}

/*
 * An address, verified, in a domain that this issuer speaks for. The domain is written in small letters, the
 * rest as it is. It has no colon, so that no address can be taken for an ISSUER#SUB.
 */
static int owner_by_email(const struct oidc_issuer *issuer, const json_t *claims, char **owner,
			  struct why *why)
{
	const char *email = json_string_value(json_object_get(claims, "email"));
	const char *at = email ? strchr(email, '@') : NULL;

	if (!at || !json_is_true(json_object_get(claims, "email_verified")))
		return why_set(why, -EACCES, "no `email`, or not one that the issuer has verified");
	if (!local_part_ok(email, (size_t)(at - email)))
		return why_set(why, -EBADMSG, "`email` is not a plain address");
	for (unsigned i = 0; i < issuer->domains.count; i++) {
		if (strcasecmp(issuer->domains.list[i], at + 1) != 0)
			continue;
		if (asprintf(owner, "oidc:%.*s@%s", (int)(at - email), email, issuer->domains.list[i]) < 0)
			return -ENOMEM;
		return 0;
	}
	return why_set(why, -EACCES, "`email` is in no domain of this issuer");
}

int oidc_claims_owner(const struct oidc_issuer *issuer, const json_t *claims, char **owner, struct why *why)
{
	const char *sub = json_string_value(json_object_get(claims, "sub"));

	if (!sub || !oidc_text_ok(sub, strlen(sub), OIDC_SUB_MAX))
		return why_set(why, -EBADMSG, "`sub` is no plain text of 1 to %u characters", OIDC_SUB_MAX);
	if (issuer->by_email)
		return owner_by_email(issuer, claims, owner, why);
	return asprintf(owner, "oidc:%s#%s", issuer->issuer, sub) < 0 ? -ENOMEM : 0;
}
