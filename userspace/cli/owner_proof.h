/* SPDX-License-Identifier: Apache-2.0 */
/* The proof of an owner who is no local user: docs/API.md, POST /v1/grants. */
#ifndef DEPUTY_OWNER_PROOF_H
#define DEPUTY_OWNER_PROOF_H

#include <jansson.h>

#include "cli/cli.h"

/*
 * Has the owner agree to the grant that `ask` asks for, and adds the member "proof" to it. `how` is "ssh",
 * and which key of ssh-agent behind a colon: its fingerprint or a file with the public key; without one its
 * only key. Or it is "oidc:" and where his ID token is read from, or "oidc-command:" and the program that
 * gets it: id_token.h. Exit code; what went wrong has been said.
 */
int owner_proof_add(const struct cli *cli, const char *how, json_t *ask);

#endif
