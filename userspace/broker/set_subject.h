/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of which grants a received security event speaks (RFC 9493). An issuer is heard about those alone whose
 * owners it has vouched for: none ends another's, or one of a local user's.
 */
#ifndef DEPUTY_SET_SUBJECT_H
#define DEPUTY_SET_SUBJECT_H

#include "broker/grants.h"
#include "proof/set_verify.h"

/* Texts are those of the claims. One of them at least is there. */
struct set_subject {
	const struct oidc_issuer *issuer;
	const char *sub;   /* the user, as the issuer names him */
	const char *email; /* or his address */
	const char *id;	   /* a grant's, or a session's of which we know nothing */
};

/*
 * From `sub_id`, from the event's own `sub_id` or `subject` (drafts before SSF 1.0), or from `sub` (RFC
 * 8417). Formats: iss_sub, email, opaque, and complex of a user and a session. -EBADMSG  none, several, or
 * malformed -ENOTSUP  of a format that we cannot find a grant by -EACCES   another issuer's user
 */
int set_subject_read(const struct set_received *set, const json_t *event, struct set_subject *subject,
		     struct why *why);

/* Whether it means all of a user's grants, also those that are not there yet. */
bool set_subject_is_user(const struct set_subject *subject, const struct registry *grants);

/* Whether a grant is the subject's. A session that is no grant's is one of the issuer's own, of which it is
 * not known which grants came of it: then all of the user's are. */
bool set_subject_matches(const struct set_subject *subject, const struct registry *grants,
			 const struct grant *g);

#endif
