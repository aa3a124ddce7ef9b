/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3339 times in the one spelling that we write: whole seconds, UTC, "2026-11-23T20:14:05Z". */
#ifndef DEPUTY_DATE_TIME_H
#define DEPUTY_DATE_TIME_H

#include <stdint.h>

#define DATE_TIME_LEN 20u

/* Seconds since the epoch, from 0 to JWT_TIME_MAX. -ERANGE outside. */
int date_time_format(int64_t seconds, char text[DATE_TIME_LEN + 1]);
/* -EBADMSG: any other spelling, or no such time (a leap second is none either). */
int date_time_parse(const char *text, int64_t *seconds);

#endif
