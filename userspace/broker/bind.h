/* SPDX-License-Identifier: Apache-2.0 */
/* A grant is put on whoever asks for it. Results are those of answer_problem(). */
#ifndef DEPUTY_BIND_H
#define DEPUTY_BIND_H

#include "broker/http.h"

/* Whether the caller is still there to learn that it is bound. */
int bind_present(struct exchange *x);
/* The same, and that it is of one thread. The warden looks again, and closer. */
int bind_single(struct exchange *x);
/* Puts the tag of a grant that holds a slot on the caller: only if it carries none, or that of the grant
 * which delegated this one. */
int bind_caller(struct exchange *x, const struct grant *g);
/* The same to the thread that connected and no other of its process, which carries the tag of the grant which
 * delegated this one. */
int bind_thread(struct exchange *x, const struct grant *g);

#endif
