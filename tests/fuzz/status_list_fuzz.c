/* SPDX-License-Identifier: Apache-2.0 */
/* status_list_decode() on any JSON, and on any bytes in the place of the compressed list. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "token/base64url.h"
#include "token/status_list.h"

static void decode(const json_t *object)
{
	struct status_list list, again;
	json_auto_t *back = NULL;
	unsigned value;

	if (status_list_decode(object, &list))
		return;
	if (list.size > STATUS_LIST_BYTES_MAX ||
	    status_list_get(&list, list.size * 8 / list.bits, &value) == 0)
		abort();
	if (list.size &&
	    (status_list_get(&list, list.size * 8 / list.bits - 1, &value) || value >= 1u << list.bits))
		abort();
	if (status_list_encode(&list, &back) || status_list_decode(back, &again))
		abort();
	if (again.size != list.size || (list.size && memcmp(again.bytes, list.bytes, list.size) != 0))
		abort();
	status_list_clear(&list);
	status_list_clear(&again);
}

/* The fuzzer finds no checksums: with 'c' the bytes are what is to be compressed, cut short by what follows.
 */
static void forge(const uint8_t *data, size_t size)
{
	unsigned char bytes[8192];
	char text[BASE64URL_LEN(sizeof(bytes)) + 1];
	uLongf n = sizeof(bytes);
	json_auto_t *o = NULL;

	if (size < 3 || size > 4096)
		return;
	if (data[0] == 'c') {
		if (compress2(bytes, &n, data + 3, size - 3, data[1] % 10) != Z_OK)
			return;
		n -= data[2] % 8 < n ? data[2] % 8 : 0;
	} else {
		memcpy(bytes, data + 3, n = size - 3);
	}
	base64url_encode(bytes, n, text);
	o = json_pack("{s:i, s:s}", "bits", 1 << (data[1] & 3), "lst", text);
	decode(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_auto_t *o = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);

	decode(o);
	forge(data, size);
	return 0;
}
