/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/statement.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "token/base64url.h"
#include "token/jcs.h"

#define MEMBERS 7 /* of the object */

static bool nonce_ok(const char *nonce)
{
	unsigned char bytes[STATEMENT_NONCE_MAX];
	size_t size;

	return base64url_decode(nonce, strlen(nonce), bytes, sizeof(bytes), &size) == 0 &&
	       size >= STATEMENT_NONCE_MIN;
}

int statement_write(const struct statement *s, char **text)
{
	json_auto_t *object = NULL;
	char *t;
	size_t len;
	int err;

	if (!s->aud || !*s->aud || !s->nonce || !nonce_ok(s->nonce) || !s->policy_digest || !s->purpose ||
	    s->ttl_seconds <= 0 || s->iat < 0)
		return -EINVAL;
	object = json_pack("{s:s, s:I, s:s, s:s, s:s, s:I, s:s?}", "aud", s->aud, "iat", (json_int_t)s->iat,
			   "nonce", s->nonce, "policy_digest", s->policy_digest, "purpose", s->purpose,
			   "ttl_seconds", (json_int_t)s->ttl_seconds, "workdir", s->workdir);
	err = object ? jcs_dump(object, &t, &len) : -EINVAL;
	if (err)
		return err == -ERANGE ? -EINVAL : err;
	if (len > STATEMENT_MAX) {
		free(t);
		return -EMSGSIZE;
	}
	*text = t;
	return 0;
}

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static bool number_of(const json_t *object, const char *name, int64_t *number)
{
	const json_t *value = json_object_get(object, name);

	*number = json_integer_value(value);
	return json_is_integer(value);
}

/* Whatever is not written again as it was read has another form, doubled and unknown members included. */
static int statement_read(const char *text, size_t len, const json_t *object, struct statement *s)
{
	const json_t *workdir = json_object_get(object, "workdir");
	_cleanup_free_ char *again = NULL;
	int err;

	*s = (struct statement){
		.aud = text_of(object, "aud"),
		.nonce = text_of(object, "nonce"),
		.policy_digest = text_of(object, "policy_digest"),
		.purpose = text_of(object, "purpose"),
		.workdir = json_string_value(workdir),
	};
	if (json_object_size(object) != MEMBERS || !number_of(object, "iat", &s->iat) ||
	    !number_of(object, "ttl_seconds", &s->ttl_seconds) || (!s->workdir && !json_is_null(workdir)))
		return -EBADMSG;
	err = statement_write(s, &again);
	if (err)
		return err == -ENOMEM ? err : -EBADMSG;
	return strlen(again) == len && memcmp(again, text, len) == 0 ? 0 : -EBADMSG;
}

static bool text_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The first member that is not as asked for, or NULL. */
static const char *statement_differs(const struct statement *s, const struct statement *asked)
{
	const struct {
		const char *name;
		bool same;
	} members[] = {
		{"aud", text_same(s->aud, asked->aud)},
		{"policy_digest", text_same(s->policy_digest, asked->policy_digest)},
		{"purpose", text_same(s->purpose, asked->purpose)},
		{"ttl_seconds", s->ttl_seconds == asked->ttl_seconds},
		{"workdir", text_same(s->workdir, asked->workdir)},
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!members[i].same)
			return members[i].name;
	return NULL;
}

int statement_check(const char *text, size_t len, const struct statement *asked, int64_t now,
		    char nonce[STATEMENT_NONCE_BYTES], const char **member)
{
	json_auto_t *object = NULL;
	const char *differs;
	struct statement s;
	int err;

	if (len > STATEMENT_MAX)
		return -EMSGSIZE;
	object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	err = json_is_object(object) ? statement_read(text, len, object, &s) : -EBADMSG;
	if (err)
		return err;
	differs = statement_differs(&s, asked);
	if (differs) {
		*member = differs;
		return -EPERM;
	}
	if (s.iat > now + STATEMENT_SKEW_MAX || s.iat < now - STATEMENT_AGE_MAX)
		return -ESTALE;
	strcpy(nonce, s.nonce); /* nonce_ok() has bounded it */
	return 0;
}

_Static_assert(STATEMENT_BOUND_BYTES == BASE64URL_LEN(SHA256_DIGEST_LENGTH) + 1, "text of a digest");

void statement_nonce(const char *text, size_t len, char nonce[STATEMENT_BOUND_BYTES])
{
	unsigned char hash[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)text, len, hash);
	base64url_encode(hash, sizeof(hash), nonce);
}
