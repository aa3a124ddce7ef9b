/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/oidc.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "proof/jws_verify.h"
#include "proof/oidc_claims.h"
#include "token/base64url.h"

static bool issuer_allows(const struct oidc_issuer *issuer, const char *alg)
{
	for (unsigned i = 0; i < issuer->algorithms.count; i++)
		if (strcmp(issuer->algorithms.list[i], alg) == 0)
			return true;
	return !issuer->algorithms.count;
}

static int acr_read(const json_t *acr, char **copy, struct why *why)
{
	const char *text = json_string_value(acr);

	if (!acr)
		return 0;
	if (!text || !oidc_text_ok(text, json_string_length(acr), OIDC_ACR_MAX))
		return why_set(why, -EBADMSG, "`acr` is no plain text of up to %u bytes", OIDC_ACR_MAX);
	*copy = strdup(text);
	return *copy ? 0 : -ENOMEM;
}

static int amr_read(const json_t *amr, json_t **copy, struct why *why)
{
	size_t i, all = 0;
	const json_t *v;

	if (!amr)
		return 0;
	if (!json_is_array(amr))
		return why_set(why, -EBADMSG, "`amr` is no list");
	json_array_foreach (amr, i, v) {
		const char *text = json_string_value(v);

		if (!text || strchr(text, ' ') || !oidc_text_ok(text, json_string_length(v), OIDC_ACR_MAX))
			return why_set(why, -EBADMSG, "`amr` is not of plain words");
		all += !!i + strlen(text);
	}
	if (all > OIDC_ACR_MAX)
		return why_set(why, -EBADMSG, "`amr` has %zu bytes; the limit is %u", all, OIDC_ACR_MAX);
	*copy = json_deep_copy(amr);
	return *copy ? 0 : -ENOMEM;
}

/* What is kept of the assurance goes into chains: bounded texts, or the token is refused. */
static int assurance_read(const json_t *claims, struct oidc_identity *id, struct why *why)
{
	int err = acr_read(json_object_get(claims, "acr"), &id->acr, why);

	return err ?: amr_read(json_object_get(claims, "amr"), &id->amr, why);
}

static void identity_digest(const struct jws_open *jws, char id[KID_BYTES])
{
	unsigned char hash[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)jws->text, jws->signed_len, hash);
	base64url_encode(hash, sizeof(hash), id);
}

static int identity_fill(const struct oidc_issuer *issuer, const json_t *claims,
			 const struct oidc_times *times, struct oidc_identity *id, struct why *why)
{
	int err = oidc_claims_owner(issuer, claims, &id->owner, why);

	if (!err)
		err = assurance_read(claims, id, why);
	if (err)
		return err;
	id->issuer = strdup(issuer->issuer);
	id->subject = strdup(json_string_value(json_object_get(claims, "sub")));
	id->issued = times->iat, id->expires = times->exp, id->auth_time = times->auth_time;
	return id->issuer && id->subject ? 0 : -ENOMEM;
}

static int identity_read(const struct oidc_issuer *issuer, const json_t *claims, const char *nonce,
			 int64_t now, struct oidc_identity *identity, struct why *why)
{
	struct oidc_identity id = {0};
	struct oidc_times times;
	int err = oidc_claims_check(issuer, claims, nonce, now, &times, why);

	if (!err)
		err = identity_fill(issuer, claims, &times, &id, why);
	if (err) {
		oidc_identity_free(&id);
		return err;
	}
	*identity = id;
	return 0;
}

/* Is it signed by a key of this issuer's? */
static int issuer_verify(const struct oidc_issuer *issuer, const struct jws_open *jws, struct why *why)
{
	const struct jwk *key = jwk_set_find(&issuer->keys, jws->kid);

	if (!key)
		return why_set(why, -ENOKEY, "no issuer has this key, or it names none of several");
	if (!issuer_allows(issuer, jws->alg->name))
		return why_set(why, -EKEYREJECTED, "%s is not among this issuer's algorithms",
			       jws->alg->name);
	return jws_verify(jws, key, why);
}

/*
 * Whose token it is, is known by the key: nothing of the payload is believed, or parsed, before. Issuers may
 * share keys (the tenants of one provider do), so the name decides between those whose signature fits.
 */
int oidc_issuer_of(const struct oidc_issuers *issuers, const struct jws_open *jws, json_t **claims,
		   const struct oidc_issuer **found, struct why *why)
{
	json_auto_t *c = NULL;
	int err = why_set(why, -ENOKEY, "no issuer has this key, or it names none of several");

	for (unsigned i = 0; i < issuers->count; i++) {
		const struct oidc_issuer *issuer = &issuers->list[i];
		struct why w;
		const char *iss;
		int r = issuer_verify(issuer, jws, &w);

		if (r) {
			if (r != -ENOKEY)
				err = why_set(why, r, "%s", w.text);
			continue;
		}
		if (!c)
			c = json_loadb(jws->payload, jws->payload_len, JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_object(c))
			return why_set(why, -EBADMSG, "a payload that is no JSON object");
		iss = json_string_value(json_object_get(c, "iss"));
		if (iss && strcmp(iss, issuer->issuer) == 0) {
			*claims = json_incref(c);
			*found = issuer;
			return 0;
		}
		err = why_set(why, -EKEYREJECTED, "`iss` is not the name of the issuer whose key this is");
	}
	return err;
}

int oidc_verify(const struct oidc_issuers *issuers, const char *text, size_t len, const char *nonce,
		int64_t now, struct oidc_identity *identity, struct why *why)
{
	const struct oidc_issuer *issuer;
	json_auto_t *claims = NULL;
	struct jws_open jws;
	int err = jws_open(text, len, false, &jws, why);

	if (err)
		return err;
	/* RFC 8725 section 3.11: tokens of other kinds say so here (at+jwt, logout+jwt, secevent+jwt). */
	if (jws.typ && !jws_typ_is(jws.typ, "JWT"))
		err = why_set(why, -EBADMSG, "another kind of token, by its `typ`");
	if (!err)
		err = oidc_issuer_of(issuers, &jws, &claims, &issuer, why);
	if (!err)
		err = identity_read(issuer, claims, nonce, now, identity, why);
	if (!err)
		identity_digest(&jws, identity->id);
	jws_open_free(&jws);
	return err;
}

void oidc_identity_free(struct oidc_identity *id)
{
	free(id->owner);
	free(id->issuer);
	free(id->subject);
	free(id->acr);
	json_decref(id->amr);
	*id = (struct oidc_identity){0};
}
