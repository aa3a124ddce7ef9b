/* SPDX-License-Identifier: Apache-2.0 */
#include "token/jwt.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "token/base64url.h"

#define JWT_HEADER_MAX 1024u /* bytes of one that jwt_names() reads */

/* The letters of RFC 6838 section 4.2, lower case, and those of "JWT" (RFC 7519 section 5.1): none needs an
 * escape in JSON. */
static bool jwt_type_ok(const char *typ)
{
	size_t n = strspn(typ, "abcdefghijklmnopqrstuvwxyz0123456789.+-JWT");

	return n && n <= JWT_TYPE_MAX && typ[n] == '\0';
}

int jwt_sign(const struct secret_key *key, const char *typ, const json_t *claims, char **text)
{
	_cleanup_free_ char *payload = NULL;
	char header[JWT_TYPE_MAX + KID_BYTES + 40];
	int len;

	if (!jwt_type_ok(typ) || !json_is_object(claims))
		return -EINVAL;
	len = snprintf(header, sizeof(header), "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"%s\"}",
		       key_public(key)->kid, typ);
	payload = json_dumps(claims, JSON_COMPACT | JSON_SORT_KEYS);
	return payload ? jws_sign(key, header, (size_t)len, payload, strlen(payload), text) : -ENOMEM;
}

static bool jwt_says(const json_t *object, const char *member, const char *value)
{
	const char *s = json_string_value(json_object_get(object, member));

	return s && strcmp(s, value) == 0;
}

/*
 * Exactly alg, kid and typ. Members that RFC 7515 section 4.1 defines beside them either bring a key along
 * (jwk, jku, x5u, x5c) or change what the rest means (crit, b64, zip, cty): none is ever for us.
 */
static int jwt_check_header(const struct jws *jws, const struct public_key *key, const char *typ)
{
	json_auto_t *h = json_loadb(jws->header, jws->header_len, JSON_REJECT_DUPLICATES, NULL);

	if (json_object_size(h) != 3 || !jwt_says(h, "alg", "EdDSA") || !jwt_says(h, "typ", typ) ||
	    !json_is_string(json_object_get(h, "kid")))
		return -EBADMSG;
	return jwt_says(h, "kid", key->kid) ? 0 : -ENOKEY;
}

static int jwt_open(const struct jws *jws, const struct public_key *key, const char *typ, const char *text,
		    json_t **claims)
{
	json_auto_t *c = NULL;
	int err = jwt_check_header(jws, key, typ);

	if (!err)
		err = key_verify(key, text, jws->signed_len, jws->signature);
	if (err)
		return err;
	c = json_loadb(jws->payload, jws->payload_len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(c))
		return -EBADMSG;
	*claims = json_incref(c);
	return 0;
}

int jwt_verify(const struct public_key *key, const char *typ, const char *text, size_t len, json_t **claims)
{
	struct jws jws;
	int err = jws_split(text, len, &jws);

	if (err)
		return err;
	err = jwt_open(&jws, key, typ, text, claims);
	jws_free(&jws);
	return err;
}

static int jwt_copy(const json_t *header, const char *member, char text[JWT_TYPE_MAX + 1])
{
	const json_t *v = json_object_get(header, member);

	if (!json_is_string(v) || json_string_length(v) > JWT_TYPE_MAX)
		return -EBADMSG;
	strcpy(text, json_string_value(v));
	return 0;
}

int jwt_names(const char *text, char kid[JWT_TYPE_MAX + 1], char typ[JWT_TYPE_MAX + 1])
{
	char header[JWT_HEADER_MAX];
	json_auto_t *h = NULL;
	size_t size;

	if (base64url_decode(text, strcspn(text, "."), header, sizeof(header), &size))
		return -EBADMSG;
	h = json_loadb(header, size, JSON_REJECT_DUPLICATES, NULL);
	return jwt_copy(h, "kid", kid) ?: jwt_copy(h, "typ", typ);
}

int jwt_time(const json_t *claims, const char *name, int64_t *seconds)
{
	const json_t *v = json_object_get(claims, name);

	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > JWT_TIME_MAX)
		return -EBADMSG;
	*seconds = json_integer_value(v);
	return 0;
}
