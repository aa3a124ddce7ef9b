/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broker: every byte that a stranger sends ends here. It holds no privilege, only the descriptors of
 * enum role_fd (common/msg.h), and asks the warden for everything that needs one.
 */
#ifndef DEPUTY_BROKER_H
#define DEPUTY_BROKER_H

#include <stdbool.h>
#include <stdint.h>

struct oidc_issuers;

struct broker_options {
	const char *version;	 /* as `deputy --version` prints it */
	const char *profile_dir; /* NAME.yaml: what `profiles: [NAME]` includes; NULL or missing: none */
	const char
		*policy_dir; /* NAME.yaml: policies that the administrator installed; NULL or missing: none */
	const char *allowed_signers;  /* whose SSH signatures prove an owner; NULL: nobody's */
	struct oidc_issuers *issuers; /* whose ID tokens prove an owner; NULL: nobody's. The broker reads
				       * their keys, once it runs and then whenever a proof comes */
	bool user_policies;	      /* users may bring policies of their own; else installed ones only */
	uint64_t max_ttl_ns;	      /* no grant lives longer, unless it is renewed */
	uint64_t max_life_ns;	      /* nor does one in all; 0: only renewals are counted */
	unsigned max_renewals;	      /* of one grant */
	const char *issuer;	      /* as issuer_ok() has it; NULL: ISSUER_DEFAULT */
	int64_t rotate_after;	      /* seconds that a key signs, on schedule */
	int64_t keys_keep;	      /* seconds that it stays afterwards, at the least */
};

struct broker;

/* Reads both directories and the key and maps the maps: all that the broker ever opens but issuers' keys,
 * which come from outside and are read without privileges. To be called before these are dropped. The
 * options' strings and issuers must outlive the broker. 0 or -errno. */
int broker_setup(const struct broker_options *options, struct broker **broker);

/* Writes one byte to FD_READY and serves until SIGTERM (0), the end of the warden's or the recorder's socket
 * (-EPIPE) or a message from them that makes no sense (-EPROTO). Blocks SIGTERM and SIGINT, ignores SIGPIPE.
 */
int broker_run(struct broker *broker);

void broker_free(struct broker *broker);

/* The three in a row, for a caller that drops nothing. */
int broker_main(const struct broker_options *options);

#endif
