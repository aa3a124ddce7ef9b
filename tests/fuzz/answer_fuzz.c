/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's answers as libdeputy takes them apart: what is taken is within what came. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lib_answer a = {.text = malloc(size + 1)};

	if (!a.text)
		return 0;
	memcpy(a.text, data, size);
	if (!lib_answer_parse(&a, size) &&
	    (a.body < a.text || a.body + a.size != a.text + size || a.status < 0 || a.status > 999))
		abort();
	free(a.text);
	return 0;
}
