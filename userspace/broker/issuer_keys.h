/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_ISSUER_KEYS_H
#define DEPUTY_ISSUER_KEYS_H

#include "proof/oidc.h"

/* Reads the keys of every issuer (NULL: there are none), without privileges: so they can be read again. What
 * is wrong is said on stderr. 0 or -errno of oidc_keys_read(): an owner would be refused for no fault of his.
 */
int issuer_keys_start(struct oidc_issuers *issuers);

/* The same before a proof is looked at, by the worker. An issuer whose file is no good has no keys until it
 * is again; that is said on stderr once. */
void issuer_keys_refresh(struct oidc_issuers *issuers);

#endif
