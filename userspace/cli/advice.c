/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/advice.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/print.h"
#include "common/cleanup.h"
#include "policy/policy.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define NO_RULE	   "no rule names it, and what no rule names is refused: add the rule below"
#define OTHER_RULE "a rule refuses it; the rule below names it more closely, and the closest one wins"
#define SAME_RULE  "a rule refuses exactly this, and deny wins over allow: that rule has to go"
#define NO_PRIVILEGE                                                                                         \
	"the grant has no such privilege, not even root's: add the line below if the agent cannot do without"
#define NO_SOCKET  "sockets of this kind cannot be granted: TCP, UDP, unix and those of deputy-policy(5) can"
#define NO_KIND	   "sockets other than TCP, UDP and unix are granted by their kind: add the rule below"
#define NAMELESS   "the other end is another's, and bound at no path that a rule could name"
#define NO_PATTERN "no rule can name it"

static const struct {
	const char *reason, *advice;
} reasons[] = {
	{"revoked", "the grant, or one above it, was revoked; a new one is to be had by `deputy run`"},
	{"expired",
	 "the grant's time is over; `deputy run --ttl` asks for more, up to what the purpose allows"},
	{"stale", "the grant of this task is no longer loaded; start it anew by `deputy run`"},
	{"wider",
	 "a rename or link would have given rights that the old place does not have; copy instead, or "
	 "grant both places the same"},
	{"unreachable", "no path from the root leads to it, or one too deep to follow; " NO_PATTERN},
	{"busy", "the path was renamed over and over while it was decided on; try again"},
	{"guarded", "no policy can grant this"},
	{"spelling",
	 "names in that directory have several spellings (it ignores case), and a rule is about one "
	 "of them; grant the whole directory, with no rule about names beneath it"},
	{"limit", "the host carries as many tagged tasks as it can; some have to end first"},
};

/* By type and operation: where the rule belongs and how it begins. NULL matches every operation. */
static const struct form {
	const char *type, *op, *section, *words, *object;
} forms[] = {
	{"file", "connect", "ipc", "allow: connect, ", "unix"},
	{"file", "exec", "exec", "", "allow"},
	{"file", NULL, "files", NULL, "path"},
	{"net", "connect", "network", "allow: connect, ", "cidr"},
	{"net", "send", "network", "allow: send, ", "cidr"},
	{"net", "bind", "network", "allow: bind, ", "cidr"},
	{"net", "udp-bind", "network", "allow: bind, proto: udp, ", "cidr"},
};

static const struct form *form_of(const json_t *event)
{
	const char *type = member_text(event, "type"), *op = member_text(event, "op");

	for (size_t i = 0; i < COUNT(forms); i++)
		if (strcmp(forms[i].type, type) == 0 && (!forms[i].op || strcmp(forms[i].op, op) == 0))
			return &forms[i];
	return NULL;
}

/* The path when it can stand in a rule: whole, and of the bytes that the file system has. */
static const char *literal_path(const json_t *event)
{
	const char *path = member_text(event, "path");
	bool partial = json_is_true(json_object_get(event, "cut")) ||
		       json_is_true(json_object_get(event, "anon")) ||
		       json_is_true(json_object_get(event, "escaped"));

	return *path == '/' && !partial ? path : NULL;
}

/* The pattern that matches this path and no other; the caller frees it. */
static char *literal_pattern(const char *path)
{
	char *pattern = malloc(2 * strlen(path) + 1), *to = pattern;

	while (pattern && *path) {
		if (strchr("*?[]{}\\$", *path))
			*to++ = '\\';
		*to++ = *path++;
	}
	if (pattern)
		*to = '\0';
	return pattern;
}

