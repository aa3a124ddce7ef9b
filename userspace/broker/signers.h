/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_SIGNERS_H
#define DEPUTY_SIGNERS_H

#include "proof/allowed_signers.h"

/* Reads a file of allowed signers; NULL: there is none, and nobody is allowed. What is wrong with it is said
 * on stderr. 0 or -errno: with half a list nothing can be decided. */
int signers_load(const char *path, struct allowed_signers *signers);

#endif
