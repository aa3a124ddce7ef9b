/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the three roles of deputyd say to each other: fixed-size structs over SOCK_SEQPACKET pairs, so
 * that nothing is parsed. A message of another size or type is a bug or an attack; the receiver drops the
 * connection and the daemon ends (enforcement stays). Strings are NUL-terminated within their arrays.
 */
#ifndef DEPUTY_MSG_H
#define DEPUTY_MSG_H

#include <stddef.h>
#include <stdint.h>

/* Descriptors a role is started with. */
enum role_fd {
	FD_WARDEN = 3, /* broker: socketpair to the warden */
	FD_PEER,       /* broker <-> recorder */
	FD_LISTEN,     /* broker: the listening unix socket */
	FD_KEY,	       /* broker: a pipe with the signing keys (token/secret_ring.h), read once */
	FD_LOG,	       /* recorder: events.jsonl, append and read; broker: the same, read-only */
	FD_CONTROL,    /* struct control map, mapped read-only and closed */
	FD_SLOTS,      /* slots map, likewise (broker) */
	FD_RING,       /* recorder: the event ring */
	FD_RECORDS,    /* broker: the directory of the grants' records, read once at its start */
	FD_READY,      /* a role writes one byte here when it is up, before it drops nothing more */
};

#define ID_BYTES    24 /* grant id: 'g' and 16 lower-case base32 characters */
#define TEXT_BYTES  256
#define OWNER_BYTES 256 /* of an owner's name as policies and chains have it, and NUL */

/* ---- broker -> warden; each is answered by one warden_reply, in order ---- */
enum warden_op {
	WARDEN_PEER = 1, /* + connection: which tag does the peer carry? */
	WARDEN_LOAD,	 /* + memfd of a table: take a slot for a new grant and load it */
	WARDEN_TAG,	/* + connection: put slot/gen on the peer; it must be single-threaded, and untagged or
			   under slot/gen's parent */
	WARDEN_REVOKE,	/* slot/gen and all beneath; flags = SLOT_KILL to kill the tasks too */
	WARDEN_RELEASE, /* give the slot back with its record; -EBUSY while tasks carry the tag or a grant
			   that it delegated holds a slot */
	WARDEN_RECORD,	/* + memfd: what the next broker needs to answer for slot/gen, kept word for word */
	WARDEN_TABLE,	/* answered with a sealed memfd: the cells of slot/gen */
	WARDEN_KEYS, /* answered with a pipe: the signing keys after what time and `flags` call for, KEYS_* */
	WARDEN_RENEW, /* slot/gen, which lives, goes on until `expires` */
	WARDEN_OPS
};

#define WARDEN_TAG_THREAD 1u /* only the thread that connected, which has a tag already */

#define RECORD_BYTES (20u << 20) /* of one such record */

#define KEYS_ROTATE 1u /* root wants another key to sign, whether or not it is due */
#define KEYS_FORGET 2u /* no grant needs the oldest key */

struct warden_request {
	uint32_t op;
	uint32_t slot;
	uint32_t gen;
	uint32_t flags;	  /* WARDEN_LOAD: SLOT_*; WARDEN_REVOKE: SLOT_KILL or 0; WARDEN_TAG: WARDEN_TAG_* */
	uint64_t expires; /* WARDEN_LOAD, WARDEN_RENEW: CLOCK_BOOTTIME ns */
	uint32_t parent;  /* WARDEN_LOAD: slot of the parent grant or 0 */
	uint32_t parent_gen;
};

struct warden_reply {
	int32_t error; /* 0 or -errno; -EEXIST: the peer is tagged; -EBUSY: it has threads or tasks remain;
			  -EMLINK: it shares its descriptors; -EUSERS: its memory; -EBADFD: it has
			  a ring */
	uint32_t slot; /* PEER: 0 = untagged */
	uint32_t gen;
	uint32_t tgid; /* PEER, TAG: of the peer as the initial pid namespace counts */
	uint32_t threads;
	uint32_t reserved;
};

/* ---- broker -> recorder ---- */
enum record_op {
	RECORD_GRANT = 1, /* + memfd: rule labels in order of rule number, each ended by NUL. Before the tag
			     is put on */
	RECORD_NOTE,	  /* something happened to a grant or to the daemon */
	RECORD_BEGIN,	  /* every grant of before is announced: its waiting events will find their names */
};

enum note {
	NOTE_MINTED,
	NOTE_REVOKED,
	NOTE_EXPIRED,
	NOTE_ENDED,
	NOTE_REFUSED,
	NOTE_STARTED,
	NOTE_STOPPED,
	NOTE_ADOPTED,
	NOTE_ISSUED,   /* an outside token */
	NOTE_REDEEMED, /* one for a single use, or a ticket */
	NOTE_KEYS,
	NOTE_RENEWED,
	NOTES
};

struct record_message {
	uint32_t op;
	uint32_t note; /* enum note */
	uint32_t slot; /* 0: about the daemon, or a request that got no grant */
	uint32_t gen;
	char grant[ID_BYTES];
	char parent[ID_BYTES];	 /* empty: the owner's own */
	char owner[OWNER_BYTES]; /* "uid:1000" */
	char user[40];		 /* "alice", for people to read */
	char purpose[72];
	char policy[72];
	char digest[72];       /* "sha256:<hex>" of the policy's exact text */
	char chain[72];	       /* "sha256:<hex>" of the signed token */
	char text[TEXT_BYTES]; /* RECORD_NOTE: what happened, for people */
};

/* ---- recorder -> broker ---- */
enum report_op {
	REPORT_GREW = 1, /* the log now holds `size` bytes of whole lines */
	REPORT_EMPTY,	 /* the last task of slot/gen is gone */
};

struct report {
	uint32_t op;
	uint32_t slot;
	uint32_t gen;
	uint32_t reserved;
	uint64_t size;
};

/* Sends or receives one whole message with at most one descriptor (-1: none). 0 or -errno; receiving: -EPIPE
 * at the end of the stream, -EPROTO on a message of another size. The caller owns a received descriptor. */
int msg_send(int fd, const void *msg, size_t size, int pass);
int msg_recv(int fd, void *msg, size_t size, int *passed);

#endif
