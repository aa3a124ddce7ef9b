/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /v1/grants/ID/renew: a grant goes on after its policy and its chain have been evaluated again, as they
 * stand now. It never gets wider by that, nor do the grants below it get longer. The steps of mint.h that
 * differ from those of a new grant.
 */
#ifndef DEPUTY_RENEW_H
#define DEPUTY_RENEW_H

#include "broker/mint.h"

/* Of the first part: the grant's own policy, or the text brought for it. */
int renew_text(struct mint *m);
/* The worker's part. */
int renew_evaluate(struct mint *m);

/* CLOCK_BOOTTIME ns at which the grant's life is over in all. */
uint64_t renew_life_end(const struct broker *b, const struct grant *g);

#endif
