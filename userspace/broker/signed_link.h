/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link of a chain as it was signed. A link names the one above it by the hash of its text, so a grant that
 * is renewed, and has a new link from then on, keeps its earlier ones for as long as grants below it go on
 * from them.
 */
#ifndef DEPUTY_SIGNED_LINK_H
#define DEPUTY_SIGNED_LINK_H

#include <stdint.h>
#include <sys/queue.h>

#include "broker/text.h"

struct signed_link {
	unsigned refs;
	struct signed_link *above; /* held; NULL: of a root, or not known here */
	char *text;
	char digest[DIGEST_BYTES]; /* of the text */
	char under[DIGEST_BYTES];  /* of the text above; empty: of a root */
	char policy[DIGEST_BYTES]; /* of the policy's text for which it was signed */
	int64_t not_before, expires;
	SLIST_ENTRY(signed_link) next; /* among the earlier ones of its grant */
};

SLIST_HEAD(signed_links, signed_link);

/* One more, held once. Takes a copy of the text; `above` may be NULL. -ENOMEM, -EIO. */
int signed_link_new(const char *text, struct signed_link *above, struct signed_link **link);
struct signed_link *signed_link_hold(struct signed_link *link);
/* NULL is none. */
void signed_link_drop(struct signed_link *link);

/* The grant has a newer one. Takes over the hold. */
void signed_links_add(struct signed_links *earlier, struct signed_link *link);
/* Lets go of those that no grant below goes on from. */
void signed_links_prune(struct signed_links *earlier);
void signed_links_clear(struct signed_links *earlier);

#endif
