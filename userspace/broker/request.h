/* SPDX-License-Identifier: Apache-2.0 */
/* The body of POST /v1/grants, /v1/delegate or /v1/grants/ID/renew, taken apart. Nothing here trusts its
 * input. */
#ifndef DEPUTY_REQUEST_H
#define DEPUTY_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/answer.h"
#include "proof/jws_verify.h"
#include "proof/sshsig.h"
#include "proof/statement.h"

#define REQUEST_NAME_MAX    127u   /* bytes of a policy's name: what an error message has room for */
#define REQUEST_PURPOSE_MAX 71u	   /* bytes */
#define REQUEST_WORKDIR_MAX 4095u  /* bytes: PATH_MAX less the NUL */
#define REQUEST_ARGV_MAX    256u   /* entries kept for the record */
#define REQUEST_ARGV_BYTES  16384u /* bytes of them all together kept for the record */
#define REQUEST_TTL_MAX	    (366ull * 24 * 3600 * 1000000000) /* ns: keeps every sum of times in range */

/* Of the owner: what he agreed to, byte for byte, and either of what shows that he did. */
struct grant_proof {
	const char *statement; /* NULL: there is no proof */
	size_t statement_len;
	const char *signature; /* an armoured SSHSIG over it */
	size_t signature_len;
	const char *principal; /* NULL: whichever the key is allowed to */
	const char *id_token;  /* answers its statement_nonce() */
	size_t id_token_len;
};

enum request_kind {
	REQUEST_GRANT,
	REQUEST_RENEWAL,  /* the policy again, where it is the user's own */
	REQUEST_NARROWER, /* of an agent, which may leave the policy out: its own grant's */
	REQUEST_KINDS
};

struct grant_request {
	const char *name; /* of the policy; NULL: none is named */
	const char *text; /* NULL: the installed policy of that name */
	size_t text_len;
	const char *purpose; /* NULL: the policy's only one */
	const char *workdir; /* absolute, normalised; NULL: none, ${workdir} stays open */
	json_t *argv;	     /* array of strings, cut to the limits above */
	uint64_t ttl_ns;     /* 0: as long as the purpose allows */
	bool ticket;	     /* for a child to take up, and not for the caller */
	bool thread;	     /* for the calling thread alone; not both */
	struct grant_proof proof;
	json_t *root; /* owns all of the above but argv */
};

/* Members that are unknown, missing, doubled, of another type or out of bounds are refused: then *answer
 * says why and the result is -EINVAL. request_free() in the end. */
int request_decode(const char *body, size_t size, enum request_kind kind, struct grant_request *request,
		   struct answer *answer);
void request_free(struct grant_request *request);

/* "30s", "10m", "2h" as nanoseconds. -EINVAL: anything else, zero, or more than REQUEST_TTL_MAX. */
int request_ttl(const char *text, uint64_t *ns);
/* Whether a path starts with "/", ends without one ("/" itself excepted) and has no empty, "." or ".."
 * component: the only form in which two different strings are two different places. */
bool request_path_ok(const char *path);

#endif
