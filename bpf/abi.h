/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the kernel side and userspace agree on: slots, tags, the policy table and events.
 * Nothing else is shared. Included after the fixed-width kernel types (__u8 ... __u64) exist.
 */
#ifndef DEPUTY_ABI_H
#define DEPUTY_ABI_H

#include "sockets.h"

/* ---- limits; each is named in the manual and tested at the limit and one past it ---- */
#define SLOTS_MAX    16384u  /* live grants on a host; slot 0 is never used */
#define TASKS_MAX    131072u /* tagged tasks on a host; past it a tagged fork fails with EAGAIN */
#define OWNED_MAX    32768u /* System V objects and user namespaces of all grants; past it making one fails */
#define CHAIN_MAX    8u	    /* links from a grant to its root */
#define TABLE_CELLS  (1u << 22) /* cells of one policy table (64 MiB) */
#define TABLE_RULES  65535u	/* rules of one table; 0 means "no rule" */
#define TABLE_GLOBS  8u		/* patterns with '*' inside a component that meet at one state */
#define TABLE_PROBES 8u		/* longest probe run in the edge hash; the compiler keeps to it */
#define NAME_BYTES   255u	/* NAME_MAX: one path component */
#define PATH_STEPS   4096u	/* components walked before an object counts as unreachable */
#define WARDS_MAX    1024u	/* inodes that are Deputy's own, or lead to them */
#define EVENT_PATH   8192u	/* path bytes carried by one event; longer ones are marked cut */

/* ---- operations ---- */
enum file_op {
	OP_READ,
	OP_WRITE,
	OP_EXEC,
	OP_CREATE,
	OP_DELETE,
	OP_LIST,
	OP_METADATA,
	OP_UNIX_CONNECT, /* connect or send to a unix socket bound at the path */
	FILE_OPS
};

enum net_op { NET_TCP_CONNECT, NET_TCP_BIND, NET_UDP_SEND, NET_UDP_BIND, NET_OPS };
#define NET_SOCKET NET_OPS /* in events: making a socket, decided by its kind */

/* Bits of cell_masks.privileges: the capabilities, and above them what is none. */
#define PRIV_CAPABILITIES 41u
#define PRIV_GRANTABLE                                                                                       \
	0x181084effbull /* the capabilities that a policy may name (parse_privilege.c says why) */
#define PRIV_USERNS 63u /* make user namespaces */

enum action { ACT_DENY, ACT_HOLD, ACT_ALLOW }; /* zeroed memory denies */

/* ---- slots: a grant's state in the kernel. An array map that the warden maps writable ---- */
enum slot_state { SLOT_FREE, SLOT_LIVE, SLOT_REVOKED };

#define SLOT_KILL	  1u /* revocation and expiry kill the tasks, not only their operations */
#define SLOT_AUDIT_CHANGE 2u /* record allowed writes, creates, deletes, execs and network use */
#define SLOT_AUDIT_ALL	  4u /* record every allowed operation */
#define SLOT_MAPPED                                                                                          \
	8u /* set by the kernel side: the end kills: any task may have a file mapped shared, or a queue open \
	    */

struct slot {
	__u32 gen;     /* a tag with another generation is stale and refused */
	__u32 state;   /* enum slot_state */
	__u64 expires; /* CLOCK_BOOTTIME, ns: runs on through suspend, no clock jump moves it. Moved on by the
			  warden (renewal), set to 0 by the first of all that finds it over: for ever */
	__u32 parent;  /* slot of the grant that this one narrows, 0 = the owner's own */
	__u32 parent_gen;
	__u32 flags; /* SLOT_* */
	__u32 tasks; /* tasks that carry the tag */
	__u64 denials;
	__u64 reserved[3];
};

/* ---- tag: what a task carries, in a hash keyed by the address of its task_struct ---- */
struct tag {
	__u32 slot; /* 0 = untagged: lets task_free disarm an entry that cannot be deleted just then */
	__u32 gen;
	__u64 seen;  /* revocation epoch << 16 | slot for which the ancestors were last found live */
	__u32 flags; /* TAG_*, of the whole process: in the tag of its first thread */
	__u32 whole; /* TAG_SPLIT, likewise: slot of a grant that those of all its threads are within */
};

#define TAG_MAPPED 1u /* has a file mapped shared: its grant's end kills it */
#define TAG_LENT   2u /* has, or had since it was executed, its memory in common with another process */
#define TAG_SPLIT  4u /* its threads, or who else has its memory, need not be of one grant */

/* Whose a System V object, key or user namespace is, in a hash keyed by its address. */
struct owner {
	__u32 slot; /* 0 = nobody's */
	__u32 gen;
};

/* Events that never reached the recorder, by cause. */
enum loss { LOSS_RING_FULL, LOSS_NO_SCRATCH, LOSSES };

/*
 * What a map's bytes mean. Moves with every change that programs of an older build, whose maps these may be,
 * would misread; maps of another size or type are noticed without it (pins.c).
 */
#define DEPUTY_ABI 2u

/* The one element of a mapped array. The warden writes epoch, abi and open_roads, the kernel side the rest.
 */
