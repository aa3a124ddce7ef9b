/* SPDX-License-Identifier: GPL-2.0-only */
/* What is Deputy's own: closed to every tagged task, whatever its policy grants. */
#ifndef DEPUTY_WARD_H
#define DEPUTY_WARD_H

#include "kernel.h"

struct object;

/* What no policy can grant on an inode of its own: a mask as in struct ward. `place`: see WARD_PLACE(). */
extern int ward_leaf(__u64 ino, __u64 place);

/* The same of what the object is beneath, into o->dirs, and of a process behind proc. 0, or -1: too deep. */
extern int ward_dirs(struct object *o);

/* Both of an inode of which no path is known, as in o->leaf. */
extern int ward_inode(__u64 inode);

/* Wards an object for the warden, and marks the way to it. masks: tree << 16 | self. 0 or -errno. */
extern int ward_raise(__u64 dentry, __u64 mnt, __u32 start, __u32 masks);

#define WARD_PLACE(dev, generation) ((__u64)(dev) << 32 | (generation))

#endif
