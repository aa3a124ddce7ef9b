/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing with a key that ssh-agent(1) holds (draft-ietf-sshm-ssh-agent). What an agent answers is read as a
 * stranger's words: bounded, in time too, and a signature counts only once it has been verified here.
 * sodium_init() must have been called before.
 */
#ifndef DEPUTY_SSH_AGENT_H
#define DEPUTY_SSH_AGENT_H

#include <stddef.h>

#include "proof/sshkey.h"

#define AGENT_MESSAGE_MAX  262144u /* bytes of one answer: OpenSSH's limit */
#define AGENT_LIST_SECONDS 10	   /* for an answer that needs nobody */
#define AGENT_SIGN_SECONDS 120	   /* for one that a person must confirm or touch a security key for */

/* Connects to the socket; NULL: the one of SSH_AUTH_SOCK. -ENOENT: there is none; or connect()'s -errno. The
 * caller closes *fd. */
int agent_connect(const char *path, int *fd);

/*
 * The key of the agent that `which` names: its fingerprint (SHA256:...), or else a file with the public key.
 * NULL: the only key that it has.
 *   -ENOKEY	 it has none such
 *   -ENOTUNIQ	 `which` is NULL and it has several
 *   -EPROTO	 its answer makes no sense
 *   -EACCES	 it refused
 *   -ETIMEDOUT  it did not answer
 *   or of reading the file: -errno, and the errors of sshkey_parse_line()
 */
int agent_find(int fd, const char *which, struct sshkey **key);

/* The armoured signature (proof/sshsig.h) over a message. The caller frees *text. Errors as above, and those
 * of sshsig_verify() where what the agent made is no signature by that key. */
int agent_sign(int fd, const struct sshkey *key, const char *name_space, const void *message, size_t size,
	       char **text);

#endif
