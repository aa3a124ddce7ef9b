/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder of a daemon that died, where it neither ends nor lets go of the log. */
#ifndef DEPUTY_ORPHAN_H
#define DEPUTY_ORPHAN_H

#include <sys/types.h>

/*
 * Kills the recorder that holds the lock on `log`. To be called by who holds the state directory's lock: no
 * warden lives whose recorder this could be. Its pid, or 0 when nobody is proven to be it.
 */
pid_t orphan_kill(int log);

#endif
