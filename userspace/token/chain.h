/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain of delegation, verified offline: links of which the first is signed by the host's key and each
 * other by the holder of the one before, and none wider than that one (docs/CHAIN.md; the invariants of
 * the attenuating-agent-token draft). sodium_init() must have been called.
 */
#ifndef DEPUTY_CHAIN_H
#define DEPUTY_CHAIN_H

#include <jansson.h>

#include "common/types.h" /* CHAIN_MAX */
#include "token/key_ring.h"
#include "token/link.h"

#define CHAIN_TEXT_MAX (CHAIN_MAX * (LINK_MAX + 1)) /* bytes of a chain in one string */

/* What is known of the scopes. */
enum chain_scopes {
	CHAIN_NAMED,  /* each link names its rules and its table's digest; not all tables were compared */
	CHAIN_PROVEN, /* each table was proven a subset of the one above */
};

struct chain_report {
	enum chain_why why;
	size_t at;	   /* the link that failed */
	const char *claim; /* CHAIN_CLAIMS: which; "" when it is the payload as a whole */
	/* The rest when it verifies only. Strings and spans are the report's. */
	size_t count;
	struct chain_link link[CHAIN_MAX]; /* the root's first, the presenter's last */
	enum chain_scopes scopes;
	void *memory;
};

/*
 * Checks a chain against the host's keys and the wall clock (seconds), link by link from the root, each
 * payload read only after its signature has been found good. `report` needs no initialisation; its first
 * three members are set whatever the outcome, and when that is 0 chain_report_free() is due. -EMSGSIZE
 * CHAIN_SIZE, CHAIN_LENGTH       -ENOKEY      CHAIN_KEY         -EAGAIN CHAIN_EARLY -EBADMSG  CHAIN_FORM,
 * _HEADER, _CLAIMS   -EKEYREJECTED CHAIN_SIGNATURE   -ENOMEM CHAIN_MEMORY -EPERM    what is wider than its
 * parent  -EKEYEXPIRED CHAIN_EXPIRED A chain that verifies says nothing of revocation, and of scopes no more
 * than `scopes` does.
 */
int chain_verify(const struct key_ring *roots, const char *const *links, size_t n, int64_t now,
		 struct chain_report *report);
/* Of a chain in one string: '~' before each link, so that it can be taken for no JWS and no SD-JWT. */
int chain_verify_text(const struct key_ring *roots, const char *text, size_t len, int64_t now,
		      struct chain_report *report);
void chain_report_free(struct chain_report *report);

/* The string of `n` links, to be freed by the caller. -EMSGSIZE, -ENOMEM. */
int chain_join(const char *const *links, size_t n, char **text);
/* Takes one apart; the spans lie in the text. -EBADMSG: does not begin with '~'; -EMSGSIZE. */
int chain_split(const char *text, size_t len, struct span links[CHAIN_MAX], size_t *n);

/* Whether everything that the child's table allows is allowed by its parent's: 0 proven, -EPERM it is not,
 * -ENODATA the tables are not to be had, another -errno. */
typedef int (*chain_within_fn)(const struct chain_link *child, const struct chain_link *parent, void *arg);
/* Compares the scopes link by link; equal tables need no proof. All proven: report->scopes says so. -EPERM:
 * one is wider, and report->why and ->at say which. Tables that are missing are no error: scopes stay
 * CHAIN_NAMED.
 */
int chain_prove(struct chain_report *report, chain_within_fn within, void *arg);

/* A link's claims as JSON, a new reference. NULL without memory. */
json_t *chain_claims(const struct chain_report *report, size_t i);
/*
 * The `act` claim (RFC 8693 section 4.1): the presenter outermost, then who delegated to it, and so on to the
 * owner's own agent. For whoever reads the record: section 4.1 forbids deciding by any but the outermost. A
 * new reference, NULL without memory.
 */
json_t *chain_act(const struct chain_report *report);

#endif
