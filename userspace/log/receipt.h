/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts: one record with all that proves it was logged, to be checked elsewhere with a public key only.
 * JSON of our own with the record in it, or a C2SP tlog-proof, with the record in its `extra` data.
 */
#ifndef DEPUTY_RECEIPT_H
#define DEPUTY_RECEIPT_H

#include <jansson.h>

#include "log/log_store.h"
#include "log/log_verify.h"

#define RECEIPT_TYPE  "deputy/receipt/1"
#define RECEIPT_BYTES (4u << 20) /* of the longest that is read */

struct receipt {
	struct log_bytes line; /* without its newline */
	uint64_t index;
	struct merkle_proof proof;
	struct log_bytes note; /* the checkpoint with its signatures */
};

void receipt_free(struct receipt *receipt);
#define _cleanup_receipt_ __attribute__((cleanup(receipt_free)))

/*
 * Of record `seq`, under the newest checkpoint that covers it; what it proves has been checked, but for the
 * signature, whose key it does not have.
 *   -ENOENT   the record is not there (any more)
 *   -EAGAIN   no checkpoint covers it yet
 *   -EBADMSG  the log does not prove it: log_verify() says why
 */
int receipt_make(struct log_store *store, uint64_t seq, struct receipt *receipt);

/* A new reference; NULL without memory, or when the line is no UTF-8. */
json_t *receipt_json(const struct receipt *receipt);
/* The caller frees *text. -ENOMEM. */
int receipt_tlog_proof(const struct receipt *receipt, char **text);
/* Either form. -EBADMSG: it is neither; -ENOMEM. */
int receipt_parse(const char *text, size_t len, struct receipt *receipt);

struct receipt_report {
	struct tlog_checkpoint checkpoint;
	uint64_t seq;	       /* the number that the record says of itself */
	size_t witnesses;      /* that have cosigned */
	uint64_t witness_time; /* the earliest of their times: the record is not younger */
};

/*
 * Against the log's key and those of witnesses.
 *   -EBADMSG      the proof does not lead from the record to the root
 *   -ENOKEY       the checkpoint is not of this log
 *   -EKEYREJECTED a signature is wrong
 */
int receipt_check(const struct receipt *receipt, const struct log_trust *trust,
		  struct receipt_report *report);

#endif
