/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's signing keys on disk: STATE/key, sealed (token/key_file.h) with a key that lies outside of the
 * state directory, so that a copy of that directory gives none of them. Root opens both each time and keeps
 * neither: the keys live in the broker's memory alone. sodium_init() must have been called.
 */
#ifndef DEPUTY_KEYSTORE_H
#define DEPUTY_KEYSTORE_H

#include <limits.h>
#include <stdint.h>

#include "token/secret_ring.h"

#define KEYSTORE_CREDENTIAL "deputy.seal" /* in $CREDENTIALS_DIRECTORY (systemd.exec(5)) */
#define KEYSTORE_SEAL	    "seal.key"	  /* beside the configuration, where there is no such credential */

struct keystore {
	char path[PATH_MAX];  /* absolute, as the daemon changes its directory */
	char seal[PATH_MAX];  /* of the sealing key */
	int64_t rotate_after; /* seconds */
	int64_t keep;	      /* seconds that an old key stays at the least */
};

/*
 * Finds out where the files are; keeps no pointer. `seal_key` is the configured path or NULL. -EINVAL: the
 * sealing key would lie in the state directory; -errno, both said on stderr.
 */
int keystore_locate(const char *state_dir, const char *seal_key, const char *config_file,
		    struct keystore *store);

/*
 * The keys. Where there are none they are made, and a sealing key if need be; the one open seed that daemons
 * before 0.2.0 left is sealed in its place. What keeps the daemon from starting is said on stderr with what
 * to do about it.
 */
int keystore_open(const struct keystore *store, struct secret_ring *ring);

/*
 * What time and root call for. `flags`: KEYS_* of common/msg.h. Rotates when that is due or asked for,
 * forgets the oldest key when nobody needs it and its time is over, and answers with what there is then, on
 * disk too. -ENOSPC: as many old keys are needed as there may be. On error all is as before.
 */
int keystore_turn(const struct keystore *store, uint32_t flags, struct secret_ring *ring);

/* A pipe with the keys for the broker: its pages are never swapped out, and are gone when they were read. */
int keystore_send(const struct secret_ring *ring, int *fd);

#endif
