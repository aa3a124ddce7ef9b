/* SPDX-License-Identifier: Apache-2.0 */
/* jcs_dump(): what it writes parses to the same value, and is its own canonical text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "token/jcs.h"

#define FLAGS (JSON_DECODE_ANY | JSON_REJECT_DUPLICATES)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *value = json_loadb((const char *)data, size, FLAGS | JSON_ALLOW_NUL, NULL), *back;
	char *text, *again;
	size_t len;
	int err = value ? jcs_dump(value, &text, &len) : -1;

	json_decref(value);
	if (err)
		return 0;
	if (strlen(text) != len)
		abort();
	/* a real past 2^53 comes back as an integer, which is refused then, or past 2^63, which does not
	 * parse */
	back = json_loadb(text, len, FLAGS | JSON_ALLOW_NUL, NULL);
	if (back && jcs_dump(back, &again, &len) == 0) {
		if (strcmp(text, again) != 0)
			abort();
		free(again);
	}
	json_decref(back);
	free(text);
	return 0;
}
