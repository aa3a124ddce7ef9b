/* SPDX-License-Identifier: Apache-2.0 */
/* A client of the token endpoint, with a key of its own for DPoP. */
#ifndef DEPUTY_TOKEN_CLIENT_H
#define DEPUTY_TOKEN_CLIENT_H

#include "stage.h"
#include "token/key.h"

#define EXCHANGE "grant_type=urn:ietf:params:oauth:grant-type:token-exchange"
#define SELF	 "&subject_token=self&subject_token_type=urn:deputy:token-type:grant"
#define ACCESS	 "urn:ietf:params:oauth:token-type:access_token"
#define TXN	 "urn:ietf:params:oauth:token-type:txn_token"
#define GEN	 7 /* of the stage's slots, which count from 1 */

/* The client's key; made once. */
const struct secret_key *client_key(void);
/* A header "DPoP: ..." over POST to the token endpoint; `more` goes into the claims after a comma. The caller
 * frees it. */
char *client_proof(const char *nonce, const char *jti, const char *more);

/* POSTs "grant_type=...&" and these parameters, as the agent in `slot` (0: untagged). */
void client_post(struct stage *s, uint32_t slot, uid_t uid, const char *more, const char *header,
		 struct reply *r);
/* Likewise with a proof, having asked for a nonce first. */
void client_ask(struct stage *s, uint32_t slot, uid_t uid, const char *more, struct reply *r);
/* Its "error" is this; fails the test otherwise. Frees the reply. */
void client_expect(struct reply *r, long status, const char *error);

/* POSTs a form with the token; frees nothing. */
void client_introspect(struct stage *s, const char *token, struct reply *r);
bool client_active(struct stage *s, const char *token);
/* The claims of a token that is well signed by the host's key and of this type; a new reference. */
json_t *client_claims(struct stage *s, const char *typ, const char *token);

/* A process that asks as the agent in slot 1, which stage_caller() must have been told before; tells the
 * token,
 * "" if it was refused, to be freed; and waits to be ended. */
pid_t client_asker(struct stage *s, const char *more, char **token);
void client_end(pid_t pid);

/* The owner's agent in slot 1, its own child (purpose fix-issue/review) in slot 2. */
void client_two(struct stage *s, char id[2][ID_BYTES], char *chain[2]);

#endif
