/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/event_text.h"

#include <stdlib.h>
#include <string.h>

#include "cli/print.h"
#include "common/cleanup.h"

#define ID_SHOWN 8 /* characters of a grant's id: unique enough to be asked for */

static const struct {
	const char *verdict;
	enum colour colour;
} verdict_colours[] = {{"deny", RED}, {"hold", YELLOW}, {"allow", GREEN}};

static void field(FILE *out, const char *before, const char *text, const char *after)
{
	if (!*text)
		return;
	fputs(before, out);
	print_safe(out, text, strlen(text));
	fputs(after, out);
}

char *event_object(const json_t *event)
{
	const char *path = member_text(event, "path"), *addr = member_text(event, "addr");
	bool six = strchr(addr, ':');
	char *text;
	int n;

	if (*path)
		n = asprintf(&text, "%s", path);
	else if (*addr)
		n = asprintf(&text, "%s%s%s:%lld", six ? "[" : "", addr, six ? "]" : "",
			     member_number(event, "port"));
	else if (*member_text(event, "kind"))
		n = asprintf(&text, "%s socket", member_text(event, "kind"));
	else if (json_object_get(event, "family"))
		n = asprintf(&text, "family %lld type %lld protocol %lld", member_number(event, "family"),
			     member_number(event, "sock_type"), member_number(event, "protocol"));
	else if (json_object_get(event, "capability"))
		n = asprintf(&text, "%s", member_text(event, "capability"));
	else if (*member_text(event, "option_name"))
		n = asprintf(&text, "%s", member_text(event, "option_name"));
	else if (json_object_get(event, "signal_name"))
		n = asprintf(&text, "SIG%s", member_text(event, "signal_name"));
	else
		n = asprintf(&text, "%s", "");
	return n < 0 ? NULL : text;
}

static void verdict_text(FILE *out, const char *verdict, bool colour)
{
	enum colour c = PLAIN;

	for (size_t i = 0; i < sizeof(verdict_colours) / sizeof(verdict_colours[0]); i++)
		if (strcmp(verdict, verdict_colours[i].verdict) == 0)
			c = verdict_colours[i].colour;
	print_colour(out, colour, c);
	fprintf(out, " %-5.8s", verdict);
	print_colour(out, colour, PLAIN);
}

/* Of "2026-11-23T20:14:05.123456789Z" the time of day to the millisecond. */
static void time_text(FILE *out, const json_t *event)
{
	const char *time = member_text(event, "time"), *day = strchr(time, 'T');
	char safe[13];

	snprintf(safe, sizeof(safe), "%s", day ? day + 1 : "");
	field(out, "", safe, "");
}

static void why_text(FILE *out, const json_t *event)
{
	const char *verdict = member_text(event, "verdict"), *reason = member_text(event, "reason");
	const char *rule = member_text(event, "rule");

	field(out, "  ", member_text(event, "errno"), "");
	if (*rule)
		field(out, "  (", rule, ")");
	else if (strcmp(verdict, "deny") == 0)
		field(out, "  (", strcmp(reason, "rule") == 0 ? "no rule names it" : reason, ")");
}

static void who_text(FILE *out, const json_t *event)
{
	char id[ID_SHOWN + 1];

	field(out, "  ", member_text(event, "comm"), "");
	if (json_object_get(event, "pid"))
		fprintf(out, "[%lld]", member_number(event, "pid"));
	snprintf(id, sizeof(id), "%s", member_text(event, "grant"));
	field(out, "  ", id, "");
	field(out, " ", member_text(event, "user"), "");
}

void event_text(FILE *out, const json_t *event, bool colour)
{
	_cleanup_free_ char *object = event_object(event);

	time_text(out, event);
	verdict_text(out, member_text(event, "verdict"), colour);
	field(out, " ", member_text(event, "type"), "");
	field(out, " ", member_text(event, "op"), "");
	field(out, " ", object ? object : "", "");
	field(out, "  ", member_text(event, "text"), "");
	if (json_object_get(event, "count"))
		fprintf(out, " %lld events lost", member_number(event, "count"));
	field(out, ": ", member_text(event, "cause"), "");
	why_text(out, event);
	who_text(out, event);
	fputc('\n', out);
}
