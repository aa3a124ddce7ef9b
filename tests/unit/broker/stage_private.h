/* SPDX-License-Identifier: Apache-2.0 */
/* What the stage's own files share. */
#ifndef DEPUTY_STAGE_PRIVATE_H
#define DEPUTY_STAGE_PRIVATE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(what)                                                                                        \
	do {                                                                                                 \
		if (!(what)) {                                                                               \
			fprintf(stderr, "stage: %s: %s\n", #what, strerror(errno));                          \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

/* Thread: the warden played for a struct stage, until its socket ends. */
void *stage_warden(void *stage);
/* Lets go of what it kept. */
void stage_warden_clear(struct stage *s);

#endif
