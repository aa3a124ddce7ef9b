/* SPDX-License-Identifier: Apache-2.0 */
#include "token/date_time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "token/jwt.h"

int date_time_format(int64_t seconds, char text[DATE_TIME_LEN + 1])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (seconds < 0 || seconds > JWT_TIME_MAX || !gmtime_r(&t, &tm))
		return -ERANGE;
	return strftime(text, DATE_TIME_LEN + 1, "%Y-%m-%dT%H:%M:%SZ", &tm) == DATE_TIME_LEN ? 0 : -ERANGE;
}

int date_time_parse(const char *text, int64_t *seconds)
{
	char again[DATE_TIME_LEN + 1];
	struct tm tm = {0};
	int64_t t;

	if (strlen(text) != DATE_TIME_LEN || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ", &tm.tm_year, &tm.tm_mon,
						    &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6)
		return -EBADMSG;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	t = timegm(&tm);
	/* 31 February, signs, spaces and whatever else sscanf() lets pass is not what this time is written
	 * as. */
	if (date_time_format(t, again) || strcmp(text, again) != 0)
		return -EBADMSG;
	*seconds = t;
	return 0;
}
