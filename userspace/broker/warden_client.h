/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the broker asks of the warden. Each call sends one request, waits for its one reply, and returns the
 * warden's error or a -errno of the socket: -EPIPE the warden is gone, -EPROTO it made no sense.
 */
#ifndef DEPUTY_WARDEN_CLIENT_H
#define DEPUTY_WARDEN_CLIENT_H

#include "common/msg.h"

struct warden_tag {
	uint32_t slot; /* 0: untagged */
	uint32_t gen;
};

struct warden_peer {
	struct warden_tag tag;
	uint32_t tgid;
	uint32_t threads;
};

struct warden_load {
	int cells;		  /* sealed memfd of the table */
	uint32_t flags;		  /* SLOT_* */
	uint64_t expires;	  /* CLOCK_BOOTTIME ns */
	struct warden_tag parent; /* of the grant that delegates, or zeros */
};

/* Who is behind a connection. */
int warden_peer(int warden, int connection, struct warden_peer *peer);
int warden_load(int warden, const struct warden_load *load, struct warden_tag *tag);
/* -EEXIST: tagged already; -EBUSY: it has threads; -EMLINK: it shares its descriptors; -EUSERS: its
 * memory; -EBADFD: it has a ring. */
int warden_tag(int warden, int connection, struct warden_tag tag, uint32_t flags);
/* `flags`: SLOT_KILL or 0. */
int warden_revoke(int warden, struct warden_tag tag, uint32_t flags);
/* Keeps the bytes of a sealed memfd for the next broker, in place of those before. -ENOSPC: the disk is full.
 */
int warden_record(int warden, struct warden_tag tag, int record);
/* CLOCK_BOOTTIME ns. -ESTALE: it or one above it has ended. */
int warden_renew(int warden, struct warden_tag tag, uint64_t expires);
/* The cells of a grant's table, in a sealed memfd that is the caller's. */
int warden_table(int warden, struct warden_tag tag, int *cells);
/* The signing keys, in a pipe that is the caller's, after what time and KEYS_* call for. -ENOSPC: there is no
 * room for another one. */
int warden_keys(int warden, uint32_t flags, int *keys);
/* -EBUSY: tasks carry the tag, or a grant that it delegated holds a slot. */
int warden_release(int warden, struct warden_tag tag);

#endif
