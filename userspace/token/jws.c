/* SPDX-License-Identifier: Apache-2.0 */
#include "token/jws.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "token/base64url.h"

int jws_sign(const struct secret_key *key, const char *header, size_t header_len, const char *payload,
	     size_t payload_len, char **text)
{
	unsigned char signature[KEY_SIGN_BYTES];
	size_t size, n;
	char *t;

	if (header_len > TOKEN_MAX || payload_len > TOKEN_MAX)
		return -EMSGSIZE; /* before the sum can wrap */
	size = BASE64URL_LEN(header_len) + BASE64URL_LEN(payload_len) + BASE64URL_LEN(sizeof(signature)) + 2;
	if (size > TOKEN_MAX)
		return -EMSGSIZE;
	t = malloc(size + 1);
	if (!t)
		return -ENOMEM;
	n = base64url_encode(header, header_len, t);
	t[n++] = '.';
	n += base64url_encode(payload, payload_len, t + n);
	key_sign(key, t, n, signature);
	t[n++] = '.';
	base64url_encode(signature, sizeof(signature), t + n);
	*text = t;
	return 0;
}

static int jws_part(const char *text, size_t len, char **bytes, size_t *size)
{
	char *b = malloc(len + 1);
	int err;

	if (!b)
		return -ENOMEM;
	err = base64url_decode(text, len, b, len, size);
	if (err) {
		free(b);
		return err;
	}
	*bytes = b;
	return 0;
}

int jws_split(const char *text, size_t len, struct jws *jws)
{
	struct jws j = {0};
	const char *dot[2], *end = text + len;
	size_t size = 0;
	int err;

	if (len > TOKEN_MAX)
		return -EMSGSIZE;
	dot[0] = memchr(text, '.', len);
	dot[1] = dot[0] ? memchr(dot[0] + 1, '.', (size_t)(end - dot[0] - 1)) : NULL;
	if (!dot[1])
		return -EBADMSG;
	j.signed_len = (size_t)(dot[1] - text);
	/* A third dot is outside the alphabet, so it fails as part of the signature. */
	err = base64url_decode(dot[1] + 1, (size_t)(end - dot[1] - 1), j.signature, sizeof(j.signature),
			       &size);
	if (err || size != sizeof(j.signature))
		return -EBADMSG;
	err = jws_part(text, (size_t)(dot[0] - text), &j.header, &j.header_len);
	if (!err)
		err = jws_part(dot[0] + 1, (size_t)(dot[1] - dot[0] - 1), &j.payload, &j.payload_len);
	if (err) {
		jws_free(&j);
		return err;
	}
	*jws = j;
	return 0;
}

void jws_free(struct jws *jws)
{
	free(jws->header);
	free(jws->payload);
	jws->header = jws->payload = NULL;
}
