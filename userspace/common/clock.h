/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_CLOCK_H
#define DEPUTY_CLOCK_H

#include <stdint.h>

/* CLOCK_BOOTTIME in ns, which every life is counted by: it runs on through suspend, and no clock jump moves
 * it. */
uint64_t clock_boottime(void);

#endif
