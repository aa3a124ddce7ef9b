/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/chain_text.h"

#include <string.h>

#include "cli/print.h"

#define DIGEST_SHOWN 19 /* "sha256:" and 12 digits: enough to tell two apart by eye */
#define KID_SHOWN    10

static const char *const scopes[] = {[CHAIN_NAMED] = "named", [CHAIN_PROVEN] = "proven"};

static void text_print(FILE *out, const char *text)
{
	print_safe(out, text, strlen(text));
}

static void owner_print(FILE *out, const struct link_terms *t)
{
	for (uint32_t i = 0; i < t->assurance_count; i++) {
		fputs(i ? ", " : "  (proven by ", out);
		text_print(out, t->assurance[i].name);
		fputc(' ', out);
		text_print(out, t->assurance[i].value);
	}
	fputs(")\n", out);
}

static void policy_print(FILE *out, const char *before, const struct link_terms *t)
{
	fputs(before, out);
	text_print(out, t->policy);
	fprintf(out, " %.*s", DIGEST_SHOWN, t->policy_digest);
}

static void link_print(FILE *out, const struct chain_link *l, int64_t now, bool colour)
{
	char left[16];

	print_duration(l->terms.exp - now, left);
	fprintf(out, "%*s└─ ", 3 * (int)l->depth + 3, "");
	print_colour(out, colour, BOLD);
	text_print(out, l->terms.id);
	print_colour(out, colour, PLAIN);
	fputs("  ", out);
	text_print(out, l->terms.purpose);
	fprintf(out, "  %s left  key %.*s  table %.*s", left, KID_SHOWN, l->terms.holder.kid, DIGEST_SHOWN,
		l->terms.table);
	if (l->terms.policy_within)
		policy_print(out, "  own policy ", &l->terms);
	fputc('\n', out);
}

void chain_print(FILE *out, const struct chain_report *report, int64_t now, bool colour)
{
	const struct link_terms *root = &report->link[0].terms;

	print_colour(out, colour, BOLD);
	text_print(out, root->owner);
	print_colour(out, colour, PLAIN);
	owner_print(out, root);
	policy_print(out, "└─ policy ", root);
	fputc('\n', out);
	for (size_t i = 0; i < report->count; i++)
		link_print(out, &report->link[i], now, colour);
	if (report->count > 1)
		fprintf(out, "scopes: %s\n",
			report->scopes == CHAIN_PROVEN
				? "proven, each link's are within those of the link above"
				: "named, not proven: that takes the policies that the links name (--policy)");
}

json_t *chain_json(const struct chain_report *report)
{
	json_t *links = json_array();

	for (size_t i = 0; links && i < report->count; i++)
		if (json_array_append_new(links, chain_claims(report, i)))
			return json_decref(links), NULL;
	return json_pack("{s:o, s:s, s:o}", "links", links, "scopes", scopes[report->scopes], "act",
			 chain_act(report));
}

void chain_problem(const struct chain_report *report, char *text, size_t size)
{
	bool whole = report->why == CHAIN_LENGTH, named = report->why == CHAIN_CLAIMS && *report->claim;

	if (whole)
		snprintf(text, size, "%s", chain_why_text(report->why));
	else
		snprintf(text, size, "link %zu: %s%s%s", report->at + 1, chain_why_text(report->why),
			 named ? ": " : "", named ? report->claim : "");
}
