/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link of a chain as it was signed. A link names the one above it by the hash of its text, so a grant that
 * is renewed, and has a new link from then on, keeps its earlier ones for as long as grants below it go on
 * from them.
 */
#ifndef DEPUTY_SIGNED_LINK_H
#define DEPUTY_SIGNED_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "token/link.h"

struct signed_link {
	unsigned refs;
	struct signed_link *above;	 /* held; NULL: of a root, or not known here */
	char *text;			 /* NULL: it is folded (fold.h), and its grant's last */
	struct link_seal seal;		 /* of a folded one */
	unsigned char hash[HASH_BYTES];	 /* SHA-256 of the text */
	unsigned char under[HASH_BYTES]; /* of the text above */
	bool has_under;			 /* false: of a root, or not known yet */
	const char *policy;		 /* shared: the digest of the policy's text for which it was signed */
	int64_t not_before, expires;
	SLIST_ENTRY(signed_link) next; /* among the earlier ones of its grant */
};

SLIST_HEAD(signed_links, signed_link);

/* One more, held once. Takes copies; `above` may be NULL. -ENOMEM, -EIO. */
int signed_link_new(const char *text, const char *policy, struct signed_link *above,
		    struct signed_link **link);
/* It goes on from that one. */
void signed_link_put_under(struct signed_link *link, struct signed_link *above);
struct signed_link *signed_link_hold(struct signed_link *link);
/* NULL is none. */
void signed_link_drop(struct signed_link *link);

/* The grant has a newer one. Takes over the hold. */
void signed_links_add(struct signed_links *earlier, struct signed_link *link);
/* Lets go of those that no grant below goes on from. */
void signed_links_prune(struct signed_links *earlier);
void signed_links_clear(struct signed_links *earlier);

#endif
