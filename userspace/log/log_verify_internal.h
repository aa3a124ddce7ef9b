/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the verifier to each other. */
#ifndef DEPUTY_LOG_VERIFY_INTERNAL_H
#define DEPUTY_LOG_VERIFY_INTERNAL_H

#include "log/log_file.h"
#include "log/log_verify.h"
#include "log/segment.h"

/* A size at which the tree is known, by whoever says so. */
struct claim {
	uint64_t size;
	unsigned char root[MERKLE_HASH];
	size_t number; /* of the checkpoint, from 1 */
	bool witnessed;
	uint64_t time;
};

struct verifier {
	int dir;
	const struct log_trust *trust;
	log_finding_fn say;
	void *arg;
	struct log_report *report;

	struct claim *claims; /* of the checkpoints, by size */
	size_t claim_count, claim_next;

	bool begun;	      /* the trees go on from something known */
	bool lost;	      /* they do not, until the next segment's first line */
	bool forked;	      /* lines and hashes differ; without it only `lines` is kept up */
	struct merkle lines;  /* the tree by the lines */
	struct merkle hashes; /* and by the hashes beside them */
	uint64_t first;	      /* number of leaf 0 */
	uint64_t index;	      /* of the next leaf */
	uint64_t agreed;      /* leaves up to the last claim that held */
	uint64_t retained;    /* all before may be gone, as records say */
	uint64_t segment;     /* that is read */

	struct log_finding *pending; /* since ->agreed: what they are depends on the next claim */
	size_t pending_count, pending_room;
};

/* Keeps a finding until verify_claim(). -ENOMEM. */
int verify_find(struct verifier *v, const struct log_finding *finding);
/* Says it at once. */
void verify_say(struct verifier *v, const struct log_finding *finding);
/* Says all that is kept. */
void verify_flush(struct verifier *v);

/* One leaf more: `line` is NULL when there is no line, `hash` when there is no hash beside it. */
int verify_leaf(struct verifier *v, const unsigned char *line, const unsigned char *hash);
/* What a checkpoint or a first line says of the tree as it is now. *holds tells whether it is so. */
int verify_claim(struct verifier *v, const unsigned char root[MERKLE_HASH], bool *holds);

/* Reads the file of checkpoints into ->claims. */
int verify_checkpoints_load(struct verifier *v);
/* Those of the tree as it is now. */
int verify_checkpoints(struct verifier *v);
/* Those of a larger tree than there is. */
void verify_checkpoints_end(struct verifier *v);

/* The lines of a segment against `known` hashes; `end` is the number of the next segment, 0 for the last. */
int verify_lines(struct verifier *v, const struct log_bytes *lines,
		 const unsigned char (*hashes)[MERKLE_HASH], uint64_t known, uint64_t end);

#endif
