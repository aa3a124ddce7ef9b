/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/advice.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/event_text.h"
#include "cli/print.h"
#include "cli/query.h"
#include "common/cleanup.h"

struct why {
	const char *last;
	json_t *events; /* what was found, oldest first */
	json_int_t seq; /* the event looked for, 0: all that come */
};

static void why_clear(struct why *w)
{
	json_decref(w->events);
}

static int why_line(const char *line, size_t len, void *arg)
{
	struct why *w = arg;
	json_t *event = json_loadb(line, len, 0, NULL);

	if (!w->seq || json_integer_value(json_object_get(event, "seq")) == w->seq)
		json_array_append_new(w->events, event);
	else
		json_decref(event);
	return w->seq && json_array_size(w->events) ? 1 : 0;
}

static void why_field(const char *name, const char *text)
{
	printf("%-9s", name);
	print_safe(stdout, text, strlen(text));
	putchar('\n');
}

static void why_print(const json_t *event, bool colour)
{
	_cleanup_free_ char *object = event_object(event), *rule = advice_rule(event), *what = NULL,
			    *who = NULL;
	const char *label = member_text(event, "rule"), *verdict = member_text(event, "verdict");

	if (asprintf(&what, "%s %s  (event %lld, %s)", member_text(event, "op"), object ? object : "",
		     member_number(event, "seq"), member_text(event, "time")) < 0 ||
	    asprintf(&who, "%s[%lld] under %s, %s of %s", member_text(event, "comm"),
		     member_number(event, "pid"), member_text(event, "grant"), member_text(event, "purpose"),
		     member_text(event, "user")) < 0)
		return;
	print_colour(stdout, colour, BOLD);
	why_field(strcmp(verdict, "deny") == 0 ? "refused" : *verdict ? verdict : "event", what);
	print_colour(stdout, colour, PLAIN);
	why_field("by", who);
	if (strcmp(verdict, "deny") != 0)
		return;
	why_field("errno", member_text(event, "errno"));
	why_field("rule", *label ? label : "none");
	why_field("because", advice_reason(event));
	if (rule)
		why_field("allow", rule);
}

static int why_print_all(const struct why *w, bool colour)
{
	const json_t *event;
	size_t i;

	json_array_foreach (w->events, i, event) {
		if (i)
			putchar('\n');
		why_print(event, colour);
	}
	return 0;
}

static int why_print_json(const struct why *w)
{
	json_auto_t *list = json_array(), *answer = json_pack("{s:O}", "refusals", list);
	json_t *event;
	size_t i;

	json_array_foreach (w->events, i, event) {
		_cleanup_free_ char *rule = advice_rule(event);

		json_array_append_new(list, json_pack("{s:O, s:s, s:s?}", "event", event, "because",
						      advice_reason(event), "allow", rule));
	}
	return print_json(answer);
}

static int why_ask(const struct cli *cli, struct why *w, const char *pid)
{
	const struct query query[] = {
		{"verdict", w->seq ? NULL : "deny"},
		{"pid", pid},
		{"tail", w->seq ? NULL : w->last},
		{0},
	};
	_cleanup_free_ char *path = query_path("/v1/events", query);

	return path ? client_stream(cli, path, why_line, w) : EX_OSERR;
}

/* A bare number is a process if that process was refused anything, else the number of an event. */
static int why_find(const struct cli *cli, struct why *w, const char *which)
{
	int code = 0;

	if (!which || *which != '#') {
		if (!w->last)
			w->last = which ? "1" : "5";
		code = why_ask(cli, w, which);
	}
	if (code || !which || json_array_size(w->events))
		return code;
	w->seq = atoll(which + (*which == '#'));
	return why_ask(cli, w, NULL);
}

static bool is_number(const char *text)
{
	size_t len = strspn(text, "0123456789");

	return len && len < 10 && !text[len] && atoll(text);
}

int cmd_why(struct cli *cli, int argc, char **argv)
{
	__attribute__((cleanup(why_clear))) struct why w = {.events = json_array()};
	const struct cli_option options[] = {
		{"last", "N", "how many refusals (1 of a process, 5 of all)", .text = &w.last},
		{0},
	};
	int code, first = cli_options(cli, argc, argv, options, false, &code);
	const char *which;

	if (first < 0)
		return code;
	which = argv[first]; /* argv ends with NULL */
	if (argc - first > 1 || (which && !is_number(which + (*which == '#'))) ||
	    (w.last && !is_number(w.last)))
		return cli_usage(cli, "one process id, or the number of an event (#N), is expected");
	code = why_find(cli, &w, which);
	if (code)
		return code;
	if (cli->json)
		return why_print_json(&w);
	if (json_array_size(w.events))
		return why_print_all(&w, cli->colour);
	cli_error("%s%s: no refusal recorded", which ? which : "", which ? "" : "nobody");
	return which ? EX_NOINPUT : 0;
}
