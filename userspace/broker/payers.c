/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/payers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t payers_second(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

static struct payer *payers_find(struct payers *p, const char *name)
{
	struct payer *found = NULL;

	HASH_FIND_STR(p->by_name, name, found);
	if (found)
		return found;
	found = calloc(1, sizeof(*found));
	if (!found)
		return NULL;
	text_copy(found->name, sizeof(found->name), name);
	HASH_ADD_STR(p->by_name, name, found);
	return found;
}

int payers_bill(struct payers *p, const struct grant *g, uid_t uid, struct bill *bill)
{
	char name[ID_BYTES];

	*bill = (struct bill){.root = uid == 0 && !g};
	snprintf(name, sizeof(name), "%u", (unsigned)uid); /* ids of grants begin with a letter */
	bill->owner = payers_find(p, name);
	if (g) {
		while (g->above)
			g = g->above;
		bill->grant = payers_find(p, g->id);
	}
	return bill->owner && (!g || bill->grant) ? 0 : -ENOMEM;
}

static bool payer_asks(struct payer *p, uint64_t now, unsigned rate)
{
	if (p->second != now)
		p->asked = 0;
	p->second = now;
	if (p->asked >= rate)
		return false;
	p->asked++;
	return true;
}

int payers_ask(const struct bill *bill)
{
	uint64_t now = payers_second();

	if (bill->grant && !payer_asks(bill->grant, now, RATE_PER_GRANT))
		return -EAGAIN;
	return payer_asks(bill->owner, now, bill->root ? UINT32_MAX : RATE_PER_OWNER) ? 0 : -EAGAIN;
}

int payers_take(struct payers *p, const struct bill *bill)
{
	if (bill->grant && bill->grant->tokens >= TOKENS_PER_GRANT)
		return -EDQUOT;
	if (!bill->root && bill->owner->tokens >= TOKENS_PER_OWNER)
		return -EUSERS;
	if (p->tokens >= TOKENS_MAX)
		return -ENOSPC;
	if (bill->grant)
		bill->grant->tokens++;
	bill->owner->tokens++;
	p->tokens++;
	return 0;
}

void payers_give(struct payers *p, const struct bill *bill)
{
	if (bill->grant)
		bill->grant->tokens--;
	bill->owner->tokens--;
	p->tokens--;
}

static void payers_forget(struct payers *p, bool all)
{
	uint64_t now = payers_second();
	struct payer *one, *tmp;

	HASH_ITER(hh, p->by_name, one, tmp)
	{
		if (!all && (one->tokens || one->second == now))
			continue;
		HASH_DEL(p->by_name, one);
		free(one);
	}
}

bool payers_sweep(struct payers *p)
{
	payers_forget(p, false);
	return p->by_name != NULL;
}

void payers_clear(struct payers *p)
{
	payers_forget(p, true);
	p->tokens = 0;
}
