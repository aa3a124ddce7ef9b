/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "proof/jws_alg.h"
#include "proof/oidc.h"

void oidc_issuer_defaults(struct oidc_issuer *issuer)
{
	*issuer = (struct oidc_issuer){.skew = 60, .max_age = 600, .nonce = true};
}

static void list_free(struct oidc_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		free(list->list[i]);
}

void oidc_issuer_free(struct oidc_issuer *issuer)
{
	free(issuer->issuer);
	free(issuer->jwks);
	list_free(&issuer->audience);
	list_free(&issuer->other_audiences);
	list_free(&issuer->algorithms);
	list_free(&issuer->domains);
	for (unsigned i = 0; i < issuer->requires; i++) {
		free(issuer->require[i].name);
		list_free(&issuer->require[i].any_of);
	}
	jwk_set_free(&issuer->keys);
	free(issuer->keys_text);
	*issuer = (struct oidc_issuer){0};
}

void oidc_issuers_free(struct oidc_issuers *issuers)
{
	for (unsigned i = 0; i < issuers->count; i++)
		oidc_issuer_free(&issuers->list[i]);
	issuers->count = 0;
}

/* OpenID Connect Core section 2: https, a host, no query and no fragment. */
static bool url_ok(const char *url)
{
	static const char scheme[] = "https://";
	size_t len = url ? strlen(url) : 0;

	if (len <= strlen(scheme) || len > OIDC_URL_MAX || strncmp(url, scheme, strlen(scheme)) != 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (url[i] <= 0x20 || url[i] > 0x7e || strchr("?#\"<>\\^`{|}", url[i]))
			return false;
	return url[strlen(scheme)] != '/';
}

static bool domain_ok(const char *domain)
{
	size_t len = strlen(domain);

	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)domain[i]) && !isdigit((unsigned char)domain[i]) &&
		    !strchr("-.", domain[i]))
			return false;
	return len && len < 254 && domain[0] != '.' && domain[len - 1] != '.' && !strstr(domain, "..");
}

static bool lists_meet(const struct oidc_list *a, const struct oidc_list *b)
{
	for (unsigned i = 0; i < a->count; i++)
		for (unsigned j = 0; j < b->count; j++)
			if (strcmp(a->list[i], b->list[j]) == 0)
				return true;
	return false;
}

static const char *lists_mistake(const struct oidc_issuer *issuer)
{
	for (unsigned i = 0; i < issuer->algorithms.count; i++)
		if (!jws_alg_find(issuer->algorithms.list[i]))
			return "algorithms: of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, "
			       "EdDSA and Ed25519";
	for (unsigned i = 0; i < issuer->domains.count; i++)
		if (!domain_ok(issuer->domains.list[i]))
			return "domains: names such as example.com, in small letters";
	if (issuer->by_email != !!issuer->domains.count)
		return "owner: email and domains: [example.com] go together";
	return NULL;
}

const char *oidc_issuer_mistake(const struct oidc_issuers *before, const struct oidc_issuer *issuer)
{
	if (!url_ok(issuer->issuer))
		return "issuer: https://..., exactly as its tokens have it in `iss`";
	if (!issuer->audience.count)
		return "audience: the client id that the issuer gave to Deputy";
	if (!issuer->jwks || issuer->jwks[0] != '/')
		return "jwks: the absolute path of a file";
	for (unsigned i = 0; i < before->count; i++) {
		if (strcmp(before->list[i].issuer, issuer->issuer) == 0)
			return "the same issuer twice: give it several audiences instead";
		/* else either could speak for the other's owners */
		if (lists_meet(&before->list[i].domains, &issuer->domains))
			return "a domain of two issuers";
	}
	return lists_mistake(issuer);
}
