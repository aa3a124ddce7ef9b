/* SPDX-License-Identifier: Apache-2.0 */
/* Why a proof is refused, for our own logs: in our words only, never a stranger's bytes. */
#ifndef DEPUTY_PROOF_WHY_H
#define DEPUTY_PROOF_WHY_H

struct why {
	char text[160];
};

/* Returns `err`. A text too long is cut; `why` may be NULL. */
__attribute__((format(printf, 3, 4))) int why_set(struct why *why, int err, const char *format, ...);

/* Puts "WHERE: " before a text that is there. Returns `err`. */
__attribute__((format(printf, 3, 4))) int why_prefix(struct why *why, int err, const char *format, ...);

#endif
