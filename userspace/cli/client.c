/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>

#include "common/cleanup.h"

#define BODY_MAX  (64u << 20) /* bytes of an answer kept in memory */
#define TIMEOUT_S 60L	      /* for an answer that is no stream */

struct exchange {
	CURL *curl;
	struct curl_slist *headers;
	const char *type;   /* of the body */
	const char *header; /* one more; NULL: none */
	char nonce[CLIENT_NONCE];
	long status;
	char *buf; /* the answer, or of a stream the part after its last newline */
	size_t len;
	client_line_fn line;
	void *arg;
	bool ended; /* by `line` */
	char error[CURL_ERROR_SIZE];
};

static const struct problem_exit {
	const char *code;
	int exit;
} problem_exits[] = {
	{"bad_request", EX_DATAERR},
	{"bad_policy", EX_DATAERR},
	{"too_large", EX_DATAERR},
	{"forbidden", EX_NOPERM},
	{"refused", EX_NOPERM},
	{"not_found", EX_NOINPUT},
	{"conflict", EX_TEMPFAIL},
	{"too_many", EX_TEMPFAIL},
	{"unavailable", EX_UNAVAILABLE},
	/* of the token service, as OAuth has them */
	{"invalid_request", EX_DATAERR},
	{"invalid_target", EX_DATAERR},
	{"unsupported_grant_type", EX_PROTOCOL},
	{"invalid_scope", EX_NOPERM},
	{"invalid_client", EX_NOPERM},
	{"invalid_dpop_proof", EX_NOPERM},
	{"invalid_authorization_details", EX_NOPERM},
	{"use_dpop_nonce", EX_TEMPFAIL},
	{"unsupported_token_type", EX_DATAERR},
	{"temporarily_unavailable", EX_TEMPFAIL},
};

void reply_clear(struct reply *r)
{
	json_decref(r->body);
	r->body = NULL;
}

/* A command to be run inherits what is not close-on-exec, and this socket is not its. */
static curl_socket_t socket_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	(void)arg;
	(void)purpose;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static int lines_take(struct exchange *x)
{
	char *start = x->buf, *newline;
	size_t left = x->len;

	while (!x->ended && (newline = memchr(start, '\n', left))) {
		*newline = '\0';
		x->ended = x->line(start, (size_t)(newline - start), x->arg) != 0;
		left -= (size_t)(newline - start) + 1;
		start = newline + 1;
	}
	memmove(x->buf, start, left);
	x->len = left;
	return x->ended ? -1 : 0;
}

static size_t body_take(char *data, size_t size, size_t count, void *arg)
{
	struct exchange *x = arg;
	size_t len = size * count;
	char *buf;

	if (len > BODY_MAX - x->len)
		return 0;
	buf = realloc(x->buf, x->len + len + 1);
	if (!buf)
		return 0;
	memcpy(buf + x->len, data, len);
	x->buf = buf;
	x->len += len;
	x->buf[x->len] = '\0';
	curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &x->status);
	return x->line && x->status == 200 && lines_take(x) ? 0 : len;
}

static void exchange_clear(struct exchange *x)
{
	curl_slist_free_all(x->headers);
	curl_easy_cleanup(x->curl);
	free(x->buf);
}
#define _cleanup_exchange_ __attribute__((cleanup(exchange_clear)))

static int exchange_header(struct exchange *x, const char *text)
{
	struct curl_slist *more = curl_slist_append(x->headers, text);

	if (!more)
		return -1;
	x->headers = more;
	return 0;
}

static int exchange_headers(struct exchange *x)
{
	if (exchange_header(x, x->type ? x->type : "Content-Type: application/json"))
		return -1;
	return x->header ? exchange_header(x, x->header) : 0;
}

static size_t header_take(char *data, size_t size, size_t count, void *arg)
{
	static const char name[] = "DPoP-Nonce:";
	struct exchange *x = arg;
	size_t len = size * count, at = strlen(name), n = 0;

	if (len <= at || strncasecmp(data, name, at) != 0)
		return len;
	while (at < len && (data[at] == ' ' || data[at] == '\t'))
		at++;
	while (at < len && data[at] > ' ' && n < sizeof(x->nonce) - 1)
		x->nonce[n++] = data[at++];
	x->nonce[n] = '\0';
	return len;
}

static int exchange_prepare(struct exchange *x, const struct cli *cli, const char *method, const char *url)
{
	CURL *c = curl_easy_init();

	x->curl = c;
	if (!c || exchange_headers(x))
		return -1;
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, x->headers);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->error);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, socket_open);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, body_take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, header_take);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, x->line ? 0L : TIMEOUT_S);
	if (curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, cli->socket))
		return -1;
	return curl_easy_setopt(c, CURLOPT_URL, url) ? -1 : 0;
}

