/* SPDX-License-Identifier: Apache-2.0 */
#include "token/token.h"

#include <errno.h>

#include "token/jwt.h"

#define TOKEN_TYPE "JWT"

static int token_lifetime(const json_t *claims, int64_t *nbf, int64_t *exp)
{
	int err = jwt_time(claims, "nbf", nbf);

	if (!err)
		err = jwt_time(claims, "exp", exp);
	if (err)
		return err;
	return *nbf < *exp ? 0 : -EBADMSG;
}

int token_sign(const struct secret_key *key, const json_t *claims, char **text)
{
	int64_t nbf, exp;

	return token_lifetime(claims, &nbf, &exp) ? -EINVAL : jwt_sign(key, TOKEN_TYPE, claims, text);
}

int token_verify(const struct public_key *key, const char *text, size_t len, int64_t now, json_t **claims)
{
	json_auto_t *c = NULL;
	int64_t nbf, exp;
	int err = jwt_verify(key, TOKEN_TYPE, text, len, &c);

	if (!err)
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
