/* SPDX-License-Identifier: Apache-2.0 */
/*
 * W3C Data Integrity proofs with the cryptosuite eddsa-jcs-2022 (Data Integrity EdDSA Cryptosuites 1.0,
 * section 3.3): one embedded proof, made for proofPurpose assertionMethod, over a JSON object. There is
 * nothing to choose, so nothing to be talked into.
 */
#ifndef DEPUTY_DATA_INTEGRITY_H
#define DEPUTY_DATA_INTEGRITY_H

#include <jansson.h>
#include <stdint.h>

#include "token/key.h"

/*
 * A copy of the document with a proof, a new reference; shallow, its members are the document's. `method` is
 * the URL under which others find the key, `created` in seconds since the epoch.
 *   -EINVAL    the document is no object or has a proof already
 *   -ERANGE    `created`, or what jcs_dump() refuses so
 *   else as jcs_dump()
 */
int data_integrity_sign(const struct secret_key *key, const json_t *document, const char *method,
			int64_t created, json_t **secured);

/* The verification method that a proof names, NULL when there is none: for finding the key. Nothing is
 * checked by it. The text is the document's. */
const char *data_integrity_method(const json_t *secured);

/*
 * Checks the proof by the key that the caller has found for its method, and trusts. A proof's @context must
 * be the document's own (the section allows it to be a beginning of it, and then drops the rest). -EBADMSG
 * not a proof of exactly this form, or a document without canonical form -EKEYREJECTED the signature is wrong
 *   -ENOMEM
 */
int data_integrity_verify(const json_t *secured, const struct public_key *key, int64_t *created);

#endif
