/* SPDX-License-Identifier: Apache-2.0 */
/* deputyd.yaml: written by the administrator, a flat map of scalars, and a list of issuers. */
#ifndef DEPUTY_CONFIG_H
#define DEPUTY_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "proof/oidc.h"

struct config_count {
	uint32_t value;
	uint32_t most;
	uint32_t least;
};

struct config {
	uint64_t max_ttl_ns;   /* max_ttl: no grant lives longer (default 1h) */
	char *profile_dir;     /* default /usr/share/deputy/profiles */
	char *policy_dir;      /* default /etc/deputy/policy.d */
	char *allowed_signers; /* default NULL: no SSH signature proves an owner */
	char *seal_key;	       /* default NULL: seal.key beside the configuration */
	int64_t rotate_after;  /* seconds that a key signs (default 30d) */
	char *issuer;	       /* of the token service; default ISSUER_DEFAULT */
	char *user;    /* whom broker and recorder become (default deputy; nobody where there is none) */
	char *pin_dir; /* on a bpf file system; default made from the state directory */
	uint64_t max_life_ns; /* max_life: nor does one in all, however often renewed (default 8h) */
	struct config_count max_renewals; /* of one grant; 0: none (default 64) */
	struct config_count max_grants;	  /* at one time (default SLOTS_MAX - 1) */
	struct config_count max_tasks;	  /* tagged at one time (default TASKS_MAX) */
	struct oidc_issuers *issuers; /* whose ID tokens prove an owner; default NULL: nobody's. No keys */
	bool user_policies;	      /* users may bring policies of their own (default true) */
	bool keep_enforcing;	      /* a clean stop leaves the running grants enforced (default false) */
};

/* Defaults, then the file. A missing file is an error only when `required`. Says what is wrong on stderr as
 * file:line:column. 0 or -errno; on error *config holds nothing. */
int config_read(const char *path, bool required, struct config *config);
void config_free(struct config *config);
/* Seconds for which what a key has signed may be good: max_ttl, and what clocks may differ by. */
int64_t config_keys_keep(const struct config *config);

#endif
