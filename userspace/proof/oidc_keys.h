/* SPDX-License-Identifier: Apache-2.0 */
/* Issuers' keys, from files that the administrator keeps up to date. */
#ifndef DEPUTY_OIDC_KEYS_H
#define DEPUTY_OIDC_KEYS_H

#include "proof/oidc.h"

/*
 * Reads an issuer's file, and where it says something else than the last time makes keys of it. On error the
 * issuer has none: which of the old ones would still be in the file is not known.
 *   -errno     of opening or reading it
 *   -EINVAL    it is no regular file
 *   -EPERM     others than root own it or may write to it, or it has private keys
 *   -EMSGSIZE, -EBADMSG, -ENOMEM  as jwk_set_parse()
 *   -ENOKEY    it has no key that we verify with
 */
int oidc_keys_read(struct oidc_issuer *issuer, struct why *why);

#endif
