/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_MEMFD_H
#define DEPUTY_MEMFD_H

#include <stddef.h>

/* A sealed memory file of these bytes: whoever receives it reads what was sent, whatever we do later.
 * `name` shows in /proc only. -errno; the caller closes *fd. */
int memfd_sealed(const char *name, const void *bytes, size_t size, int *fd);

/* Whether a descriptor that somebody sent is such a file: in memory, so that reading it waits for nobody, as
 * one of a file system in userspace may for ever, and neither its bytes nor its size change. 0 or -EPERM. */
int memfd_check(int fd);

#endif
