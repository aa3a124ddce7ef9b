/* SPDX-License-Identifier: Apache-2.0 */
/* What a scope lets go of by itself. */
#ifndef DEPUTY_CLEANUP_H
#define DEPUTY_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

#define _cleanup_close_ __attribute__((cleanup(cleanup_close)))
#define _cleanup_free_	__attribute__((cleanup(cleanup_free)))

#endif
