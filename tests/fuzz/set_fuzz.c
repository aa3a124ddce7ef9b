/* SPDX-License-Identifier: Apache-2.0 */
/* set_verify() on any text, and on any claims behind a good signature; then whose grants these mean. */
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/set_subject.h"
#include "copy.h"
#include "token/jws.h"
#include "token/set.h"

#define NOW 1000000

static struct secret_key *key;
static struct oidc_issuers issuers;
static struct grant grant = {.owner = "oidc:alice@example.com", .assurance = "oidc", .id = "gabc"};
static struct registry registry;
static char header[128];

static int issuer_make(void)
{
	struct oidc_issuer *i = &issuers.list[issuers.count++];
	json_t *set = key_set(key_public(key));
	char *text = json_dumps(set, 0);
	struct why why;
	int err;

	oidc_issuer_defaults(i);
	i->issuer = strdup("https://i");
	i->audience.list[i->audience.count++] = strdup("deputy");
	i->by_email = true;
	i->domains.list[i->domains.count++] = strdup("example.com");
	json_decref(set);
	err = jwk_set_parse(text, strlen(text), &i->keys, &why);
	free(text);
	return err;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const unsigned char seed[KEY_SEED_BYTES] = "for the fuzzer";

	(void)argc;
	(void)argv;
	if (sodium_init() < 0 || key_from_seed(seed, &key) || issuer_make())
		return -1;
	snprintf(header, sizeof(header), "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"" SET_TYPE "\"}",
		 key_public(key)->kid);
	grant.proof = json_pack("{s:s, s:s}", "issuer", "https://i", "subject", "alice");
	registry_init(&registry);
	return 0;
}

static void read_all(const struct set_received *set)
{
	struct set_subject subject;
	const char *name;
	json_t *event;
	struct why why;

	if (!*set->jti || !json_object_size(set->events) || set->iat > NOW + set->issuer->skew)
		abort();
	json_object_foreach ((json_t *)set->events, name, event) {
		if (set_subject_read(set, event, &subject, &why))
			continue;
		if (!subject.sub && !subject.email && !subject.id)
			abort(); /* it would mean everybody */
		if (set_subject_matches(&subject, &registry, &grant) && subject.sub &&
		    strcmp(subject.sub, "alice") != 0)
			abort();
	}
}

static void verify(const char *text, size_t len)
{
	struct set_received set;
	struct why why;

	if (set_verify(&issuers, text, len, NOW, &set, &why))
		return;
	read_all(&set);
	set_received_free(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = copy_of(data, size), *token;

	if (size && text[0] == '{') {
		if (jws_sign(key, header, strlen(header), text, size, &token) == 0) {
			verify(token, strlen(token));
			free(token);
		}
	} else {
		verify(text, size);
	}
	free(text);
	return 0;
}
