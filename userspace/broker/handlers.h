/* SPDX-License-Identifier: Apache-2.0 */
/* What answers each route of access.c. See route_handler. */
#ifndef DEPUTY_HANDLERS_H
#define DEPUTY_HANDLERS_H

struct exchange;

int handle_delegate(struct exchange *x);
int handle_mint(struct exchange *x);
int handle_redeem(struct exchange *x);
int handle_nonce(struct exchange *x);
int handle_list(struct exchange *x);
int handle_renew(struct exchange *x);
int handle_show(struct exchange *x);
int handle_vc(struct exchange *x);
int handle_revoke(struct exchange *x);
int handle_revoke_matching(struct exchange *x);
int handle_revoke_token(struct exchange *x);
int handle_introspect(struct exchange *x);
int handle_token(struct exchange *x);
int handle_metadata(struct exchange *x);
int handle_keys(struct exchange *x);
int handle_keys_rotate(struct exchange *x);
int handle_events(struct exchange *x);
int handle_sets_receive(struct exchange *x);
int handle_sets_poll(struct exchange *x);
int handle_status_list(struct exchange *x);
int handle_status_lists(struct exchange *x);
int handle_status(struct exchange *x);

#endif
