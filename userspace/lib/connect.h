/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_LIB_CONNECT_H
#define DEPUTY_LIB_CONNECT_H

#define LIB_WAIT_SECONDS 30 /* what the daemon gives a request */

/* Async-signal-safe. Each recv(2) waits so long at most. -errno of connect(2); the caller closes *fd. */
int lib_connect(const char *path, int *fd);

#endif
