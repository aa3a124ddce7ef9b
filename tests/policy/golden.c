/* SPDX-License-Identifier: Apache-2.0 */
/*
 * golden [-u] DIR: reads each DIR/NAME.yaml and holds it against DIR/NAME.expect, which has
 *   for a policy with mistakes: their text, to the letter;
 *   for a good one: questions with their answers, and comments,
 *       PURPOSE OP OBJECT -> VERDICT FILE:LINE      OBJECT: /a/path, 192.0.2.7:443 or [2001:db8::1]:443,
 *                                                   or the OP "capability" with its name, "make
 * user_namespaces" FILE:LINE of the rule that decided, "-" for none Profiles are DIR/profiles/NAME.yaml. -u
 * writes the answers into the files instead: read the difference. Prints TAP; exits with 1 when anything
 * differs.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

static const struct policy_vars vars = {.workdir = "/work", .home = "/home/alice", .user = "alice"};

/* One file's policy, and the purpose compiled last: questions come in runs. */
struct subject {
	struct policy *policy;
	char purpose[POLICY_NAME_MAX + 1];
	struct table *table;
};

static char *slurp(const char *dir, const char *name, const char *suffix, size_t *len)
{
	char path[4096], *text = NULL;
	size_t room = 0;
	ssize_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s%s", dir, name, suffix);
	f = fopen(path, "re");
	if (!f)
		return NULL;
	n = getdelim(&text, &room, EOF, f);
	fclose(f);
	*len = n < 0 ? 0 : (size_t)n;
	return text;
}

static char *profile(const char *name, size_t *len, void *dir)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/profiles", (const char *)dir);
	return slurp(path, name, ".yaml", len);
}

static void errors_put(FILE *out, const struct policy_errors *errors)
{
	char text[sizeof(struct policy_error) + 64];

	for (size_t i = 0; i < errors->count; i++)
		if (policy_error_format(&errors->list[i], text, sizeof(text)) == 0)
			fprintf(out, "%s\n", text);
	if (errors->more)
		fprintf(out, "and %zu more\n", errors->more);
}

static bool table_for(struct subject *s, const char *purpose, FILE *out)
{
	struct policy_errors errors = {0};
	int err;

	if (s->table && strcmp(s->purpose, purpose) == 0)
		return true;
	table_free(s->table);
	s->table = NULL;
	err = policy_compile(s->policy, purpose, &vars, &errors, &s->table);
	snprintf(s->purpose, sizeof(s->purpose), "%s", purpose);
	if (err)
		fprintf(out, "cannot compile: %s\n", errors.count ? errors.list[0].what : strerror(-err));
	policy_errors_free(&errors);
	return !err;
}

/* "192.0.2.7:443" and "[2001:db8::1]:443" */
static bool object_addr(const char *object, struct cell_addr *addr, uint16_t *port)
{
	char text[1024], *colon, *host = text;
	uint64_t half[2] = {0, htobe64(0xffff00000000ull)};
	uint32_t v4;

	snprintf(text, sizeof(text), "%s", object);
	colon = strrchr(text, ':');
	if (!colon)
		return false;
	*port = (uint16_t)strtoul(colon + 1, NULL, 10);
	*colon = '\0';
	if (*host == '[') {
		host[strlen(host) - 1] = '\0';
		if (inet_pton(AF_INET6, host + 1, half) != 1)
			return false;
	} else if (inet_pton(AF_INET, host, &v4) == 1) {
		half[1] |= htobe64(ntohl(v4));
	} else {
		return false;
	}
	*addr = (struct cell_addr){.hi = be64toh(half[0]), .lo = be64toh(half[1])};
	return true;
}

static int ask(const struct table *table, const char *op, const char *object, struct policy_answer *a)
{
	bool path = object[0] == '/';
	int number = path ? file_op_parse(op) : net_op_parse(op);
	struct cell_addr addr;
	uint16_t port;

	if (strcmp(op, "capability") == 0)
		return policy_explain_privilege(table, (unsigned)capability_parse(object), a);
	if (strcmp(object, "user_namespaces") == 0)
		return policy_explain_privilege(table, PRIV_USERNS, a);
	if (strcmp(op, "socket") == 0)
		return policy_explain_socket(table, (enum socket_kind)socket_kind_parse(object), a);
	if (number < 0)
		return -EINVAL;
	if (path)
		return policy_explain_path(table, (enum file_op)number, object, a);
	if (!object_addr(object, &addr, &port))
		return -EINVAL;
	return policy_explain_addr(table, (enum net_op)number, &addr, port, a);
}

