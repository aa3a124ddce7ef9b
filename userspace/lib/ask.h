/* SPDX-License-Identifier: Apache-2.0 */
/* One request to the daemon by an agent: one connection, bounded in time and bytes, and nothing but what the
 * daemon's own answers are made of. */
#ifndef DEPUTY_LIB_ASK_H
#define DEPUTY_LIB_ASK_H

#include <stddef.h>

#define LIB_ASK_MAX    (2u << 20) /* bytes of a body */
#define LIB_ANSWER_MAX (8u << 20) /* of an answer, its head included */

struct lib_answer {
	int status;
	char *text; /* all of it, ended by NUL; the caller frees it */
	char *body;
	size_t size; /* of the body */
};

/* `body` NULL: none. -E2BIG: it is too long; -ETIMEDOUT: no whole answer came in time; -EPROTO: it is none,
 * or too long; -ENOMEM; others of connect(2) and send(2). */
int lib_ask(const char *socket, const char *method, const char *path, const char *body,
	    struct lib_answer *answer);
/* Takes an answer apart as it came. -EPROTO. */
int lib_answer_parse(struct lib_answer *answer, size_t have);

#endif
