/* SPDX-License-Identifier: Apache-2.0 */
#include "token/token.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool token_says(const json_t *object, const char *member, const char *value)
{
	const char *s = json_string_value(json_object_get(object, member));

	return s && strcmp(s, value) == 0;
}

/*
 * Exactly alg, kid and typ. Members that RFC 7515 section 4.1 defines beside them either bring a key along
 * (jwk, jku, x5u, x5c) or change what the rest means (crit, b64, zip, cty): none is ever for us.
 */
static int token_check_header(const struct jws *jws, const struct public_key *key)
{
	json_auto_t *h = json_loadb(jws->header, jws->header_len, JSON_REJECT_DUPLICATES, NULL);

	if (json_object_size(h) != 3 || !token_says(h, "alg", "EdDSA") || !token_says(h, "typ", "JWT") ||
	    !json_is_string(json_object_get(h, "kid")))
		return -EBADMSG;
	return token_says(h, "kid", key->kid) ? 0 : -ENOKEY;
}

/* RFC 7519 section 2 allows fractions of a second; we never write any, so we never read any. */
static bool token_time(const json_t *claims, const char *name, int64_t *time)
{
	const json_t *v = json_object_get(claims, name);

	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > TOKEN_TIME_MAX)
		return false;
	*time = json_integer_value(v);
	return true;
}

static int token_lifetime(const json_t *claims, int64_t *nbf, int64_t *exp)
{
	if (!json_is_object(claims) || !token_time(claims, "nbf", nbf) || !token_time(claims, "exp", exp))
		return -EBADMSG;
	return *nbf < *exp ? 0 : -EBADMSG;
}

int token_sign(const struct secret_key *key, const json_t *claims, char **text)
{
	char header[96];
	int64_t nbf, exp;
	char *payload;
	int len, err;

	if (token_lifetime(claims, &nbf, &exp))
		return -EINVAL;
	len = snprintf(header, sizeof(header), "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
		       key_public(key)->kid);
	payload = json_dumps(claims, JSON_COMPACT | JSON_SORT_KEYS);
	if (!payload)
		return -ENOMEM;
	err = jws_sign(key, header, (size_t)len, payload, strlen(payload), text);
	free(payload);
	return err;
}

static int token_open(const struct jws *jws, const struct public_key *key, const char *text, int64_t now,
		      json_t **claims)
{
	json_auto_t *c = NULL;
	int64_t nbf, exp;
	int err;

	err = token_check_header(jws, key);
	if (!err)
		err = key_verify(key, text, jws->signed_len, jws->signature);
	if (err)
		return err;
	c = json_loadb(jws->payload, jws->payload_len, JSON_REJECT_DUPLICATES, NULL);
	err = token_lifetime(c, &nbf, &exp);
	if (err)
		return err;
	if (now >= exp)
		return -EKEYEXPIRED;
	if (now < nbf)
		return -EAGAIN;
	*claims = json_incref(c);
	return 0;
}

int token_verify(const struct public_key *key, const char *text, size_t len, int64_t now, json_t **claims)
{
	struct jws jws;
	int err = jws_split(text, len, &jws);

	if (err)
		return err;
	err = token_open(&jws, key, text, now, claims);
	jws_free(&jws);
	return err;
}