struct control {
	__u64 epoch;  /* moves after every revocation */
	__u64 tagged; /* tasks carrying any tag; 0 lets every hook return at once */
	__u64 abi;    /* DEPUTY_ABI. These three keep their places in every build: others read them */
	__u64 lost[LOSSES];
	__u64 open_roads; /* written by the warden at its start: bits of userspace/common/roads.c */
};

/*
 * ---- the policy table ----
 *
 * A compiled policy is one array of 16-byte cells, the same bytes in the kernel, in the unit tests and
 * in `deputy policy explain`. Cell indexes are absolute. Every part not found means deny.
 *
 * Paths run through a deterministic automaton over components: state `start` is "/", each component is
 * one step (decide.h). An edge is found by (state, hash of the name) and the name itself is compared, so
 * that no choice of names by an attacker can confuse two edges.
 */
#define TABLE_MAGIC 0x32545044u /* "DPT2" */

struct cell_head { /* cell 0 */
	__u32 magic;
	__u32 cells;	 /* size of the whole table; its last cell is a cell_masks */
	__u32 edge_base; /* first cell of the edge hash */
	__u32 edge_mask; /* its size - 1, a power of two less one */
};
struct cell_head2 {	 /* cell 1 */
	__u32 seed;	 /* of name_hash(); chosen so that no two edges of one state share a hash */
	__u32 start;	 /* state of "/" ; 0 = no path is granted */
	__u32 net_base;	 /* first of net_count intervals, two cells each, sorted by start */
	__u32 net_count; /* 0 = no address is granted */
};
struct cell_state {  /* a state is two cells: this and cell_rules; its number is the index of this one */
	__u32 other; /* next state for a name without an edge; 0 = dead: deny everything below */
	__u32 globs; /* first of nglobs cell_glob */
	__u16 nglobs;
	__u8 allow;  /* bit per file_op */
	__u8 hold;   /* bit per file_op; allow and hold both clear = deny */
	__u32 named; /* 1: names differ beneath, so that the spelling of one matters */
};
struct cell_rules {
	__u16 rule[FILE_OPS]; /* the rule that decided each operation, 0 = none names it */
};
struct cell_edge {
	__u32 from; /* state; 0 = empty cell, ends a probe run */
	__u32 hash; /* name_hash(); for a glob edge the mask of the globs that match */
	__u32 next;
	__u32 name; /* NAME_REF(first cell, length); 0 for a glob edge */
};
#define NAME_REF(cell, len) ((__u32)(cell) << 8 | (__u32)(len))
#define NAME_CELL(ref)	    ((ref) >> 8)
#define NAME_LEN(ref)	    ((ref) & 255u)

struct cell_glob {    /* prefix*suffix; either may be empty. Names shorter than both together do not match */
	__u32 prefix; /* NAME_REF or 0 */
	__u32 suffix; /* NAME_REF or 0 */
	__u32 reserved[2];
};
struct cell_addr { /* IPv6 in host order; IPv4 is ::ffff:a.b.c.d, so mapped addresses are the same address */
	__u64 hi;
	__u64 lo;
};
struct cell_ports {
	__u32 base;  /* first of count cell_port, sorted by lo, the first with lo = 0 */
	__u32 count; /* 0 = nothing granted in this interval */
	__u32 reserved[2];
};
struct cell_port {
	__u16 lo;   /* holds for ports lo .. next entry's lo - 1 */
	__u8 allow; /* bit per net_op */
	__u8 hold;
	__u32 reserved;
	__u16 rule[NET_OPS];
};
struct cell_masks {	  /* what is granted as such, not on an object */
	__u64 privileges; /* bit per capability(7), bit PRIV_* for what is none */
	__u64 sockets;	  /* bit per enum socket_kind */
};
union cell {
	__u8 b[16];
	__u64 d[2];
	struct cell_head head;
	struct cell_head2 head2;
	struct cell_state state;
	struct cell_rules rules;
	struct cell_edge edge;
	struct cell_glob glob;
	struct cell_addr addr;
	struct cell_ports ports;
	struct cell_port port;
	struct cell_masks masks;
};
_Static_assert(sizeof(union cell) == 16, "cells are 16 bytes");

/* ---- events: a fixed head, then for files `path_len` bytes of components, leaf first, each ended by NUL
 * ---- */
enum event_type { EV_FILE = 1, EV_NET, EV_TASK, EV_GUARD };

enum reason {
	WHY_RULE,	 /* a rule, or no rule, decided: see `rule` */
	WHY_REVOKED,	 /* the grant or one above it was revoked */
	WHY_EXPIRED,	 /* the grant's lifetime is over */
	WHY_STALE,	 /* the tag's slot was given to another grant, or cannot be read */
	WHY_WIDER,	 /* rename or link would have gained rights */
	WHY_FAMILY,	 /* a kind of socket that is not granted */
	WHY_UNREACHABLE, /* the object has no path from a root, or it is too deep */
	WHY_BUSY,	 /* renames kept moving the path; tried again too often */
	WHY_GUARDED,	 /* nothing can grant this (guard.bpf.c) */
	WHY_LIMIT,	 /* TASKS_MAX reached */
	WHY_SPELLING,	 /* names here have several spellings, and a rule depends on one */
	REASONS
};

