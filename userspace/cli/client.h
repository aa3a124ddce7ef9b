/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the daemon: HTTP over its unix socket (docs/API.md). */
#ifndef DEPUTY_CLIENT_H
#define DEPUTY_CLIENT_H

#include <jansson.h>

#include "cli/cli.h"

#define CLIENT_NONCE 64 /* bytes of a nonce for DPoP and its NUL */

struct reply {
	long status;
	json_t *body;		  /* owned; NULL when it was no JSON object */
	char nonce[CLIENT_NONCE]; /* of client_form(): what the next proof needs; "": none came */
};

void reply_clear(struct reply *r);
#define _cleanup_reply_ __attribute__((cleanup(reply_clear)))

/*
 * One request; `body` may be NULL. Returns 0 with the answer, whatever its status, or an exit code with the
 * reason printed: EX_UNAVAILABLE nobody listens, EX_PROTOCOL the answer is none. Starts no thread; its socket
 * does not outlive it.
 */
int client_request(const struct cli *cli, const char *method, const char *path, const json_t *body,
		   struct reply *reply);
/* The same, and an answer that is an error is printed and turned into its exit code. */
int client_call(const struct cli *cli, const char *method, const char *path, const json_t *body,
		struct reply *reply);
/* POSTs a form, as OAuth's endpoints take it: "NAME=VALUE&..." with the values percent-encoded. `header`: one
 * more, "NAME: VALUE"; NULL: none. Returns as client_request(). */
int client_form(const struct cli *cli, const char *path, const char *form, const char *header,
		struct reply *reply);
/* Prints an error answer with its details and returns its exit code; 0 when it is none. */
int client_problem(const struct reply *reply);

/* One line of an answer that is a stream of them; NUL-ended, without its newline. Non-zero ends the stream.
 */
typedef int (*client_line_fn)(const char *line, size_t len, void *arg);
/* GETs `path`; returns when the stream ends or `line` says so. Exit code as client_call(). */
int client_stream(const struct cli *cli, const char *path, client_line_fn line, void *arg);

/* Whether somebody listens on the unix socket: 0 or -errno. */
int client_connects(const char *path);

/* ID as part of a path or an argument, percent-encoded; the caller frees it. NULL: no memory. */
char *client_escape(const char *text);

#endif