/* Plain where YAML reads it as the same text, else double-quoted. */
static void yaml_text(FILE *out, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@";

	if (*text == '/' && text[strspn(text, plain)] == '\0') {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			fprintf(out, "\\x%02x", (unsigned char)*text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static void net_object(FILE *out, const json_t *event)
{
	const char *addr = member_text(event, "addr");
	bool six = strchr(addr, ':');

	/* A flow mapping would take the colons of IPv6 for its own. */
	fprintf(out, "%s%s/%d%s, port: %lld", six ? "\"" : "", addr, six ? 128 : 32, six ? "\"" : "",
		member_number(event, "port"));
}

static bool by_rule(const json_t *event)
{
	return strcmp(member_text(event, "reason"), "rule") == 0;
}

/* Whether the rule that refused names this object and nothing else. */
static bool rule_is_literal(const json_t *event)
{
	const char *rule = member_text(event, "rule"), *path = literal_path(event);
	_cleanup_free_ char *pattern = path ? literal_pattern(path) : NULL;
	size_t rule_len = strlen(rule), len = pattern ? strlen(pattern) : 0;

	return len && rule_len > len && rule[rule_len - len - 1] == ' ' &&
	       strcmp(rule + rule_len - len, pattern) == 0;
}

static bool has_object(const json_t *event, const struct form *form)
{
	return strcmp(form->type, "file") == 0 ? literal_path(event) != NULL
					       : *member_text(event, "addr") != '\0';
}

static void rule_put(FILE *out, const json_t *event, const struct form *form, const char *pattern)
{
	fprintf(out, "%s: - {", form->section);
	if (form->words)
		fputs(form->words, out);
	else
		fprintf(out, "allow: [%s], ", member_text(event, "op"));
	fprintf(out, "%s: ", form->object);
	if (pattern)
		yaml_text(out, pattern);
	else
		net_object(out, event);
	fputc('}', out);
}

static bool is_privilege(const json_t *event)
{
	return strcmp(member_text(event, "type"), "guard") == 0;
}

/* A capability or user namespaces, when a policy could have granted it. */
static char *privilege_rule(const json_t *event)
{
	const char *capability = member_text(event, "capability");
	int cap = capability_parse(capability), n;
	char *text;

	if (strcmp(member_text(event, "op"), "user_namespace") == 0)
		return strdup("privileges: {user_namespaces: allow}");
	if (cap < 0 || capability_why_not((unsigned)cap))
		return NULL;
	n = asprintf(&text, "privileges: {capabilities: [%s]}", capability_name((unsigned)cap));
	return n < 0 ? NULL : text;
}

static bool by_kind(const json_t *event)
{
	return strcmp(member_text(event, "reason"), "family") == 0;
}

static const char *kind_advice(const json_t *event)
{
	const char *kind = member_text(event, "kind");

	if (strcmp(kind, "unix") == 0)
		return NAMELESS;
	return socket_kind_parse(kind) < 0 ? NO_SOCKET : NO_KIND;
}

static char *kind_rule(const json_t *event)
{
	const char *kind = member_text(event, "kind");
	char *text;

	if (socket_kind_parse(kind) < 0 || asprintf(&text, "network: - {allow: socket, kind: %s}", kind) < 0)
		return NULL;
	return text;
}

char *advice_rule(const json_t *event)
{
	const struct form *form = form_of(event);
	_cleanup_free_ char *pattern = NULL;
	char *text = NULL;
	size_t size;
	FILE *out;

	if (is_privilege(event) && by_rule(event))
		return privilege_rule(event);
	if (by_kind(event))
		return kind_rule(event);
	if (!form || !by_rule(event) || rule_is_literal(event) || !has_object(event, form))
		return NULL;
	if (strcmp(form->type, "file") == 0 && !(pattern = literal_pattern(literal_path(event))))
		return NULL;
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	rule_put(out, event, form, pattern);
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

const char *advice_reason(const json_t *event)
{
	const char *reason = member_text(event, "reason");
	const struct form *form = form_of(event);

	for (size_t i = 0; i < COUNT(reasons); i++)
		if (strcmp(reasons[i].reason, reason) == 0)
			return reasons[i].advice;
	if (by_rule(event) && is_privilege(event))
		return NO_PRIVILEGE;
	if (by_kind(event))
		return kind_advice(event);
	if (!by_rule(event) || !form)
		return "for a reason that this version does not know";
	if (rule_is_literal(event))
		return SAME_RULE;
	if (!has_object(event, form))
		return "its name cannot be written as a rule of its own; allow it by a pattern, or not at all";
	return *member_text(event, "rule") ? OTHER_RULE : NO_RULE;
}
