/* SPDX-License-Identifier: Apache-2.0 */
/* The fixed-width kernel types, then the ABI written in them. */
#ifndef DEPUTY_TYPES_H
#define DEPUTY_TYPES_H

#include <linux/types.h>

#include "../../bpf/abi.h"

#endif
