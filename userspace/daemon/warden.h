/* SPDX-License-Identifier: Apache-2.0 */
/* The warden's loop: answers the broker, ends what is over, watches the roles. */
#ifndef DEPUTY_WARDEN_H
#define DEPUTY_WARDEN_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/enforce.h"
#include "daemon/keystore.h"
#include "daemon/roles.h"

struct warden {
	struct enforce *enforce;
	int broker;  /* socketpair to the broker */
	int records; /* directory of the grants' records */
	const struct keystore *keys;
	uint64_t max_ttl; /* ns that a grant may have before it, whatever the broker says */
	int pass;	  /* goes with the reply being made; -1: nothing does */
	bool reap;	  /* once it is sent: whom the kernel refuses by now is to be killed */
	struct role_process roles[ROLES];
};

/* Serves until SIGTERM or SIGINT (0), or until a role ends or the broker breaks the protocol (-errno). */
int warden_run(struct warden *warden);

/* After all grants were revoked: kills until no tagged task lives, at most `ms`, else -ETIMEDOUT. */
int warden_drain(struct warden *warden, int ms);

#endif
