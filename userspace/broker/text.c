/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/text.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

size_t text_cut(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max && ((unsigned char)text[max] & 0xc0) == 0x80) /* a continuation byte would come next */
		max--;
	return max;
}

void text_copy(char *to, size_t size, const char *text)
{
	size_t n = text_cut(text, strlen(text), size - 1);

	memcpy(to, text, n);
	to[n] = '\0';
}

void text_time(int64_t seconds, char time[TIME_BYTES])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(time, TIME_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void text_ttl(uint64_t ns, char ttl[TIME_BYTES])
{
	unsigned long long s = ns / 1000000000;
	unsigned long long unit = s % 3600 == 0 ? 3600 : s % 60 == 0 ? 60 : 1;

	snprintf(ttl, TIME_BYTES, "%llu%c", s / unit, unit == 3600 ? 'h' : unit == 60 ? 'm' : 's');
}