enum task_event { TASK_TAGGED, TASK_FORK, TASK_EXEC, TASK_LAST_EXIT, TASK_MAP };

#define EVENT_CUT  1u /* the path is longer than EVENT_PATH: its first components are missing */
#define EVENT_ANON 2u /* on an internal mount: a memfd or pipe; the name is a description */
#define EVENT_LOST 4u /* no path leads to it from the caller's root */

struct event {
	__u64 time;	  /* CLOCK_BOOTTIME, ns */
	__u64 task_start; /* CLOCK_BOOTTIME, ns: with tgid names the process for ever */
	__u32 slot;
	__u32 gen;
	__u32 tgid;
	__u32 tid;
	__u32 ppid;
	__u32 uid;
	__u8 type;   /* enum event_type */
	__u8 op;     /* enum file_op, net_op, task_event or guard_op by type */
	__u8 action; /* enum action */
	__u8 reason; /* enum reason */
	__u16 rule;
	__u16 flags; /* EVENT_* */
	__s32 error; /* what the caller gets: 0 or -errno */
	__u16 path_len;
	__u16 port; /* host order */
	__u64 ino;
	__u64 addr_hi; /* as cell_addr */
	__u64 addr_lo;
	__u32 dev; /* kernel form: major << 20 | minor */
	union {
		__u32 family; /* WHY_FAMILY, NET_SOCKET: AF_*, type and protocol below */
		__u32 detail; /* EV_GUARD: what was asked for, see enum guard_op */
	};
	__u32 sock_type;
	__u32 protocol;
	char comm[16];
	/* path_len bytes follow */
};

/* What is no operation on an object. Reason WHY_RULE where a policy could grant it, else WHY_GUARDED. */
enum guard_op {
	GUARD_BPF,
	GUARD_MOUNT,
	GUARD_PTRACE,
	GUARD_SIGNAL,
	GUARD_SIGNAL_OWNER, /* fcntl(F_SETOWN): whom the kernel shall signal */
	GUARD_CAPABILITY,
	GUARD_PERSONALITY,    /* io_uring: credentials of another time */
	GUARD_USERNS,	      /* making a user namespace */
	GUARD_SYSV,	      /* shared memory, semaphores and queues of others */
	GUARD_KEY,	      /* keys of others, and asking root's programs for one */
	GUARD_SCHEDULING,     /* priority, limits, processor or group of another's task */
	GUARD_SOCKET_OPTION,  /* sockets.h, OPTION_TABLE; detail is the option, sock_type its level */
	GUARD_SOCKET_CONTROL, /* likewise of a control message */
	GUARD_NETLINK, /* more than asking: detail is the message's type, 0 when it is about whom it reaches
			*/
	GUARD_RING, /* io_uring: a thread of the kernel's that acts for a process whose threads have several
		       grants */
	GUARD_OPS
};

/*
 * ---- wards: what is Deputy's own, by inode as the kernel knows it; masks have a bit per file_op ----
 *
 * No policy can grant what a mask names. An entry is a ward (`self` for the object, `tree` for what is
 * beneath), a way to one (a directory that may not be moved from above it), or both. `ward` and `way` are
 * the start of a daemon that said so last, 0 = none did: what the next one does not say again goes.
 */
#define WARD_ALL     ((1u << FILE_OPS) - 1)
#define WARD_LINK    (1u << 13) /* another name for it */
#define WARD_PROGRAM (1u << 14) /* a process that runs it is as closed as its files */
#define WARD_OWN     (1u << 15) /* `self` of a ward, which decides and not that of a directory above */
_Static_assert(FILE_OPS <= 13, "masks of wards have room for every operation");

struct ward_key {
	__u64 ino;
	__u32 dev; /* kernel form; of the super block, not what stat(2) says */
	__u32 generation;
};
struct ward {
	__u16 self;
	__u16 tree;
	__u32 ward;
	__u32 way;
};

/*
 * ---- visit: how the warden finds the task behind a connection (task.bpf.c) ----
 *
 * VISIT_TAG binds a process, which has to be of one thread; VISIT_THREAD narrows the thread that connected,
 * be it one of many.
 */
enum visit_op { VISIT_READ, VISIT_TAG, VISIT_WARD, VISIT_THREAD };

struct visit {
	__u32 op;   /* in: enum visit_op */
	__u32 fd;   /* in: the connection, or what VISIT_WARD wards: a descriptor of the calling process */
	__u32 slot; /* VISIT_TAG, VISIT_THREAD in: the tag to put on; out: the tag found */
	__u32 gen;
	__u32 tgid;    /* out, as the initial namespace counts */
	__u32 threads; /* out */
	__s32 error; /* out: 0, -ESRCH peer gone, -EBUSY has threads, -EMLINK shares its descriptors, -EBADFD
		      has a ring, -EEXIST tagged already, -EAGAIN no room; of a ward -E2BIG, -ELOOP */
	struct ward ward; /* VISIT_WARD in */
	__u32 done;	  /* out: 1 when the connection was found at all */
};

#endif
