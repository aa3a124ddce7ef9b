/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy language: text -> policy -> table. No I/O and no logging: whoever calls brings the text of
 * profiles and prints the errors. Every function returns 0 or -errno; output arguments come last and are
 * untouched on error. Nothing here trusts its input.
 */
#ifndef DEPUTY_POLICY_H
#define DEPUTY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/types.h" /* __u8 ... and abi.h */

/* Limits of the language, each tested at the limit and one past it. */
#define POLICY_TEXT_MAX	    (1u << 20)	/* bytes of one file */
#define POLICY_ERRORS_MAX   100u	/* mistakes listed in one go; the rest is counted */
#define POLICY_NAME_MAX	    64u		/* characters of a policy's, purpose's or profile's name */
#define POLICY_OWNERS_MAX   64u		/* owners of one policy */
#define POLICY_PURPOSES_MAX 64u		/* purposes of one policy */
#define POLICY_PROFILES_MAX 32u		/* profiles of one policy, those that profiles include counted too */
#define POLICY_RULES_MAX    TABLE_RULES /* rules of all purposes, a profile's counted for each of them */
#define POLICY_PORTS_MAX    64u		/* ports and port ranges of one rule */
#define POLICY_DEPTH_MAX    16u		/* lists and mappings inside one another */
#define POLICY_TTL_MAX	    86400u	/* seconds */
#define POLICY_DEPTH_LINKS  (CHAIN_MAX - 1) /* grants below one another, under an owner's own */
#define POLICY_CHILDREN_MAX 1024u	    /* grants that one may have delegated at one time */

/* One mistake, at a place a person can go to. Lines and columns count from 1. */
struct policy_error {
	char file[128];
	unsigned line;
	unsigned column;
	char what[256]; /* what is wrong */
	char hint[256]; /* what to write instead; may be empty */
};

/* Zeroed by the caller before the first call; calls append. */
struct policy_errors {
	size_t count;		   /* entries of the list, POLICY_ERRORS_MAX at most */
	size_t more;		   /* mistakes found beyond the list */
	struct policy_error *list; /* freed by policy_errors_free() */
};

/* Values of ${workdir}, ${home} and ${user}; absolute and without "." or ".." components. */
struct policy_vars {
	const char *workdir;
	const char *home;
	const char *user;
};

/* Returns the text of a profile, to be freed by the library with free(), or NULL when there is none. */
typedef char *(*policy_profile_fn)(const char *name, size_t *len, void *arg);

struct policy; /* parsed and checked, variables still open */

/* `file` names the text in errors and in rule labels. -EINVAL: see *errors. */
int policy_parse(const char *file, const char *text, size_t len, policy_profile_fn profile, void *arg,
		 struct policy_errors *errors, struct policy **policy);
void policy_free(struct policy *policy);
void policy_errors_free(struct policy_errors *errors);
/* "file:line:col: what\n\thint: ..." ; -ENOSPC when it does not fit. */
int policy_error_format(const struct policy_error *e, char *buf, size_t size);

const char *policy_name(const struct policy *policy);
/* Whether a text could name a policy, purpose or profile. */
bool policy_name_ok(const char *text);
/* i-th purpose's name or NULL past the last. */
const char *policy_purpose(const struct policy *policy, size_t i);
/* Whether `owner`, who was proven to be him, may use it: "uid:1000" and "uid:NAME", which are both tried by
 * the caller, "ssh:SHA256:..." or "oidc:...". */
bool policy_owned_by(const struct policy *policy, const char *owner);

struct policy_grant {
	uint64_t ttl_ns;   /* the purpose's own maximum */
	bool kill;	   /* on_revoke: kill (default) or deny */
	unsigned audit;	   /* SLOT_AUDIT_* bits */
	bool open_roads;   /* starts even where the kernel leaves a road open */
	unsigned depth;	   /* of grants that may follow below; 0: it may not be delegated */
	unsigned children; /* delegated by one grant at one time; 0 with depth alone */
};
/* -ENOENT: no such purpose. */
int policy_terms(const struct policy *policy, const char *purpose, struct policy_grant *grant);

/* A compiled purpose. */
struct table {
	union cell *cells;
	uint32_t count;
	char **rules; /* label of rule i at rules[i - 1]: "file:line verdict ops object" */
	uint32_t rule_count;
	uint32_t privileges[64]; /* the rule that decided each bit of cell_masks, 0 = none names it */
	uint32_t sockets[64];
};
/* -ENOENT no such purpose, -EINVAL see *errors (an open variable, a limit passed). */
int policy_compile(const struct policy *policy, const char *purpose, const struct policy_vars *vars,
		   struct policy_errors *errors, struct table **table);
void table_free(struct table *table);

/* By decide.h, exactly what the kernel would do. Paths absolute; address as in struct cell_addr. */
struct policy_answer {
	enum action action;
	const char *rule; /* label, owned by the table; NULL: no rule names it */
};
int policy_explain_path(const struct table *table, enum file_op op, const char *path,
			struct policy_answer *a);
int policy_explain_addr(const struct table *table, enum net_op op, const struct cell_addr *addr,
			uint16_t port, struct policy_answer *a);
/* Whether sockets of this kind may be made; kinds are bits and no rule in particular is named. */
int policy_explain_socket(const struct table *table, enum socket_kind kind, struct policy_answer *a);

/* A capability or PRIV_USERNS. */
int policy_explain_privilege(const struct table *table, unsigned bit, struct policy_answer *a);

/* "chown" ...; NULL when unknown. Parsing takes upper case and "cap_" too; -1 when unknown. */
const char *capability_name(unsigned cap);
int capability_parse(const char *name);
/* Why no policy can grant it, or NULL. */
const char *capability_why_not(unsigned cap);

/* "read", "write" ...; NULL / -1 when unknown. One table serves parser, explain and events. */
const char *file_op_name(enum file_op op);
const char *net_op_name(enum net_op op);
int file_op_parse(const char *name);
int net_op_parse(const char *name);

/* Kinds of sockets that can be granted, by the names that policies use. */
const char *socket_kind_name(unsigned kind);
int socket_kind_parse(const char *name);
/* Of any socket by its numbers, one that cannot be granted too; NULL when it has no name here. */
const char *socket_name(unsigned family, unsigned type, unsigned protocol);

#endif
