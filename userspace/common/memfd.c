/* SPDX-License-Identifier: Apache-2.0 */
#include "common/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "common/cleanup.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int memfd_fill(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

int memfd_sealed(const char *name, const void *bytes, size_t size, int *fd)
{
	_cleanup_close_ int m = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int err;

	if (m < 0)
		return -errno;
	err = memfd_fill(m, bytes, size);
	if (err)
		return err;
	if (fcntl(m, F_ADD_SEALS, SEALS | F_SEAL_SEAL))
		return -errno;
	*fd = m;
	m = -1;
	return 0;
}

int memfd_check(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS); /* -1 of whatever cannot be sealed */

	return seals >= 0 && (seals & SEALS) == SEALS ? 0 : -EPERM;
}
