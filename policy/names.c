/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "policy/parse.h"

static const char *const file_ops[FILE_OPS] = {
	[OP_READ] = "read",	    [OP_WRITE] = "write",	   [OP_EXEC] = "exec",
	[OP_CREATE] = "create",	    [OP_DELETE] = "delete",	   [OP_LIST] = "list",
	[OP_METADATA] = "metadata", [OP_UNIX_CONNECT] = "connect",
};

static const char *const net_ops[NET_OPS] = {
	[NET_TCP_CONNECT] = "connect",
	[NET_TCP_BIND] = "bind",
	[NET_UDP_SEND] = "send",
	[NET_UDP_BIND] = "udp-bind",
};

static int find(const char *const *names, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

const char *file_op_name(enum file_op op)
{
	return (unsigned)op < FILE_OPS ? file_ops[op] : NULL;
}

const char *net_op_name(enum net_op op)
{
	return (unsigned)op < NET_OPS ? net_ops[op] : NULL;
}

int file_op_parse(const char *name)
{
	return find(file_ops, FILE_OPS, name);
}

int net_op_parse(const char *name)
{
	return find(net_ops, NET_OPS, name);
}
