/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_UTF8_H
#define DEPUTY_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Length (1..4) of the UTF-8 sequence at `bytes`, 0 when it is none: overlong forms, surrogates and code
 * points past U+10FFFF included. */
size_t utf8_length(const char *bytes, size_t len);
bool utf8_valid(const char *bytes, size_t len);

#endif