/* CURLcode of the transfer, or -1 without memory. */
static int exchange_perform(struct exchange *x, const struct cli *cli, const char *method, const char *path,
			    const char *body)
{
	_cleanup_free_ char *url = NULL;

	if (asprintf(&url, "http://deputy%s", path) < 0)
		url = NULL;
	if (!url || exchange_prepare(x, cli, method, url))
		return -1;
	if (body) {
		curl_easy_setopt(x->curl, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(x->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
	}
	return (int)curl_easy_perform(x->curl);
}

int client_connects(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	strcpy(to.sun_path, path);
	return connect(fd, (struct sockaddr *)&to, sizeof(to)) ? -errno : 0;
}

static int exchange_fail(const struct exchange *x, const struct cli *cli, int code)
{
	bool unreached = code == CURLE_COULDNT_CONNECT;
	const char *why = code < 0 ? "out of memory" : curl_easy_strerror((CURLcode)code);

	if (unreached)
		why = strerror(-client_connects(cli->socket)); /* curl would speak of ports */
	else if (*x->error)
		why = x->error;
	cli_error(unreached ? "no daemon at %s: %s" : "talking to %s: %s", cli->socket, why);
	return unreached ? EX_UNAVAILABLE : code < 0 ? EX_OSERR : EX_PROTOCOL;
}

static void exchange_reply(const struct exchange *x, struct reply *reply)
{
	json_t *json = x->buf ? json_loadb(x->buf, x->len, 0, NULL) : NULL;

	if (json && !json_is_object(json)) {
		json_decref(json);
		json = NULL;
	}
	*reply = (struct reply){.status = x->status, .body = json};
	memcpy(reply->nonce, x->nonce, sizeof(reply->nonce));
}

int client_request(const struct cli *cli, const char *method, const char *path, const json_t *body,
		   struct reply *reply)
{
	_cleanup_exchange_ struct exchange x = {0};
	_cleanup_free_ char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	int code = body && !text ? -1 : exchange_perform(&x, cli, method, path, text);

	if (code)
		return exchange_fail(&x, cli, code);
	exchange_reply(&x, reply);
	return 0;
}

int client_form(const struct cli *cli, const char *path, const char *form, const char *header,
		struct reply *reply)
{
	_cleanup_exchange_ struct exchange x = {.type = "Content-Type: application/x-www-form-urlencoded",
						.header = header};
	int code = exchange_perform(&x, cli, "POST", path, form);

	if (code)
		return exchange_fail(&x, cli, code);
	exchange_reply(&x, reply);
	return 0;
}

static int problem_exit(const char *code)
{
	for (size_t i = 0; i < sizeof(problem_exits) / sizeof(problem_exits[0]); i++)
		if (code && strcmp(code, problem_exits[i].code) == 0)
			return problem_exits[i].exit;
	return EX_PROTOCOL;
}

int client_problem(const struct reply *reply)
{
	const char *code = json_string_value(json_object_get(reply->body, "error"));
	const char *message = json_string_value(json_object_get(reply->body, "message"));
	const json_t *detail;
	size_t i;

	if (!message) /* RFC 6749 section 5.2 */
		message = json_string_value(json_object_get(reply->body, "error_description"));
	if (reply->status >= 200 && reply->status < 300 && reply->body)
		return 0;
	if (message)
		cli_error("%s", message);
	else
		cli_error("the daemon answered %ld without a reason", reply->status);
	json_array_foreach (json_object_get(reply->body, "details"), i, detail)
		if (json_is_string(detail))
			fprintf(stderr, "%s\n", json_string_value(detail));
	return problem_exit(code);
}

int client_call(const struct cli *cli, const char *method, const char *path, const json_t *body,
		struct reply *reply)
{
	int code = client_request(cli, method, path, body, reply);

	return code ? code : client_problem(reply);
}

int client_stream(const struct cli *cli, const char *path, client_line_fn line, void *arg)
{
	_cleanup_exchange_ struct exchange x = {.line = line, .arg = arg};
	_cleanup_reply_ struct reply reply = {0};
	int code = exchange_perform(&x, cli, "GET", path, NULL);

	if (x.ended)
		return 0;
	if (code)
		return exchange_fail(&x, cli, code);
	curl_easy_getinfo(x.curl, CURLINFO_RESPONSE_CODE, &x.status);
	if (x.status == 200)
		return 0;
	exchange_reply(&x, &reply);
	return client_problem(&reply);
}

char *client_escape(const char *text)
{
	char *escaped = curl_easy_escape(NULL, text, 0), *copy;

	copy = escaped ? strdup(escaped) : NULL;
	curl_free(escaped);
	return copy;
}
