/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_REFUSAL_H
#define DEPUTY_REFUSAL_H

#include "broker/http.h"

#define REFUSALS_PER_SECOND 20u /* noted in the log; a stranger may not fill the disk by asking */

/* Notes in the log that somebody was refused authority that he asked for, an agent by its grant: requests
 * that failed for another reason than their form. */
void refusal_note(const struct exchange *x);

#endif
