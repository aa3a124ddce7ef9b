/* SPDX-License-Identifier: Apache-2.0 */
/* Between the reader (parse*.c, check.c: text -> rules) and the compiler (pattern.c, compile*.c: rules ->
 * table). */
#ifndef DEPUTY_POLICY_INTERNAL_H
#define DEPUTY_POLICY_INTERNAL_H

#include "policy.h"

/* ---- patterns: a path as components ---- */
enum part_kind {
	PART_NAME, /* this name */
	PART_GLOB, /* prefix*suffix: any name that begins and ends so, not shorter than both */
	PART_ANY,  /* any one name */
	PART_DEEP, /* any number of names, none included */
};

/* Literal text may hold open variables until patterns are bound by pattern_bind(). */
struct part {
	enum part_kind kind;
	char *text;   /* PART_NAME: the name. PART_GLOB: the prefix. Owned; NULL = "" */
	char *suffix; /* PART_GLOB only */
};

/* A tree beneath /a is NAME(a) DEEP: DEEP matches nothing too, so the tree includes its root. "/" has no
 * parts. */
struct pattern {
	struct part *parts;
	size_t count;
};

#define PATTERN_PARTS 128u /* components of one pattern */

/*
 * Splits `text` with its variables expanded: a variable's value becomes literal components whatever
 * characters it holds. vars NULL: variables are checked for being known and then taken as a placeholder
 * name, for `policy check`. -EINVAL: *what and *hint say why (static or inside buf).
 */
struct pattern_error {
	char what[256];
	char hint[256];
};
int pattern_parse(const char *text, const struct policy_vars *vars, struct pattern_error *error,
		  struct pattern *pattern);
void pattern_free(struct pattern *pattern);
/* Whether every path that a matches is matched by b. */
bool pattern_within(const struct pattern *a, const struct pattern *b);
/* Reference evaluator: does the absolute path match? The tests hold the compiled table against it. */
bool pattern_matches(const struct pattern *pattern, const char *path);

/* ---- rules as written ---- */
enum rule_verdict { RULE_DENY, RULE_ALLOW };

struct path_rule {
	enum rule_verdict verdict;
	unsigned ops;	       /* bit per file_op, as written: nothing implied yet */
	char *pattern;	       /* as written */
	char *label;	       /* "file:line verdict ops path PATTERN" */
	unsigned line, column; /* of the pattern, for errors found at compile time */
	const char *file;      /* owned by the policy */
};

struct port_range {
	uint16_t lo, hi; /* inclusive */
};

struct addr_rule {
	enum rule_verdict verdict;
	unsigned ops;		      /* bit per net_op */
	struct cell_addr first, last; /* inclusive; IPv4 as ::ffff:a.b.c.d */
	struct port_range *ports;
	size_t port_count; /* at least one; 0-65535 = any */
	char *label;
};

/* A bit is granted when some rule allows it and none denies it. */
struct mask_rule {
	uint64_t allow, deny;
};

enum mask_name { MASK_PRIVILEGES, MASK_SOCKETS };

/* A bit as a rule named it. */
struct mask_bit {
	enum mask_name mask;
	unsigned bit;
	enum rule_verdict verdict;
	char *label; /* "file:line verdict WORDS" */
};

struct rules {
	struct path_rule *paths;
	size_t path_count;
	struct addr_rule *addrs;
	size_t addr_count;
	struct mask_rule privileges, sockets; /* bits as in struct cell_masks */
	struct mask_bit *bits;		      /* who said so, for both */
	size_t bit_count;
};

struct purpose {
	char *name;
	struct policy_grant terms;
	struct rules rules; /* the purpose's own, then those of the policy's profiles, in order */
};

struct policy {
	char *name;
	char **owners;
	size_t owner_count;
	struct purpose *purposes;
	size_t purpose_count;
	char **files; /* names that rules point to */
	size_t file_count;
};

void rules_free(struct rules *rules);

/* Appends one mistake; past POLICY_ERRORS_MAX only counts. Never fails: out of memory drops the text. */
void errors_add(struct policy_errors *errors, const char *file, unsigned line, unsigned column,
		const char *hint, const char *what, ...) __attribute__((format(printf, 6, 7)));

#endif
