/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of real keys and what ssh-keygen(1) does with them, and keys of a security token made of software.
 */
#ifndef DEPUTY_TEST_SIGNING_H
#define DEPUTY_TEST_SIGNING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proof/sshsig.h"

#define NAMESPACE "grant@deputy"

/* What ssh-keygen -t is told, and its -b ("" where it has none). */
struct made_key {
	const char *name, *type, *bits;
};
extern const struct made_key made_keys[];
extern const size_t made_key_count;

/* For cmocka: makes a folder with a key pair NAME, NAME.pub for each of the above; *state is its path. */
int signing_setup(void **state);
int signing_teardown(void **state);

/* Runs a command of the shell in the folder; its exit status. */
int shell(const char *dir, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A file's bytes with a NUL behind them. */
char *slurp(const char *dir, const char *name, size_t *size);
void spill(const char *dir, const char *name, const void *bytes, size_t size);

/* The text of `ssh-keygen -Y sign` with key NAME over a message. */
char *keygen_sign(const char *dir, const char *key, const char *hash, const char *message, size_t *len);
struct sshkey *load_key(const char *dir, const char *name);

/* A token's key. */
struct soft_token;
struct soft_token *token_make(bool ecdsa, const char *application);
void token_free(struct soft_token *t);
size_t token_blob(const struct soft_token *t, uint8_t *blob, size_t room);
/* A whole SSHSIG, as the token would sign it with these flags and counter. */
size_t token_sshsig(const struct soft_token *t, const char *message, uint8_t flags, uint32_t counter,
		    uint8_t *raw, size_t room);

#endif
