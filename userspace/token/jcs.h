/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical JSON (RFC 8785): the one text of a value, to be hashed or signed. What has no such text is
 * refused rather than rounded.
 */
#ifndef DEPUTY_JCS_H
#define DEPUTY_JCS_H

#include <jansson.h>
#include <stddef.h>

#define JCS_MAX		(4u << 20)	   /* bytes of a canonical text */
#define JCS_DEPTH_MAX	64u		   /* arrays and objects within each other */
#define JCS_INTEGER_MAX 9007199254740991ll /* 2^53 - 1: past it two integers are the same double */
#define JCS_NUMBER_MAX	32u		   /* bytes of any number, with its NUL */

/*
 * Writes the canonical text, NUL-ended besides; *len (may be NULL) does not count the NUL. The caller frees
 * it. -ERANGE    an integer beyond JCS_INTEGER_MAX either way -EINVAL    no value; a real that is not finite;
 * a string or name that is not UTF-8 -EMSGSIZE  past JCS_MAX or JCS_DEPTH_MAX -ENOMEM
 */
int jcs_dump(const json_t *value, char **text, size_t *len);

/* A finite number as ECMAScript's Number::toString gives it (RFC 8785 section 3.2.2.3). */
void jcs_number(double number, char text[JCS_NUMBER_MAX]);

/* Names in the order of their UTF-16 code units (RFC 8785 section 3.2.3); both must be UTF-8. As memcmp(). */
int jcs_compare(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
