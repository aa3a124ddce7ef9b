// SPDX-License-Identifier: GPL-2.0-only
/* What a later build might have that this one has not: a hook and a map (other-builds). */
#include "emit.h"

char LICENSE[] __weak SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} later_seen SEC(".maps");

extern int guard_refuse(__u32 op, __u32 detail);

SEC("lsm/task_getscheduler")
int BPF_PROG(later_getscheduler, struct task_struct *task)
{
	__u32 zero = 0;
	__u64 *seen;

	if (!caller_tag())
		return 0;
	seen = bpf_map_lookup_elem(&later_seen, &zero);
	if (seen)
		__sync_fetch_and_add(seen, 1);
	return verdict_errno(guard_refuse(GUARD_PERSONALITY, 0));
}
