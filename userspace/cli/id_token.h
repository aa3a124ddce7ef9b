/* SPDX-License-Identifier: Apache-2.0 */
/* An ID token for a nonce, from whatever the owner logs in with. */
#ifndef DEPUTY_ID_TOKEN_H
#define DEPUTY_ID_TOKEN_H

/* Says the nonce on stderr and reads the token from a file or pipe, "-": standard input. The caller frees
 * *token. Exit code; what went wrong has been said. */
int id_token_read(const char *path, const char *nonce, char **token);

/* Runs a program, found by PATH, without arguments or a shell: DEPUTY_NONCE is in its environment, nothing on
 * its standard input, and what it prints is the token. Otherwise as id_token_read(). */
int id_token_run(const char *program, const char *nonce, char **token);

#endif
