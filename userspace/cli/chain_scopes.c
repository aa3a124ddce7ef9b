/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/chain_scopes.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "cli/chain_text.h"
#include "cli/policy_file.h"
#include "cli/print.h"
#include "common/cleanup.h"
#include "policy/within.h"
#include "token/hash.h"

struct scopes {
	const struct scopes_from *from;
	struct policy_vars vars;
	struct policy_file file[OPTION_LIST_MAX];
	size_t files;
	char digest[OPTION_LIST_MAX][HASH_TEXT_BYTES]; /* of each file's text */
	const struct chain_report *report;
	struct table *table[CHAIN_MAX];	  /* of the links that a comparison needed */
	const struct chain_link *missing; /* the first one whose table is not to be had */
	struct policy_wider wider;
};

static void scopes_clear(struct scopes *s)
{
	for (size_t i = 0; i < CHAIN_MAX; i++)
		table_free(s->table[i]);
	for (size_t i = 0; i < s->files; i++)
		policy_file_clear(&s->file[i]);
}

static int scopes_open(struct scopes *s)
{
	for (size_t i = 0; i < s->from->policies.count; i++) {
		struct policy_file *file = &s->file[s->files++];
		int err = policy_file_open(s->from->policies.value[i], &s->from->profiles, file);

		err = err ?: hash_text(file->text, file->len, s->digest[i]);
		if (err == -EINVAL) {
			policy_file_complain(&file->errors);
			return EX_DATAERR;
		}
		if (err) {
			cli_error("%s: %s", file->path, strerror(-err));
			return EX_NOINPUT;
		}
	}
	return 0;
}

/* ---- the tables ---- */

static const struct policy_file *file_of(const struct scopes *s, const struct chain_link *link)
{
	for (size_t i = 0; i < s->files; i++)
		if (!strcmp(s->digest[i], link->terms.policy_digest))
			return &s->file[i];
	return NULL;
}

/* NULL: it compiles to another one here, or not at all. */
static struct table *table_try(const struct policy *policy, const struct policy_vars *vars,
			       const struct chain_link *link)
{
	const char *last = strrchr(link->terms.purpose, '/'); /* the policy's own name of a refined purpose */
	struct policy_errors errors = {0};
	struct table *table = NULL;
	char digest[HASH_TEXT_BYTES];
	int err = policy_compile(policy, last ? last + 1 : link->terms.purpose, vars, &errors, &table);

	policy_errors_free(&errors);
	err = err ?: hash_text(table->cells, table->count * sizeof(*table->cells), digest);
	if (!err && !strcmp(digest, link->terms.table))
		return table;
	table_free(table);
	return NULL;
}

/* A grant without a policy of its own has its parent's table, which its purpose need not be a name in: the
 * link to compile is the highest one with that table. */
static const struct table *table_of(struct scopes *s, const struct chain_link *link)
{
	const struct option_list *dirs = &s->from->workdirs;
	struct policy_vars vars = s->vars;
	const struct policy_file *file;
	struct table **table;

	while (link != s->report->link && !strcmp(link[-1].terms.table, link->terms.table))
		link--;
	table = &s->table[link - s->report->link];
	file = file_of(s, link);
	for (size_t i = 0; file && !*table && (i < dirs->count || !i); i++) {
		vars.workdir = dirs->count ? dirs->value[i] : s->vars.workdir;
		*table = table_try(file->policy, &vars, link);
	}
	if (!*table && !s->missing)
		s->missing = link;
	return *table;
}

static int tables_compare(const struct chain_link *child, const struct chain_link *parent, void *arg)
{
	struct scopes *s = arg;
	const struct table *above = table_of(s, parent), *table = above ? table_of(s, child) : NULL;
	int err = table ? policy_within(table, above, &s->wider) : -ENODATA;

	return err == -EACCES ? -EPERM : err;
}

/* ---- what is the matter ---- */

static int wider_say(const struct scopes *s)
{
	const struct policy_wider *w = &s->wider;
	_cleanup_free_ char *object = print_safe_copy(w->object);
	char problem[256];

	chain_problem(s->report, problem, sizeof(problem));
	cli_error("the chain: %s: %s %s%s: %s; there: %s", problem, w->op, w->cut ? "..." : "",
		  object ? object : "?", w->rule ? w->rule : "no rule is known",
		  w->parent_rule ? w->parent_rule : "no rule names it");
	return EX_NOPERM;
}

static int missing_say(const struct scopes *s)
{
	const struct policy_file *file = file_of(s, s->missing);
	size_t at = (size_t)(s->missing - s->report->link) + 1;

	if (file)
		cli_error("scopes are not proven: link %zu: %s compiles to another table here; its workdir, "
			  "home, user and profiles have to be those of the grant",
			  at, file->path);
	else
		cli_error("scopes are not proven: link %zu: none of the policies here has its digest, %s", at,
			  s->missing->terms.policy_digest);
	return EX_DATAERR;
}

int chain_scopes(struct chain_report *report, const struct scopes_from *from)
{
	__attribute__((cleanup(scopes_clear))) struct scopes s = {
		.from = from, .vars = from->vars, .report = report};
	int err = from->policies.count ? policy_vars_fill(&s.vars) : 0,
	    code = err ? EX_OSERR : scopes_open(&s);

	if (err)
		cli_error("%s", strerror(-err));
	if (code)
		return code;
	err = chain_prove(report, from->policies.count ? tables_compare : NULL, &s);
	if (err == -EPERM)
		return wider_say(&s);
	if (err) {
		cli_error("scopes are not proven: %s",
			  err == -E2BIG ? "too many rules meet to compare these policies" : strerror(-err));
		return EX_DATAERR;
	}
	return s.missing ? missing_say(&s) : 0;
}
