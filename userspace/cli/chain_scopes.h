/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_CLI_CHAIN_SCOPES_H
#define DEPUTY_CLI_CHAIN_SCOPES_H

#include "cli/cli.h"
#include "policy/policy.h"
#include "token/chain.h"

/* What the tables that a chain's links name were compiled from. */
struct scopes_from {
	struct option_list policies; /* files: exact texts, which links name by digest */
	struct option_list profiles; /* directories */
	struct option_list workdirs; /* each is tried, for a delegated grant may have another */
	struct policy_vars vars;     /* its workdir, where none is listed; what is NULL is as here */
};

/*
 * Proves of a chain that verified that no link's table allows what the one above does not, and sets
 * report->scopes. Without policies only equal tables are proven, and what else there is stays named. Exit
 * code, and what is the matter is said: EX_NOPERM a link is wider, EX_DATAERR a table is not to be had from
 * these policies or not to be compared, EX_NOINPUT a file is not to be read.
 */
int chain_scopes(struct chain_report *report, const struct scopes_from *from);

#endif
