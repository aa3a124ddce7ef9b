/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/issuer_keys.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "proof/oidc_keys.h"

static void issuer_complain(const struct oidc_issuer *issuer, int err, const struct why *why)
{
	fprintf(stderr, "deputyd: the keys of %s: %s: %s%s\n", issuer->issuer, issuer->jwks, why->text,
		err == -EACCES && geteuid() ? " (it is read as the `user` of deputyd.yaml)" : "");
}

int issuer_keys_start(struct oidc_issuers *issuers)
{
	struct why why;
	int err = 0;

	for (unsigned i = 0; !err && issuers && i < issuers->count; i++) {
		err = oidc_keys_read(&issuers->list[i], &why);
		if (err)
			issuer_complain(&issuers->list[i], err, &why);
	}
	return err;
}

void issuer_keys_refresh(struct oidc_issuers *issuers)
{
	struct why why;

	for (unsigned i = 0; i < issuers->count; i++) {
		struct oidc_issuer *issuer = &issuers->list[i];
		bool good = issuer->keys_text;
		int err = oidc_keys_read(issuer, &why);

		if (err && good)
			issuer_complain(issuer, err, &why);
	}
}
