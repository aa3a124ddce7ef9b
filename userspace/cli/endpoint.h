/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_CLI_ENDPOINT_H
#define DEPUTY_CLI_ENDPOINT_H

#include <stdint.h>

#include "common/types.h"

/* "192.0.2.1:443" or "[2001:db8::1]:443"; *addr as the kernel side has it. -EINVAL. */
int endpoint_parse(const char *text, struct cell_addr *addr, uint16_t *port);

#endif
