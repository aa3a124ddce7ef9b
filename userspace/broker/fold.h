/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A grant's link, folded: what its text says the grant knows anyway, so that only the rest is kept (the
 * signature and two keys, a tenth of it), and the text is written again when somebody wants it. What comes
 * out has the hash that was noted when it was signed, or nothing does: nobody is given, and nothing goes on
 * from, a link that is not word for word the one that was signed.
 */
#ifndef DEPUTY_FOLD_H
#define DEPUTY_FOLD_H

#include <stdbool.h>

#include "broker/grants.h"

/* Folds the grant's last link, if it comes out of it word for word; else it stays as it is. */
void fold_link(struct grant *g);
/* Before the grant says anything else: its last link is whole again. -ENOMEM; -EBADMSG: it does not come out
 * as it was. */
int fold_open(struct grant *g);
/* The text of a grant's link, the last or an earlier one, to be freed by the caller. Errors of fold_open().
 */
int fold_text(const struct grant *g, const struct signed_link *link, char **text);
/* Whether that link was signed by the key of this name. */
bool fold_is_signed_by(const struct signed_link *link, const char *kid);

#endif
