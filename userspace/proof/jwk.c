/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/jwk.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "proof/jwk_key.h"
#include "token/base64url.h"

/* RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1, RFC 8037 section 2. */
static const char *const private_members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

/* -ENOENT: not there. */
static int member_text(const json_t *object, const char *name, const char **text, struct why *why)
{
	const json_t *v = json_object_get(object, name);

	if (!v)
		return -ENOENT;
	if (!json_is_string(v))
		return why_set(why, -EBADMSG, "`%s` is not a string", name);
	*text = json_string_value(v);
	return 0;
}

/* `exact`: so many bytes and no other number; 0: a number in its fewest bytes (Base64urlUInt). */
static int member_part(const json_t *object, const char *name, size_t exact, struct jwk_part *part,
		       struct why *why)
{
	int err = member_text(object, name, &part->text, why);

	if (err == -ENOENT)
		return why_set(why, -EBADMSG, "no `%s`", name);
	if (!err && strlen(part->text) > BASE64URL_LEN(JWK_PART_MAX))
		return why_set(why, -ENOTSUP, "`%s` is longer than 8192 bits", name);
	if (!err &&
	    base64url_decode(part->text, strlen(part->text), part->bytes, sizeof(part->bytes), &part->size))
		return why_set(why, -EBADMSG, "`%s` is not base64url in its one form", name);
	if (!err && exact && part->size != exact)
		return why_set(why, -EBADMSG, "`%s` is not of %zu bytes", name, exact);
	/* RFC 7518 section 2: no leading zero octets; and no key has a part of value 0. */
	if (!err && !exact && (!part->size || !part->bytes[0]))
		return why_set(why, -EBADMSG, "`%s` begins with a zero byte or is empty", name);
	return err;
}

static void jwk_thumb(struct jwk *jwk, const char *json, int len)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)json, (size_t)len, hash);
	base64url_encode(hash, sizeof(hash), jwk->thumbprint);
}

/* RFC 7638 section 3.2: the required members, sorted; canonical base64url needs no escapes. */
#define THUMB_MAX (2 * BASE64URL_LEN(JWK_PART_MAX) + 64)

static int jwk_parse_rsa(const json_t *object, struct jwk *jwk, struct why *why)
{
	struct jwk_part n, e;
	char json[THUMB_MAX];
	int err = member_part(object, "n", 0, &n, why);

	if (!err)
		err = member_part(object, "e", 0, &e, why);
	if (!err)
		err = jwk_key_rsa(&n, &e, &jwk->pkey, why);
	if (err)
		return err;
	jwk->kind = JWK_RSA;
	jwk_thumb(
		jwk, json,
		snprintf(json, sizeof(json), "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", e.text, n.text));
	return 0;
}

static int jwk_curve_of(const json_t *object, const char *kty, const struct jwk_curve **curve,
			struct why *why)
{
	const char *crv;
	int err = member_text(object, "crv", &crv, why);

	if (err == -ENOENT)
		return why_set(why, -EBADMSG, "no `crv`");
	if (err)
		return err;
	*curve = jwk_curve_find(kty, crv);
	return *curve ? 0 : why_set(why, -ENOTSUP, "a curve other than P-256, P-384, P-521 and Ed25519");
}

static int jwk_parse_ec(const json_t *object, struct jwk *jwk, struct why *why)
{
	const struct jwk_curve *curve;
	struct jwk_part x, y;
	char json[THUMB_MAX];
	int err = jwk_curve_of(object, "EC", &curve, why);

	if (!err)
		err = member_part(object, "x", curve->size, &x, why);
	if (!err)
		err = member_part(object, "y", curve->size, &y, why);
	if (!err)
		err = jwk_key_ec(curve, &x, &y, &jwk->pkey, why);
	if (err)
		return err;
	jwk->kind = curve->kind;
	jwk_thumb(jwk, json,
		  snprintf(json, sizeof(json), "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
			   curve->name, x.text, y.text));
	return 0;
}

static int jwk_parse_okp(const json_t *object, struct jwk *jwk, struct why *why)
{
	const struct jwk_curve *curve;
	struct jwk_part x;
	char json[THUMB_MAX];
	int err = jwk_curve_of(object, "OKP", &curve, why);

	if (!err)
		err = member_part(object, "x", curve->size, &x, why);
	if (!err)
		err = jwk_key_ed25519(&x, &jwk->pkey, why);
	if (err)
		return err;
	jwk->kind = curve->kind;
	jwk_thumb(jwk, json,
		  snprintf(json, sizeof(json), "{\"crv\":\"%s\",\"kty\":\"OKP\",\"x\":\"%s\"}", curve->name,
			   x.text));
	return 0;
}

