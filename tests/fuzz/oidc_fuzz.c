/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oidc_verify() on any text, of which none may be good, and on any header and payload behind a good
 * signature: whoever is proven then answers our nonce, and is one whom his issuer may speak for.
 */
#include <errno.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "proof/oidc.h"
#include "token/base64url.h"
#include "token/jws.h"

#define NOW   1000000
#define NONCE "n-0S6_WzA2Mj"
#define MAIL  "https://a"
#define SUBS  "https://b"

static struct secret_key *key;
static struct oidc_issuers issuers; /* two that share a key, as the tenants of one provider do */

static void issuer_add(const char *name, const char *domain)
{
	char x[64], set[256];
	struct oidc_issuer *i = &issuers.list[issuers.count++];

	oidc_issuer_defaults(i);
	i->issuer = strdup(name);
	i->audience.list[i->audience.count++] = strdup("d");
	i->by_email = domain;
	if (domain)
		i->domains.list[i->domains.count++] = strdup(domain);
	base64url_encode(key_public(key)->bytes, sizeof(key_public(key)->bytes), x);
	snprintf(set, sizeof(set),
		 "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"x\":\"%s\"}]}", x);
	if (jwk_set_parse(set, strlen(set), &i->keys, NULL))
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const unsigned char seed[KEY_SEED_BYTES] = "for the fuzzer";

	(void)argc;
	(void)argv;
	if (sodium_init() < 0 || key_from_seed(seed, &key))
		return -1;
	issuer_add(MAIL, "e.example");
	issuer_add(SUBS, NULL);
	return 0;
}

static bool owner_ok(const struct oidc_identity *id)
{
	const char *at = strchr(id->owner, '@');

	if (strlen(id->owner) > OIDC_OWNER_MAX)
		return false;
	if (strcmp(id->issuer, MAIL) == 0)
		return strncmp(id->owner, "oidc:", 5) == 0 && at && strcmp(at, "@e.example") == 0;
	return strcmp(id->issuer, SUBS) == 0 && strncmp(id->owner, "oidc:" SUBS "#", 5 + 10) == 0 &&
	       strcmp(id->owner + 5 + 10, id->subject) == 0;
}

static void verify(const char *text, size_t len, const char *payload, size_t payload_len)
{
	struct oidc_identity id;
	struct why why = {""};
	int err = oidc_verify(&issuers, text, len, NONCE, NOW, &id, &why);

	if (err) {
		if (err != -ENOMEM && !why.text[0])
			abort();
		return;
	}
	if (!payload || !memmem(payload, payload_len, "nonce", 5) || !owner_ok(&id) ||
	    id.expires + 60 <= NOW || id.issued > NOW + 60 || strlen(id.id) != KID_BYTES - 1)
		abort();
	oidc_identity_free(&id);
}

/* A header is a right one unless the input brings its own, ended by NUL. */
static void forge(const char *data, size_t size)
{
	static const char header[] = "{\"alg\":\"EdDSA\",\"kid\":\"k\",\"typ\":\"JWT\"}";
	const char *end = memchr(data, '\0', size), *payload = end ? end + 1 : data;
	size_t len = size - (size_t)(payload - data);
	char *text;

	if (end ? jws_sign(key, data, (size_t)(end - data), payload, len, &text)
		: jws_sign(key, header, strlen(header), payload, len, &text))
		return;
	verify(text, strlen(text), payload, len);
	free(text);
}

/* A claim by its number, and its value as JSON or else as a string of it. */
static void claim_set(json_t *claims, const char *line, size_t len)
{
	static const char *const names[] = {"iss",
					    "sub",
					    "aud",
					    "azp",
					    "iat",
					    "exp",
					    "nbf",
					    "acr",
					    "amr",
					    "typ",
					    "auth_time",
					    "email",
					    "email_verified",
					    "events",
					    "nonce"};
	const char *name = names[(unsigned char)line[0] % (sizeof(names) / sizeof(names[0]))];
	json_t *value = json_loadb(line + 1, len - 1, JSON_DECODE_ANY, NULL);

	value = value ? value : json_stringn(line + 1, len - 1);
	if (value)
		json_object_set_new(claims, name, value);
}

/* Claims that are good but for those that the input, behind an 'm', has line by line. */
static void forge_more(const char *data, size_t size)
{
	json_t *claims = json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:b}", "iss", size & 1 ? MAIL : SUBS,
				   "sub", "s", "aud", "d", "iat", NOW - 10, "exp", NOW + 300, "nonce", NONCE,
				   "email", "a@E.example", "email_verified", 1);
	const char *end = data + size;
	char *payload;

	while (data < end) {
		size_t len = (size_t)((const char *)(memchr(data, '\n', (size_t)(end - data)) ?: end) - data);

		if (len)
			claim_set(claims, data, len);
		data += len + 1;
	}
	payload = json_dumps(claims, JSON_COMPACT);
	json_decref(claims);
	if (payload)
		forge(payload, strlen(payload));
	free(payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = copy_of(data, size);

	if (size && text[0] == 'f')
		forge(text + 1, size - 1);
	else if (size && text[0] == 'm')
		forge_more(text + 1, size - 1);
	else
		verify(text, size, NULL, 0);
	free(text);
	return 0;
}
