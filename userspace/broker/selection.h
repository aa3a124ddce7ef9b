/* SPDX-License-Identifier: Apache-2.0 */
/* Which grants a revocation means: all those that have what is named, each of several things. */
#ifndef DEPUTY_SELECTION_H
#define DEPUTY_SELECTION_H

#include "broker/access.h"
#include "broker/lifecycle.h"

#define SELECTION_BODY_MAX  4096u /* bytes of the JSON */
#define SELECTION_VALUE_MAX 127u  /* bytes of each value */
#define SELECTION_TEXT_MAX  128u  /* bytes of selection_text(), with its NUL: TEXT_BYTES has to hold more */

enum select_by { SELECT_OWNER, SELECT_POLICY, SELECT_POLICY_DIGEST, SELECT_PURPOSE, SELECT_KEY, SELECTS };

struct selection {
	const char *value[SELECTS]; /* NULL: any; one at least is not */
	const char *mode;	    /* "kill" or "deny"; NULL: each grant's own */
	json_t *root;		    /* owns all of the above */
};

/*
 * From {"owner": "...", "policy": ..., "policy_digest": ..., "purpose": ..., "key": ..., "mode": ...}.
 * Members that are unknown, doubled, no strings, empty or too long are refused, and so is a body that names
 * nothing, lest it mean everything: then *answer says why and the result is -EINVAL. selection_free() in the
 * end.
 */
int selection_decode(const char *body, size_t size, struct selection *s, struct answer *answer);
void selection_free(struct selection *s);

/*
 * Whether a grant has all that is named. An owner is named as the grant has it, or a local user as
 * "uid:NAME"; a key by its kid, when it signed the grant's own link, or an owner's SSH key by its fingerprint
 * ("SHA256:..."). The rest is compared as a whole.
 */
bool selection_matches(const struct selection *s, const struct grant *g);

/* The live grants that a filter lets through, of each subtree only the topmost: what is beneath goes with it;
 * each by its own mode. *cuts is the caller's to free, NULL where there are none. -ENOMEM. */
int selection_pick(const struct registry *grants, grant_filter filter, const void *arg, struct cut **cuts,
		   size_t *count);
/* Those that match and that the caller may see, by the mode that is named. */
int selection_find(const struct selection *s, const struct registry *grants, const struct caller *caller,
		   struct cut **cuts, size_t *count);

/* "owner uid:1000, purpose fix-issue", cut short where it is too long. */
void selection_text(const struct selection *s, char text[SELECTION_TEXT_MAX]);

#endif
