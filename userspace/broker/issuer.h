/* SPDX-License-Identifier: Apache-2.0 */
/* The name under which the token service is known (RFC 8414 section 2). */
#ifndef DEPUTY_ISSUER_H
#define DEPUTY_ISSUER_H

#include <stdbool.h>

#define ISSUER_MAX 200u /* bytes */

/*
 * Clients take the issuer for a URL with the scheme https and build others from it, though all of them lead
 * to the unix socket. One that no resolver ever finds (RFC 6761 section 6.4) cannot lead anywhere else.
 */
#define ISSUER_DEFAULT "https://deputy.invalid"

/* "https://HOST" or "https://HOST:PORT", in lower case: one spelling, as issuers are compared byte for byte.
 */
bool issuer_ok(const char *issuer);
/* The host and port: the name of the trust domain of transaction tokens. */
const char *issuer_domain(const char *issuer);

#endif
