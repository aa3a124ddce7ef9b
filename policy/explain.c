/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel would decide, by the code with which it decides. */
#include <errno.h>

#include "policy/decide_env.h"

static void answer(const struct table *table, struct verdict v, struct policy_answer *a)
{
	a->action = v.action;
	a->rule = v.rule && v.rule <= table->rule_count ? table->rules[v.rule - 1] : NULL;
}

/* A name that some file may have. */
static int component_check(const char *name, size_t len)
{
	if (len > NAME_BYTES)
		return -ENAMETOOLONG;
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')) ? -EINVAL : 0;
}

int policy_explain_path(const struct table *table, enum file_op op, const char *path, struct policy_answer *a)
{
	__u32 at = decide_start(table);
	size_t len;

	if (*path != '/' || (unsigned)op >= FILE_OPS)
		return -EINVAL;
	for (path += strspn(path, "/"); *path; path += len + strspn(path + len, "/")) {
		int ret;

		len = strcspn(path, "/");
		ret = component_check(path, len);
		if (ret)
			return ret;
		at = decide_step(table, at, name_at(path), (__u32)len);
	}
	answer(table, decide_file(table, at, op), a);
	return 0;
}

int policy_explain_addr(const struct table *table, enum net_op op, const struct cell_addr *addr,
			uint16_t port, struct policy_answer *a)
{
	if ((unsigned)op >= NET_OPS)
		return -EINVAL;
	answer(table, decide_net(table, op, addr->hi, addr->lo, port), a);
	return 0;
}

int policy_explain_privilege(const struct table *table, unsigned bit, struct policy_answer *a)
{
	struct verdict v = {ACT_DENY, 0};

	if (bit >= PRIV_CAPABILITIES && bit != PRIV_USERNS)
		return -EINVAL;
	if (decide_privilege(table, bit))
		v.action = ACT_ALLOW;
	answer(table, v, a);
	if (table->privileges[bit])
		a->rule = table->rules[table->privileges[bit] - 1];
	return 0;
}

int policy_explain_socket(const struct table *table, enum socket_kind kind, struct policy_answer *a)
{
	if ((unsigned)kind >= SOCKET_KINDS)
		return -EINVAL;
	a->action = decide_socket(table, kind) ? ACT_ALLOW : ACT_DENY;
	a->rule = NULL;
	return 0;
}
