/* SPDX-License-Identifier: Apache-2.0 */
/* Data from file to file without read(2) and write(2); names for what has none; calls of other kinds. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "probe.h"

static int flow_copy(int from, int to)
{
	return done(copy_file_range(from, NULL, to, NULL, 1, 0));
}

static int flow_sendfile(int from, int to)
{
	return done(sendfile(to, from, NULL, 1));
}

static int flow_clone(int from, int to)
{
	return done(ioctl(to, FICLONE, from));
}

static int flow_clone_range(int from, int to)
{
	struct file_clone_range range = {.src_fd = from};

	return done(ioctl(to, FICLONERANGE, &range));
}

static int flow_splice(int from, int to)
{
	int ends[2], ret;

	if (pipe(ends))
		return -errno;
	ret = splice(from, NULL, ends[1], NULL, 1, 0) < 0 ? -errno
							  : done(splice(ends[0], NULL, to, NULL, 1, 0));
	close(ends[0]);
	close(ends[1]);
	return ret;
}

/* By tee(2) into a second pipe. */
static int flow_tee(int from, int to)
{
	int one[2], two[2], ret;

	if (pipe(one) || pipe(two))
		return -errno;
	if (splice(from, NULL, one[1], NULL, 1, 0) < 0 || tee(one[0], two[1], 1, 0) < 0)
		ret = -errno;
	else
		ret = done(splice(two[0], NULL, to, NULL, 1, 0));
	for (int i = 0; i < 2; i++) {
		close(one[i]);
		close(two[i]);
	}
	return ret;
}

/* A mapping of the one is given away as pages to the other. */
static int flow_vmsplice(int from, int to)
{
	void *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, from, 0);
	struct iovec iov = {at, 1};
	int ends[2], ret;

	if (at == MAP_FAILED || pipe(ends))
		return -errno;
	ret = vmsplice(ends[1], &iov, 1, 0) < 0 ? -errno : done(splice(ends[0], NULL, to, NULL, 1, 0));
	close(ends[0]);
	close(ends[1]);
	munmap(at, 4096);
	return ret;
}

static const struct {
	const char *name;
	int (*run)(int from, int to);
} flows[] = {
	{"copy_file_range", flow_copy},
	{"sendfile", flow_sendfile},
	{"splice", flow_splice},
	{"tee", flow_tee},
	{"vmsplice", flow_vmsplice},
	{"FICLONE", flow_clone},
	{"FICLONERANGE", flow_clone_range},
};

static int flow_between(const char *how, int from, int to)
{
	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
		if (!strcmp(flows[i].name, how))
			return flows[i].run(from, to);
	return -ENOSYS;
}

/* flow HOW FROM TO */
static int do_flow(char **w)
{
	int ret, to, from = open(w[2], O_RDONLY | O_CLOEXEC);

	if (from < 0)
		return -errno;
	to = open(w[3], O_WRONLY | O_CLOEXEC);
	ret = to < 0 ? -errno : flow_between(w[1], from, to);
	close(from);
	if (to >= 0)
		close(to);
	return ret;
}

/* flow-path HOW FROM TO: by descriptors that stand for paths and are open for nothing. */
static int do_flow_path(char **w)
{
	int from = open(w[2], O_PATH | O_CLOEXEC), to = open(w[3], O_PATH | O_CLOEXEC), ret;

	ret = from < 0 || to < 0 ? -errno : flow_between(w[1], from, to);
	close(from);
	close(to);
	return ret;
}

/* tmplink-empty DIR NAME: a file without a name gets one by its descriptor alone. */
static int do_tmplink_empty(char **w)
{
	int ret, fd = open(w[1], O_WRONLY | O_TMPFILE | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	ret = done(linkat(fd, "", AT_FDCWD, w[2], AT_EMPTY_PATH));
	close(fd);
	return ret;
}

/* map-pkey FILE: made code late, with a protection key. */
static int do_map_pkey(char **w)
{
	int fd = open(w[1], O_RDONLY | O_CLOEXEC), ret;
	void *at;

	if (fd < 0)
		return -errno;
	at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		return -errno;
	ret = done(syscall(SYS_pkey_mprotect, at, 4096, PROT_READ | PROT_EXEC, -1));
	munmap(at, 4096);
	return ret;
}

/* ---- system calls as programs of 32 bits make them ---- */

static long int80(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(a), "c"(b), "d"(c)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}

/* Memory that a pointer of 32 bits reaches. */
static char *low_memory(void)
{
	static char *at;

	if (!at)
		at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	return at;
}

static long low_address(const void *at)
{
	return (long)(uintptr_t)at;
}

static int ia32_close(long fd)
{
	if (fd < 0)
		return (int)fd;
	close((int)fd);
	return 0;
}

/* ia32-open|ia32-unlink PATH */
static int do_ia32_open(char **w)
{
	char *name = low_memory();

	strncpy(name, w[1], 4000);
	return ia32_close(int80(5, low_address(name), O_RDONLY, 0));
}

static int do_ia32_unlink(char **w)
{
	char *name = low_memory();

	strncpy(name, w[1], 4000);
	return (int)int80(10, low_address(name), 0, 0);
}

/* ia32-connect PORT: by socketcall(2), on loopback. */
static int do_ia32_connect(char **w)
{
	char *memory = low_memory();
	struct sockaddr_in *a = (void *)memory;
	uint32_t *args = (void *)(memory + 64);
	int ret, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	*a = (struct sockaddr_in){.sin_family = AF_INET,
				  .sin_addr = {htonl(INADDR_LOOPBACK)},
				  .sin_port = htons((uint16_t)atoi(w[1]))};
	args[0] = (uint32_t)fd;
	args[1] = (uint32_t)low_address(a);
	args[2] = sizeof(*a);
	ret = (int)int80(102, 3 /* SYS_CONNECT */, low_address(args), 0);
	close(fd);
	return ret;
}

/* ia32-socket FAMILY TYPE PROTOCOL: likewise. */
static int do_ia32_socket(char **w)
{
	uint32_t *args = (void *)low_memory();

	for (int i = 0; i < 3; i++)
		args[i] = (uint32_t)atoi(w[i + 1]);
	return ia32_close(int80(102, 1 /* SYS_SOCKET */, low_address(args), 0));
}

/* x32-open PATH: the numbers of a third kind of program. */
static int do_x32_open(char **w)
{
	return done_fd((int)syscall(SYS_open | 0x40000000, w[1], O_RDONLY));
}

const struct operation flow_operations[] = {
	{"flow", 3, do_flow},
	{"flow-path", 3, do_flow_path},
	{"tmplink-empty", 2, do_tmplink_empty},
	{"map-pkey", 1, do_map_pkey},
	{"ia32-open", 1, do_ia32_open},
	{"ia32-unlink", 1, do_ia32_unlink},
	{"ia32-connect", 1, do_ia32_connect},
	{"ia32-socket", 3, do_ia32_socket},
	{"x32-open", 1, do_x32_open},
	{0},
};
