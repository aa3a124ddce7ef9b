/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_REVOKE_H
#define DEPUTY_REVOKE_H

#include "broker/http.h"

#define REVOKE_WHO 56u /* bytes */

/* Who revokes, for people: "uid:1000 (alice)". */
void revoke_who(const struct exchange *x, char who[REVOKE_WHO]);

#endif
