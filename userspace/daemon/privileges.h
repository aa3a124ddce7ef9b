/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_PRIVILEGES_H
#define DEPUTY_PRIVILEGES_H

/* Becomes `user` (nobody, said on stderr, where there is none) for good: no groups, no capabilities, none to
 * be gained, no core, not traceable by its own user. 0 or -errno; on error nothing may be served. */
int privileges_drop(const char *user);

#endif
