/* SPDX-License-Identifier: Apache-2.0 */
/* Published test vectors: DEPUTY_VECTORS, or ../shared/vectors. */
#ifndef DEPUTY_VECTORS_H
#define DEPUTY_VECTORS_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* NULL, and said so, where the file is not there: the test then counts as skipped. */
static inline json_t *vectors_load(const char *file)
{
	const char *dir = getenv("DEPUTY_VECTORS");
	char path[4096];
	json_t *v;

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "../shared/vectors", file);
	v = json_load_file(path, 0, NULL);
	if (!v)
		print_message("# SKIP: no vectors at %s\n", path);
	return v;
}

/* The JOSE cookbook's (RFC 7520 section 4, RFC 8037 appendix A), up to NULL. */
static const char *const vectors_jws[] __attribute__((unused)) = {
	"jose-cookbook/jws/4_1.rsa_v15_signature.json",
	"jose-cookbook/jws/4_2.rsa-pss_signature.json",
	"jose-cookbook/jws/4_3.ecdsa_signature.json",
	"jose-cookbook/jws/4_4.hmac-sha2_integrity_protection.json",
	"jose-cookbook/jws/4_5.signature_with_detached_content.json",
	"jose-cookbook/jws/4_6.protecting_specific_header_fields.json",
	"jose-cookbook/curve25519/jws.json",
	NULL,
};

#endif