static void answer_put(struct subject *s, const char *question, FILE *out)
{
	static const char *const verdicts[] = {
		[ACT_DENY] = "deny", [ACT_HOLD] = "hold", [ACT_ALLOW] = "allow"};
	char purpose[POLICY_NAME_MAX + 1], op[32], object[1024];
	struct policy_answer a;

	if (sscanf(question, "%64s %31s %1023s", purpose, op, object) != 3) {
		fprintf(out, "no question\n");
		return;
	}
	if (!table_for(s, purpose, out))
		return;
	if (ask(s->table, op, object, &a))
		fprintf(out, "cannot ask\n");
	else
		fprintf(out, "%s %.*s\n", verdicts[a.action], a.rule ? (int)strcspn(a.rule, " ") : 1,
			a.rule ? a.rule : "-");
}

/* The expected file again, with answers as they are. */
static void answers_put(struct subject *s, char *expect, FILE *out)
{
	for (char *line = expect, *next; line && *line; line = next) {
		char *arrow;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		arrow = strstr(line, " -> ");
		if (*line == '#' || !*line) {
			fprintf(out, "%s\n", line);
			continue;
		}
		if (arrow)
			*arrow = '\0';
		fprintf(out, "%s -> ", line);
		answer_put(s, line, out);
	}
}

static char *render(const char *dir, const char *name, const char *expect)
{
	struct policy_errors errors = {0};
	struct subject s = {0};
	char file[300], *text, *copy, *got = NULL;
	size_t len = 0, got_len = 0;
	FILE *out = open_memstream(&got, &got_len);

	text = slurp(dir, name, ".yaml", &len);
	copy = strdup(expect);
	if (!out || !text || !copy)
		abort();
	snprintf(file, sizeof(file), "%s.yaml", name);
	if (policy_parse(file, text, len, profile, (void *)dir, &errors, &s.policy))
		errors_put(out, &errors);
	else
		answers_put(&s, copy, out);
	fclose(out);
	table_free(s.table);
	policy_free(s.policy);
	policy_errors_free(&errors);
	free(copy);
	free(text);
	return got;
}

/* The first line in which they differ. */
static void difference(const char *want, const char *got)
{
	size_t line = 1, start = 0;

	for (size_t i = 0; want[i] && want[i] == got[i]; i++) {
		if (want[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	printf("# line %zu\n# want: %.*s\n# got:  %.*s\n", line, (int)strcspn(want + start, "\n"),
	       want + start, (int)strcspn(got + start, "\n"), got + start);
}

static bool check(const char *dir, const char *name, bool update, unsigned number)
{
	size_t len;
	char *want = slurp(dir, name, ".expect", &len);
	char *got = render(dir, name, want ? want : "");
	bool same = want && strcmp(want, got) == 0;
	char path[4096];
	FILE *f;

	if (!same && update) {
		snprintf(path, sizeof(path), "%s/%s.expect", dir, name);
		f = fopen(path, "we");
		same = f && fputs(got, f) >= 0 && fclose(f) == 0;
	}
	printf("%sok %u - %s\n", same ? "" : "not ", number, name);
	if (!same)
		difference(want ? want : "", got);
	free(want);
	free(got);
	return same;
}

static int is_policy(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return dot && strcmp(dot, ".yaml") == 0;
}

int main(int argc, char **argv)
{
	bool update = argc == 3 && strcmp(argv[1], "-u") == 0, all = true;
	const char *dir = argv[argc - 1];
	struct dirent **list;
	int count;

	if (argc != 2 && !update) {
		fprintf(stderr, "usage: golden [-u] DIR\n");
		return 64;
	}
	count = scandir(dir, &list, is_policy, alphasort);
	if (count <= 0) {
		fprintf(stderr, "golden: %s: no policies\n", dir);
		return 66;
	}
	printf("1..%d\n", count);
	for (int i = 0; i < count; i++) {
		*strrchr(list[i]->d_name, '.') = '\0';
		all &= check(dir, list[i]->d_name, update, (unsigned)i + 1);
		free(list[i]);
	}
	free(list);
	return all ? 0 : 1;
}
