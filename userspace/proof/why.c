/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/why.h"

#include <stdarg.h>
#include <stdio.h>

int why_set(struct why *why, int err, const char *format, ...)
{
	va_list ap;

	if (!why)
		return err;
	va_start(ap, format);
	vsnprintf(why->text, sizeof(why->text), format, ap);
	va_end(ap);
	return err;
}

int why_prefix(struct why *why, int err, const char *format, ...)
{
	struct why was, where;
	va_list ap;

	if (!why)
		return err;
	was = *why;
	va_start(ap, format);
	vsnprintf(where.text, sizeof(where.text), format, ap);
	va_end(ap);
	snprintf(why->text, sizeof(why->text), "%s: %s", where.text, was.text);
	return err;
}
