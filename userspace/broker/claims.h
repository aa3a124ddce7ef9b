/* SPDX-License-Identifier: Apache-2.0 */
/* Grants as links of a chain (docs/CHAIN.md): what the broker signs, and what it makes of one presented. */
#ifndef DEPUTY_CLAIMS_H
#define DEPUTY_CLAIMS_H

#include "broker/grants.h"
#include "token/chain.h"
#include "token/key.h"

/*
 * Signs the link of a grant that has its slot and the grant above it, and no link yet: fills in link and
 * chain digest. `host` is the key that signs the root, or has signed it. The chain above is verified first.
 * *why says what cannot be signed, a sentence's end, "" when it is no fault of the terms. -EPERM and -EINVAL
 * of link_sign(); -ESTALE: the chain above does not verify; -ENOMEM, -EIO.
 */
int claims_sign(const struct secret_key *host, struct grant *g, const char **why);

/* The chain down to a grant, in one string to be freed by the caller. -ENODATA: a grant above it has given
 * its slot back, and is known no more; errors of fold_text(). */
int claims_chain(const struct grant *g, char **text);

/* What the link of a grant says, below `parent` (NULL: of a root), all but its holder and its details.
 * Strings are the grant's and the parent's. */
struct link_terms claims_terms(const struct grant *g, const struct chain_link *parent);
/* Its authorization_details: rule by rule, or by the table's digest alone. The caller frees *text. -EINVAL,
 * -ENOMEM. */
int claims_details(const struct grant *g, bool table, char **text, size_t *len);

/*
 * The live grant of this broker that a chain ends in, and what the chain says, due to chain_report_free().
 * -ENOENT: malformed, by other keys, expired, or of a grant that has ended: for whoever presents it all the
 * same (RFC 7662 section 2.2).
 */
int claims_find(const struct key_ring *hosts, const struct registry *grants, const char *text, size_t len,
		struct chain_report *report, struct grant **grant);

#endif
