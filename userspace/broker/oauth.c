/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/oauth.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "broker/http.h"
#include "common/cleanup.h"

static const struct {
	unsigned status;
	int err;
	const char *code;
	bool refused; /* see struct answer */
} errors[OAUTH_ERRORS] = {
	[OAUTH_INVALID_REQUEST] = {400, -EINVAL, "invalid_request", false},
	[OAUTH_NOT_YOURS] = {400, -ENOENT, "invalid_request", true},
	[OAUTH_INVALID_CLIENT] = {400, -EPERM, "invalid_client", true},
	[OAUTH_UNSUPPORTED_GRANT_TYPE] = {400, -EOPNOTSUPP, "unsupported_grant_type", false},
	[OAUTH_INVALID_SCOPE] = {400, -EACCES, "invalid_scope", true},
	[OAUTH_INVALID_TARGET] = {400, -EINVAL, "invalid_target", false},
	[OAUTH_INVALID_DETAILS] = {400, -EACCES, "invalid_authorization_details", true},
	[OAUTH_INVALID_DPOP_PROOF] = {400, -EKEYREJECTED, "invalid_dpop_proof", true},
	[OAUTH_USE_DPOP_NONCE] = {400, -EKEYEXPIRED, "use_dpop_nonce", false},
	[OAUTH_TOO_MANY] = {429, -EAGAIN, "temporarily_unavailable", true},
	[OAUTH_UNSUPPORTED_TOKEN_TYPE] = {400, -EOPNOTSUPP, "unsupported_token_type", false},
	[OAUTH_TEMPORARILY_UNAVAILABLE] = {503, -EIO, "temporarily_unavailable", false},
};

/* RFC 6749 section 5.2: visible ASCII and spaces, without '"' and '\'. */
static void oauth_describe(char *text)
{
	for (char *p = text; *p; p++)
		if (*p == '"')
			*p = '\'';
		else if (*p < ' ' || *p > '~' || *p == '\\')
			*p = '?';
}

int oauth_problem(struct answer *a, enum oauth_error error, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;
	int n, err;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		text = NULL; /* vasprintf() leaves it undefined */
	else
		oauth_describe(text);
	err = answer_json(a, errors[error].status,
			  json_pack("{s:s, s:s}", "error", errors[error].code, "error_description",
				    text ? text : "out of memory"));
	if (!err)
		a->refused = errors[error].refused;
	return err ? err : errors[error].err;
}

bool oauth_is(const struct exchange *x, const char *media_type)
{
	const char *type = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Content-Type");
	size_t len = strlen(media_type);

	if (!type || strncasecmp(type, media_type, len) != 0)
		return false;
	type += len;
	type += strspn(type, " \t"); /* RFC 9110 section 8.3.1: white space may stand before ';' */
	return *type == '\0' || *type == ';';
}

int oauth_form(struct exchange *x, const char *repeatable, struct form *form)
{
	struct form_error e;

	if (!oauth_is(x, FORM_MEDIA_TYPE))
		return oauth_problem(&x->answer, OAUTH_INVALID_REQUEST, "the body must be " FORM_MEDIA_TYPE);
	if (form_decode(x->body ? x->body : "", x->size, repeatable, form, &e))
		return oauth_problem(&x->answer, OAUTH_INVALID_REQUEST, "byte %zu of the body: %s", e.at,
				     e.what);
	return 0;
}
