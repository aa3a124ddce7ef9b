/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_LIB_CONNECT_H
#define DEPUTY_LIB_CONNECT_H

#define LIB_WAIT_SECONDS 30 /* what the daemon gives a request */

/* Async-signal-safe. Each call on the socket, this one too, waits so long at most. -ETIMEDOUT: the daemon did
 * not take the connection in that time; -errno of connect(2). The caller closes *fd. */
int lib_connect(const char *path, int *fd);

#endif
