/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every map. Weak, because each family's object has them and `bpftool gen object` links them.
 */
#ifndef DEPUTY_MAPS_H
#define DEPUTY_MAPS_H

#include "kernel.h"

#define RING_BYTES    (4u << 20)
#define SCRATCH_SLOTS 64u
#define CACHE_DIRS    16384u

/*
 * task_struct address -> tag. A preallocated hash and not task storage: on 6.1 a storage look-up may find
 * nothing for a tagged task while another program on the CPU is inside storage code, and nothing means
 * untagged. task_free empties the entry before the memory can serve another task.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TASKS_MAX);
	__type(key, __u64);
	__type(value, struct tag);
} tags __weak SEC(".maps");

/* Address of a kern_ipc_perm or user_namespace -> the grant that made it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OWNED_MAX);
	__type(key, __u64);
	__type(value, struct owner);
} owned __weak SEC(".maps");

/* Keys by themselves: not every kernel says when one goes, so the entries used longest ago make room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, OWNED_MAX);
	__type(key, __u64);
	__type(value, struct owner);
} owned_keys __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct slot);
} slots __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct control);
} control __weak SEC(".maps");

struct table_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags,
	       BPF_F_INNER_MAP | BPF_F_MMAPABLE); /* tables differ in size; the warden copies them in */
	__uint(key_size, sizeof(__u32));	  /* by size: libbpf 1.1 cannot link typed inner maps */
	__uint(value_size, sizeof(union cell));
};

/* slot -> policy table */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SLOTS_MAX);
	__type(key, __u32);
	__array(values, struct table_map);
} tables __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} events __weak SEC(".maps");

/* Where an event with its path is put together. Claimed by `busy`: programs can be preempted. */
struct scratch {
	__u32 busy;
	__u32 used;
	struct event event;			/* path_len bytes of path follow */
	char path[EVENT_PATH + NAME_BYTES + 1]; /* the last component may begin at EVENT_PATH - 1 */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SCRATCH_SLOTS);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches __weak SEC(".maps");

/* The state that a directory's path leads to. Direct-mapped; see object.h for why it is never wrong. */
struct cached_dir {
	__u32 version; /* odd while it is written */
	__u32 state;
	__u64 mnt;
	__u64 ino;
	__u32 generation;
	__u32 slot;
	__u32 gen;
	__u32 renames;
	__u32 mounts;
	__u32 ward; /* what no policy can grant beneath the directory */
	__u32 reserved[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CACHE_DIRS);
	__type(key, __u32);
	__type(value, struct cached_dir);
} cache __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WARDS_MAX);
	__type(key, struct ward_key);
	__type(value, struct ward);
} wards __weak SEC(".maps");

/* The grant that made a socket, or accepted it. What a listener's clones inherit from it is right for them.
 */
struct maker {
	__u32 slot;
	__u32 gen;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct maker);
} makers __weak SEC(".maps");

/* On the end of a unix connection that is to be accepted: which thread made it, if not the first of its
 * process. */
struct connector {
	__u64 task;
	__u64 start; /* CLOCK_BOOTTIME, ns: with the address names the task for ever */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct connector);
} connectors __weak SEC(".maps");

static __always_inline struct control *control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

#endif
