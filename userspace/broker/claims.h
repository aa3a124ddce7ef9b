/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_CLAIMS_H
#define DEPUTY_CLAIMS_H

#include <jansson.h>

#include "broker/grants.h"
#include "token/key.h"

/* Signs a grant: fills in its token and its chain. -EMSGSIZE, -ENOMEM, -EIO. */
int claims_sign(const struct secret_key *key, struct grant *g);

#endif
