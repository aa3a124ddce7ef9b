/* SPDX-License-Identifier: Apache-2.0 */
#include "common/utf8.h"

/* By lead byte: how many bytes follow, and the range of the first of them (Unicode 15, table 3-7). */
static const struct utf8_lead {
	unsigned char first, last, tail, low, high;
} utf8_leads[] = {
	{0x00, 0x7f, 0, 0x00, 0x00}, {0xc2, 0xdf, 1, 0x80, 0xbf}, {0xe0, 0xe0, 2, 0xa0, 0xbf},
	{0xe1, 0xec, 2, 0x80, 0xbf}, {0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf},
	{0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf}, {0xf4, 0xf4, 3, 0x80, 0x8f},
};

static const struct utf8_lead *utf8_lead(unsigned char byte)
{
	for (size_t i = 0; i < sizeof(utf8_leads) / sizeof(utf8_leads[0]); i++)
		if (byte >= utf8_leads[i].first && byte <= utf8_leads[i].last)
			return &utf8_leads[i];
	return NULL;
}

size_t utf8_length(const char *bytes, size_t len)
{
	const unsigned char *b = (const unsigned char *)bytes;
	const struct utf8_lead *lead = len ? utf8_lead(b[0]) : NULL;

	if (!lead || lead->tail >= len)
		return 0;
	if (lead->tail && (b[1] < lead->low || b[1] > lead->high))
		return 0;
	for (size_t i = 2; i <= lead->tail; i++)
		if (b[i] < 0x80 || b[i] > 0xbf)
			return 0;
	return lead->tail + 1u;
}

bool utf8_valid(const char *bytes, size_t len)
{
	size_t step;

	for (size_t i = 0; i < len; i += step) {
		step = utf8_length(bytes + i, len - i);
		if (!step)
			return false;
	}
	return true;
}
