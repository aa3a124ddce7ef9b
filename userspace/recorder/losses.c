/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/losses.h"

#include <string.h>

static const char *const causes[CAUSES] = {
	[CAUSE_RING_FULL] = "ring_full",
	[CAUSE_NO_SCRATCH] = "no_scratch",
	[CAUSE_LOG] = "log",
	[CAUSE_INVALID] = "invalid",
};

size_t losses_put(struct losses *l, struct line_head head, struct line *out)
{
	uint64_t first = head.seq;

	for (int i = 0; i < LOSSES && l->control; i++)
		l->count[i] = __atomic_load_n(&l->control->lost[i], __ATOMIC_RELAXED);
	memcpy(l->telling, l->told, sizeof(l->telling));
	for (int i = 0; i < CAUSES; i++) {
		if (l->count[i] == l->told[i] || loss_json(causes[i], l->count[i] - l->told[i], &head, out))
			continue;
		l->telling[i] = l->count[i];
		head.seq++;
	}
	return head.seq - first;
}

void losses_told(struct losses *l)
{
	memcpy(l->told, l->telling, sizeof(l->told));
}
