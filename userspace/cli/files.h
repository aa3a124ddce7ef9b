/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_CLI_FILES_H
#define DEPUTY_CLI_FILES_H

#include <stddef.h>

/* The whole of a regular file, a pipe or, for "-", standard input, NUL-ended; the caller frees it. -EFBIG:
 * more than `max` bytes; -errno. */
int file_read(const char *path, size_t max, char **text, size_t *len);

/* The same of an open one, which stays open. */
int fd_read(int fd, size_t max, char **text, size_t *len);

/* Absolute path of a command, by PATH when the name has no slash; the caller frees it. -ENOENT: there is
 * none; -EACCES: it is no executable file. */
int program_find(const char *name, char **path);

/* Closes every descriptor but 0, 1, 2 and the `count` kept ones, which it sorts. -errno. */
int fds_keep_only(int *keep, size_t count);

/* Directory of the running program, without a slash at its end; the caller frees it. NULL: cannot tell. */
char *program_dir(void);

#endif