static int jwk_parse_material(const json_t *object, struct jwk *jwk, struct why *why)
{
	static const struct {
		const char *kty;
		int (*parse)(const json_t *object, struct jwk *jwk, struct why *why);
	} kinds[] = {{"RSA", jwk_parse_rsa}, {"EC", jwk_parse_ec}, {"OKP", jwk_parse_okp}};
	const char *kty;
	int err = member_text(object, "kty", &kty, why);

	if (err == -ENOENT)
		return why_set(why, -EBADMSG, "no `kty`");
	for (size_t i = 0; !err && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].kty, kty) == 0)
			return kinds[i].parse(object, jwk, why);
	return err ?: why_set(why, -ENOTSUP, "a `kty` other than RSA, EC and OKP");
}

/* RFC 7517 section 4.3: an array of strings, each once. */
static int jwk_check_ops(const json_t *object, struct why *why)
{
	const json_t *ops = json_object_get(object, "key_ops"), *op;
	bool verify = false;
	size_t i;

	if (!ops)
		return 0;
	if (!json_is_array(ops) || json_array_size(ops) > 16)
		return why_set(why, -EBADMSG, "`key_ops` is not a short list");
	json_array_foreach (ops, i, op) {
		if (!json_is_string(op))
			return why_set(why, -EBADMSG, "`key_ops` is not of strings");
		for (size_t j = 0; j < i; j++)
			if (json_equal(json_array_get(ops, j), op))
				return why_set(why, -EBADMSG, "`key_ops` says a thing twice");
		verify |= strcmp(json_string_value(op), "verify") == 0;
	}
	return verify ? 0 : why_set(why, -ENOTSUP, "`key_ops` without verify");
}

static int jwk_check_use(const json_t *object, struct why *why)
{
	const char *use;
	int err = member_text(object, "use", &use, why);

	if (!err && strcmp(use, "sig") != 0)
		return why_set(why, -ENOTSUP, "`use` other than sig");
	return err == -ENOENT || !err ? jwk_check_ops(object, why) : err;
}

static int jwk_find_alg(const json_t *object, const struct jws_alg **alg, struct why *why)
{
	const char *name;
	int err = member_text(object, "alg", &name, why);

	*alg = NULL;
	if (err)
		return err == -ENOENT ? 0 : err;
	*alg = jws_alg_find(name);
	return *alg ? 0 : why_set(why, -ENOTSUP, "an `alg` that we do not verify");
}

static int jwk_copy_kid(const json_t *object, char **kid, struct why *why)
{
	const char *text;
	int err = member_text(object, "kid", &text, why);

	if (err)
		return err == -ENOENT ? 0 : err;
	if (!*text || strlen(text) > JWK_KID_MAX)
		return why_set(why, -EBADMSG, "`kid` is empty or longer than %d bytes", JWK_KID_MAX);
	*kid = strdup(text);
	return *kid ? 0 : -ENOMEM;
}

static int jwk_fill(const json_t *object, struct jwk *jwk, struct why *why)
{
	int err = jwk_check_use(object, why);

	if (!err)
		err = jwk_find_alg(object, &jwk->alg, why);
	if (!err)
		err = jwk_copy_kid(object, &jwk->kid, why);
	if (!err)
		err = jwk_parse_material(object, jwk, why);
	if (!err && jwk->alg && jwk->alg->kind != jwk->kind)
		return why_set(why, -EBADMSG, "`alg` is for another kind of key");
	return err;
}

int jwk_parse(const json_t *object, struct jwk *jwk, struct why *why)
{
	struct jwk j = {0};
	int err;

	if (!json_is_object(object))
		return why_set(why, -EBADMSG, "a key is not an object");
	for (size_t i = 0; i < sizeof(private_members) / sizeof(private_members[0]); i++)
		if (json_object_get(object, private_members[i]))
			return why_set(why, -EPERM, "a key is published with its private `%s`",
				       private_members[i]);
	err = jwk_fill(object, &j, why);
	if (err) {
		jwk_free(&j);
		return err;
	}
	*jwk = j;
	return 0;
}

void jwk_free(struct jwk *jwk)
{
	EVP_PKEY_free(jwk->pkey);
	free(jwk->kid);
	*jwk = (struct jwk){0};
}
