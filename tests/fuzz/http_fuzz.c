/* SPDX-License-Identifier: Apache-2.0 */
/* The body of POST /v1/grants and /v1/delegate: what is let through keeps its promises. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "broker/request.h"
#include "copy.h"

static void check(const struct grant_request *r, enum request_kind kind)
{
	if (!r->name && kind != REQUEST_NARROWER)
		abort();
	if (r->name && (!*r->name || strlen(r->name) > REQUEST_NAME_MAX))
		abort();
	if (r->text && strlen(r->text) != r->text_len)
		abort();
	if (r->purpose && strlen(r->purpose) > REQUEST_PURPOSE_MAX)
		abort();
	if (r->workdir && (!request_path_ok(r->workdir) || strlen(r->workdir) > REQUEST_WORKDIR_MAX))
		abort();
	if (r->ttl_ns > REQUEST_TTL_MAX || r->ttl_ns % 1000000000)
		abort();
	if (r->proof.statement && (strlen(r->proof.statement) > STATEMENT_MAX ||
				   !r->proof.signature == !r->proof.id_token)) /* one of them */
		abort();
	if (!r->proof.statement && (r->proof.signature || r->proof.id_token))
		abort();
	if (r->proof.signature && strlen(r->proof.signature) > SSHSIG_TEXT_MAX)
		abort();
	if (r->proof.id_token && strlen(r->proof.id_token) > JWS_TEXT_MAX)
		abort();
	if (r->ticket && r->thread)
		abort();
	if ((r->ticket || r->thread) && kind != REQUEST_NARROWER)
		abort();
	if (!json_is_array(r->argv) || json_array_size(r->argv) > REQUEST_ARGV_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *body = copy_of(data, size);
	struct grant_request r = {0};
	struct answer a = {0};
	enum request_kind kind = size & 1 ? REQUEST_GRANT : REQUEST_NARROWER;

	if (request_decode(body, size, kind, &r, &a) == 0)
		check(&r, kind);
	else if (!answer_message(&a) || a.status != 400)
		abort();
	request_free(&r);
	answer_clear(&a);
	free(body);
	return 0;
}
