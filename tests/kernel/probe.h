/* SPDX-License-Identifier: Apache-2.0 */
/* One system call an operation, by name: what agents and their untagged twins are asked to do. */
#ifndef PROBE_H
#define PROBE_H

#include <stddef.h>

#define WORDS 16

/* 0 or -errno. words[0] is the operation's name; the list ends with NULL. */
typedef int (*probe_fn)(char **words);

struct operation {
	const char *name;
	int words; /* needed after the name */
	probe_fn run;
};

extern const struct operation file_operations[], fd_operations[], move_operations[], exec_operations[],
	net_operations[], unix_operations[], guard_operations[], way_operations[], work_operations[],
	inode_operations[], pass_operations[], ioctl_operations[], hammer_operations[], sqpoll_operations[],
	storm_operations[], host_operations[], uring_operations[], flow_operations[], mapping_operations[],
	race_operations[], cut_operations[], tagging_operations[], privilege_operations[], ipc_operations[],
	socket_operations[], trick_operations[], posix_operations[], fixed_operations[], kind_operations[],
	lent_operations[];

/* Finds and runs; -ENOSYS when there is no such operation, -EINVAL when words are missing. */
int operation_run(char **words);
/* Runs and prints "<errno or OK> <pid> <detail>" as one write: several processes may answer. */
void operation_answer(char **words);
/* After the operation `mailbox`: answers lines put into memory from outside, for ever. */
void mailbox_serve(void (*answer)(char *line, size_t size));
/* A small io_uring of this process: made once; one operation, waited for. 0 or -errno. */
struct io_uring_sqe;
int ring_open(void);
int ring_fd(void);
int ring_run(const struct io_uring_sqe *sqe);
/* Another with a polling thread. */
int polled_begin(void);
int polled_again(const struct io_uring_sqe *sqe);
/* The descriptor that a stranger hands to whoever connects to him, or -errno. */
int fd_from(const char *name);
/* More than an errno can say; printed with the next answer. */
void detail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Sends to the daemon what a file holds, byte for byte; the status of its answer, or -errno (probe_lent.c).
 */
int daemon_ask(const char *file, char *answer, size_t size);

/* What a system call returned: 0 or -errno, and its descriptor, if it is one, closed. */
int done(long ret);
int done_fd(int fd);

#endif
