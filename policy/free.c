/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "policy/parse.h"

void rules_free(struct rules *rules)
{
	for (size_t i = 0; i < rules->path_count; i++) {
		free(rules->paths[i].pattern);
		free(rules->paths[i].label);
	}
	for (size_t i = 0; i < rules->addr_count; i++) {
		free(rules->addrs[i].ports);
		free(rules->addrs[i].label);
	}
	for (size_t i = 0; i < rules->bit_count; i++)
		free(rules->bits[i].label);
	free(rules->bits);
	free(rules->paths);
	free(rules->addrs);
	*rules = (struct rules){0};
}

static void strings_free(char **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	for (size_t i = 0; i < policy->purpose_count; i++) {
		rules_free(&policy->purposes[i].rules);
		free(policy->purposes[i].name);
	}
	free(policy->purposes);
	strings_free(policy->owners, policy->owner_count);
	strings_free(policy->files, policy->file_count);
	free(policy->name);
	free(policy);
}
