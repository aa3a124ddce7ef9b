/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "policy/parse.h"

#define OWNER_MAX 255u /* characters of one owner, OWNER_BYTES and what a chain has room for */

static bool all_of(const char *text, const char *more)
{
	for (; *text; text++)
		if (!(isascii(*text) && isalnum((unsigned char)*text)) && !strchr(more, *text))
			return false;
	return true;
}

bool number_parse(const char *text, size_t len, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;

	if (!len || (len > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(text[i] - '0');
		if (v > max)
			return false;
	}
	*value = v;
	return true;
}

/* Names become file names, options and words in a log: none looks like "..", "-x" or two words. */
bool policy_name_ok(const char *text)
{
	return *text && strlen(text) <= POLICY_NAME_MAX && !strchr(".-", *text) && all_of(text, "._-");
}

bool check_name(struct reader *r, const struct node *node, const char *what)
{
	const char *text = scalar(r, node, what);

	if (!text)
		return false;
	if (strlen(text) > POLICY_NAME_MAX) {
		mistake(r, node, NULL, "%s is longer than %u characters", what, POLICY_NAME_MAX);
		return false;
	}
	if (!policy_name_ok(text)) {
		mistake(r, node, "letters, digits, '.', '_' and '-', beginning with a letter, digit or '_'",
			"%s cannot be '%s'", what, text);
		return false;
	}
	return true;
}

static bool uid_ok(const char *who)
{
	uint64_t uid;

	if (strcmp(who, "*") == 0)
		return true;
	if (strspn(who, "0123456789") == strlen(who))
		return number_parse(who, strlen(who), UINT32_MAX - 1, &uid); /* (uid_t)-1 is nobody's */
	return *who != '-' && all_of(who, "._-@+$");
}

static bool oidc_ok(const char *who)
{
	return *who && !strchr(who, ' ');
}

static bool ssh_ok(const char *who)
{
	return strncmp(who, "SHA256:", 7) == 0 && who[7] && all_of(who + 7, "+/=");
}

static const struct {
	const char *prefix;
	bool (*ok)(const char *who);
} forms[] = {{"uid:", uid_ok}, {"oidc:", oidc_ok}, {"ssh:", ssh_ok}};

bool check_owner(struct reader *r, const struct node *node)
{
	if (strlen(node->text) > OWNER_MAX) {
		mistake(r, node, NULL, "an owner is longer than %u characters", OWNER_MAX);
		return false;
	}
	for (size_t i = 0; i < COUNT(forms); i++) {
		size_t len = strlen(forms[i].prefix);

		if (strncmp(node->text, forms[i].prefix, len) == 0 && forms[i].ok(node->text + len))
			return true;
	}
	mistake(r, node, "write uid:NAME, uid:1000, uid:* for any local user, oidc:... or ssh:SHA256:...",
		"'%s' names no owner", node->text);
	return false;
}

void check_api(struct reader *r, const struct node *node)
{
	const char *text = scalar(r, node, "apiVersion");

	if (text && strcmp(text, API_VERSION) != 0)
		mistake(r, node, "write 'apiVersion: " API_VERSION "'", "unknown apiVersion '%s'", text);
}
