/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are root's alone. What is wrong with one is said on stderr, and what to do. */
#ifndef DEPUTY_SECRET_FILE_H
#define DEPUTY_SECRET_FILE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * The whole file. -ENOENT: it is not there, of which nothing is said; -EPERM: no regular file, or not root's
 * alone; -EFBIG: more than `room` bytes; -errno.
 */
int secret_file_read(const char *path, unsigned char *bytes, size_t room, size_t *size);
/* Written beside it, synced and renamed, so that whatever happens the file is as before or as meant, and what
 * was returned 0 for survives a power cut. One process at a time. */
int secret_file_write(const char *path, mode_t mode, const unsigned char *bytes, size_t size);
/* Makes a file of `size` random bytes unless there is one: of several processes the first wins. */
int secret_file_have(const char *path, size_t size);

/* The directory that a file is in, open. -errno, said on stderr. */
int secret_file_dir(const char *path);

#endif
