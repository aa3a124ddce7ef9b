/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the reader. Text becomes a tree of nodes (parse_tree.c), mappings are taken apart by tables of keys
 * (parse_map.c), and what the nodes say becomes rules and terms (the other parse_*.c).
 *
 * A mistake of the author is noted and reading goes on, so that one run finds them all. Functions that return
 * int fail only where going on is pointless: -ENOMEM, or -EINVAL with the mistake noted.
 */
#ifndef DEPUTY_POLICY_PARSE_H
#define DEPUTY_POLICY_PARSE_H

#include <stdlib.h>

#include "policy/internal.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

#define _cleanup_free_ __attribute__((cleanup(cleanup_free)))

/* ---- the tree ---- */
enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	unsigned line, column;
	char *text;	    /* NODE_SCALAR */
	struct node *child; /* NODE_LIST: the items. NODE_MAP: key, value, key, value ... */
	struct node *next;
	size_t count; /* children */
};

/* One file being read. */
struct reader {
	struct policy_errors *errors;
	const char *file; /* owned by the policy, which outlives every rule that points to it */
	size_t room;	  /* rules that may still be added */
};

#define mistake(r, node, hint, ...)                                                                          \
	errors_add((r)->errors, (r)->file, (node)->line, (node)->column, hint, __VA_ARGS__)

/* Mistakes noted so far; more of them after a step means that the step failed. */
static inline size_t mistakes(const struct reader *r)
{
	return r->errors->count + r->errors->more;
}

/* From the top of each file to its end, the way a person mends it. */
void errors_sort(struct policy_errors *errors);

/* -EINVAL: text that is no YAML, or YAML beyond the subset: anchors, aliases, tags, several documents. */
int tree_read(struct reader *r, const char *text, size_t len, struct node **root);
void tree_free(struct node *root);

/* Notes characters that would make a file read differently from what it does. 0 or -EINVAL. */
int text_check(struct reader *r, const char *text, size_t len);
/* What is wrong with a value's characters, or NULL. */
const char *text_fault(const char *text, size_t len);
/* Drops what is not UTF-8, such as a character cut in two. */
void text_clean(char *text);

/* ---- mappings ---- */
struct key {
	const char *name;
	size_t at;	  /* offset of the value's `const struct node *` in the form */
	const char *need; /* an example for the hint when a required key is missing; NULL: may be left out */
};

struct shape {
	const char *what; /* "a purpose" */
	const struct key *keys;
	size_t count;
};

#define SHAPE(what, keys) {what, keys, COUNT(keys)}

/* Fills the zeroed form with the values of the mapping; everything else in it is noted as a mistake. */
void map_take(struct reader *r, const struct node *map, const struct shape *shape, void *form);
/* Notes keys given twice and keys past `max`. */
void map_check_keys(struct reader *r, const struct node *map, size_t max, const char *what);

/* The text of a scalar, or NULL and a mistake. */
const char *scalar(struct reader *r, const struct node *node, const char *what);
typedef int (*node_fn)(struct reader *r, const struct node *node, void *arg);
/* fn for each item of a list; a lone scalar stands for a list of one. */
int scalars_each(struct reader *r, const struct node *node, const char *what, node_fn fn, void *arg);
/* fn for each item of a list, of whatever kind. */
int items_each(struct reader *r, const struct node *node, const char *what, node_fn fn, void *arg);

/* Notes an unknown word with what may have been meant. */
void mistake_word(struct reader *r, const struct node *node, const char *what, const char *const *words,
		  size_t count);
/* "did you mean ...?" or "one of: ..." */
void suggest(const char *word, const char *const *words, size_t count, char *buf, size_t size);

/* ---- names ---- */
/* Notes a name that is empty, too long or of other characters than letters, digits, '.', '_' and '-'. */
bool check_name(struct reader *r, const struct node *node, const char *what);
bool check_owner(struct reader *r, const struct node *node);
/* Decimal without sign or leading zeros, nothing after it. */
bool number_parse(const char *text, size_t len, uint64_t max, uint64_t *value);

/* ---- rules ---- */
struct sections {
	const struct node *files, *network, *exec, *ipc, *privileges;
};

struct rule_form {
	const struct node *allow, *deny;
	const struct node *path;
	const struct node *cidr, *port, *proto;
	const struct node *kind;
};

/* A section whose rules are over paths. */
struct path_section {
	struct shape shape;
	const char *object;	  /* the word before the pattern in labels */
	const char *const *words; /* operations that rules of it may name */
	size_t word_count;
	unsigned ops; /* exec: the one operation that all its rules are about */
};

extern const struct path_section file_section, exec_section, ipc_section;

struct path_target {
	const struct path_section *section;
	struct rules *rules;
};

int sections_read(struct reader *r, const struct sections *s, struct rules *rules);
/* arg: struct path_target */
int path_rule_read(struct reader *r, const struct node *map, void *arg);
/* arg: struct rules */
int net_rule_read(struct reader *r, const struct node *map, void *arg);
/* Whether a rule of the network section is about a kind of socket and not about addresses. */
bool is_socket_rule(const struct node *map);
int socket_rule_read(struct reader *r, const struct node *map, struct rules *rules);
/* Why no policy can grant that kind of socket, or NULL: there is none, or it can be granted. */
const char *socket_never(const char *name);

int privileges_read(struct reader *r, const struct node *map, struct rules *rules);
/* Adds a bit to one of the masks; `what` without its label, which `words` are the end of. */
int mask_add(struct reader *r, const struct node *node, struct rules *rules, const struct mask_bit *what,
	     const char *words);

/* Takes a rule apart. The value of its allow or deny, or NULL and a mistake unless it has exactly one. */
const struct node *rule_take(struct reader *r, const struct node *map, const struct shape *shape,
			     struct rule_form *form, enum rule_verdict *verdict);
const char *verdict_name(enum rule_verdict verdict);
/* "read,write", to be freed; NULL when out of memory. */
char *ops_format(unsigned ops, const char *(*name)(unsigned op));
int rule_room(struct reader *r, const struct node *node);

/* Space for one more: lists grow by doubling, so the count alone tells when. NULL when out of memory. */
void *list_grow(void *list, size_t count, size_t size);

struct addr_range {
	struct cell_addr first, last;
};
bool cidr_read(struct reader *r, const struct node *node, struct addr_range *range);
void ports_read(struct reader *r, const struct node *node, struct port_range ports[POLICY_PORTS_MAX],
		size_t *count);

/* ---- purposes ---- */
/* {depth: N, children: N} */
void delegate_read(struct reader *r, const struct node *map, struct policy_grant *terms);
int purposes_read(struct reader *r, const struct node *map, struct policy *policy);

/* ---- profiles ---- */
struct profiles;
int profiles_new(policy_profile_fn get, void *arg, struct profiles **profiles);
void profiles_free(struct profiles *p);
/* Reads the profiles that a policy lists, with all that they include, and gives each purpose their rules. */
int profiles_apply(struct reader *r, const struct node *list, struct profiles *p, struct policy *policy);

#define API_VERSION "deputy/v1"
void check_api(struct reader *r, const struct node *node);
/* A copy of `name` that the policy owns, for reader.file. */
int policy_file(struct policy *policy, const char *name, const char **file);

#endif
