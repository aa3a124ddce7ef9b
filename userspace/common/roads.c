/* SPDX-License-Identifier: Apache-2.0 */
#include "common/roads.h"

#include <stdio.h>
#include <string.h>

#define HOOKS_MAX 8

static const struct {
	const char *name;
	const char *hooks[HOOKS_MAX]; /* a name, or its beginning and '*' */
} roads[] = {
	{"descriptors received from others", {"file_receive"}},
	{"watching files of others (inotify, fanotify)", {"path_notify"}},
	{"locks and leases on read-only descriptors", {"file_lock"}},
	{"commands on open files (ioctl)", {"file_ioctl"}},
	{"extended attributes", {"inode_setxattr", "inode_removexattr", "inode_getxattr", "inode_listxattr"}},
	{"io_uring with credentials of others", {"uring_*"}},
	{"user namespaces", {"userns_create"}},
	{"System V objects of others", {"ipc_*", "shm_*", "sem_*", "msg_queue_*"}},
	{"keyrings", {"key_*"}},
	{"scheduling of others",
	 {"task_setnice", "task_setioprio", "task_setscheduler", "task_getscheduler", "task_movememory",
	  "task_prlimit", "task_setrlimit", "task_setpgid"}},
	{"netlink messages", {"netlink_send"}},
	{"socket options", {"socket_setsockopt"}},
	{"programs that are passed over while another task is preempted inside them",
	 {"__bpf_prog_enter_recur"}},
};

#define ROADS (sizeof(roads) / sizeof(roads[0]))
_Static_assert(ROADS <= ROADS_MAX, "a bit each");

const char *road_name(size_t i)
{
	return i < ROADS ? roads[i].name : NULL;
}

static int hook_matches(const char *pattern, const char *hook)
{
	size_t len = strlen(pattern);

	if (pattern[len - 1] == '*')
		return !strncmp(pattern, hook, len - 1);
	return !strcmp(pattern, hook);
}

int road_of_hook(const char *hook)
{
	for (size_t i = 0; i < ROADS; i++)
		for (size_t k = 0; k < HOOKS_MAX && roads[i].hooks[k]; k++)
			if (hook_matches(roads[i].hooks[k], hook))
				return (int)i;
	return -1;
}

void roads_format(uint64_t open, char *buf, size_t size)
{
	size_t used = 0;

	*buf = '\0';
	for (size_t i = 0; i < ROADS && used < size; i++)
		if (open >> i & 1)
			used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
						 roads[i].name);
}
