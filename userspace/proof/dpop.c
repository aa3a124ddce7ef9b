/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/dpop.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "proof/jws_verify.h"
#include "token/base64url.h"

#define TIME_MAX 253402300799 /* 9999-12-31T23:59:59Z */

/* ---- the key ---- */

static int proof_key(const struct jws_open *jws, struct jwk *key, struct why *why)
{
	const json_t *object = json_object_get(jws->header, "jwk");
	int err;

	if (!json_is_object(object))
		return why_set(why, -EBADMSG, "no `jwk`");
	err = jwk_parse(object, key, why);
	/* Section 4.3, item 7: a sender that gives its private key away binds nothing to it. */
	return err == -EPERM ? -EBADMSG : err;
}

static int proof_open(const struct jws_open *jws, struct dpop_proof *proof, struct why *why)
{
	struct jwk key = {0};
	int err;

	if (!jws->typ || !jws_typ_is(jws->typ, DPOP_TYPE))
		return why_set(why, -EBADMSG, "its `typ` is not " DPOP_TYPE);
	err = proof_key(jws, &key, why);
	if (err)
		return err;
	err = jws_verify(jws, &key, why);
	memcpy(proof->jkt, key.thumbprint, sizeof(proof->jkt));
	jwk_free(&key);
	return err;
}

/* ---- the URI ---- */

struct uri {
	size_t scheme; /* characters before "://" */
	const char *host;
	size_t host_len;
	const char *port; /* "443"; that of the scheme when there is none */
	size_t port_len;
	const char *path; /* "/" when there is none */
	size_t path_len;
};

/* Up to a query or a fragment, and as RFC 3986 sections 6.2.2.1 and 6.2.3 would have it. */
static bool uri_read(const char *text, struct uri *u)
{
	const char *p = strstr(text, "://"), *colon;

	if (!p || p == text)
		return false;
	u->scheme = (size_t)(p - text);
	u->host = p + 3;
	u->host_len = strcspn(u->host, "/?#");
	u->path = u->host + u->host_len;
	u->path_len = strcspn(u->path, "?#");
	/* The last colon, unless it is within the brackets of an IPv6 address. */
	colon = memrchr(u->host, ':', u->host_len);
	if (colon && !memchr(colon, ']', u->host_len - (size_t)(colon - u->host))) {
		u->port = colon + 1;
		u->port_len = u->host_len - (size_t)(u->port - u->host);
		u->host_len = (size_t)(colon - u->host);
	}
	if (!u->port_len) {
		u->port = strncasecmp(text, "https", u->scheme) == 0 && u->scheme == 5 ? "443" : "80";
		u->port_len = strlen(u->port);
	}
	if (!u->path_len) {
		u->path = "/";
		u->path_len = 1;
	}
	return u->host_len > 0;
}

/* Escapes are compared as they are written: a client that writes a letter as %41 is refused. */
static bool uri_is(const char *a, const char *b)
{
	struct uri x = {0}, y = {0};

	if (!uri_read(a, &x) || !uri_read(b, &y) || x.scheme != y.scheme || x.host_len != y.host_len ||
	    x.port_len != y.port_len || x.path_len != y.path_len)
		return false;
	return strncasecmp(a, b, x.scheme) == 0 && strncasecmp(x.host, y.host, x.host_len) == 0 &&
	       memcmp(x.port, y.port, x.port_len) == 0 && memcmp(x.path, y.path, x.path_len) == 0;
}

/* ---- the claims ---- */

/* -ENOENT: it is not there. */
static int claim_text(const json_t *claims, const char *name, size_t max, const char **text, struct why *why)
{
	const json_t *v = json_object_get(claims, name);

	if (!v)
		return -ENOENT;
	if (!json_is_string(v) || !json_string_length(v) || json_string_length(v) > max)
		return why_set(why, -EBADMSG, "`%s` is no text of 1 to %zu bytes", name, max);
	*text = json_string_value(v);
	return 0;
}

static int claim_needed(const json_t *claims, const char *name, size_t max, const char **text,
			struct why *why)
{
	int err = claim_text(claims, name, max, text, why);

	return err == -ENOENT ? why_set(why, -EBADMSG, "no `%s`", name) : err;
}

/* NumericDate (RFC 7519 section 2) may have a fraction; it is cut off. -ENOENT: it is not there. */
static int claim_time(const json_t *claims, const char *name, int64_t *time, struct why *why)
{
	const json_t *v = json_object_get(claims, name);
	double t;

	if (!v)
		return -ENOENT;
	t = json_is_number(v) ? json_number_value(v) : -1;
	if (!(t >= 0 && t <= TIME_MAX))
		return why_set(why, -EBADMSG, "`%s` is no time", name);
	*time = (int64_t)t;
	return 0;
}

static int check_request(const json_t *claims, const struct dpop_request *request, struct why *why)
{
	const char *htm, *htu;
	int err = claim_needed(claims, "htm", 32, &htm, why);

	if (!err)
		err = claim_needed(claims, "htu", 2048, &htu, why);
	if (err)
		return err;
	if (strcmp(htm, request->method))
		return why_set(why, -EACCES, "`htm` is not the request's method");
	return uri_is(htu, request->uri) ? 0 : why_set(why, -EACCES, "`htu` is not the request's URI");
}

static int check_times(const json_t *claims, int64_t now, int64_t *until, struct why *why)
{
	int64_t iat, exp = TIME_MAX, nbf = 0;
	int err = claim_time(claims, "iat", &iat, why), e = claim_time(claims, "exp", &exp, why),
	    n = claim_time(claims, "nbf", &nbf, why);

	if (err)
		return err == -ENOENT ? why_set(why, -EBADMSG, "no `iat`") : err;
	if ((e && e != -ENOENT) || (n && n != -ENOENT))
		return -EBADMSG;
	if (iat > now + DPOP_FUTURE || nbf > now + DPOP_FUTURE)
		return why_set(why, -EAGAIN, "of the future");
	if (iat + DPOP_PAST <= now || exp <= now)
		return why_set(why, -EKEYEXPIRED, "older than %d seconds", DPOP_PAST);
	*until = iat + DPOP_PAST;
	return 0;
}

/* Section 4.3, item 11. */
static int check_token(const json_t *claims, const char *token, struct why *why)
{
	unsigned char hash[HASH_BYTES];
	char want[BASE64URL_LEN(HASH_BYTES) + 1];
	const char *ath;
	int err = token ? claim_needed(claims, "ath", BASE64URL_LEN(HASH_BYTES), &ath, why) : 0;

	if (!token || err)
		return err;
	err = hash_sha256(token, strlen(token), hash);
	if (err)
		return err;
	base64url_encode(hash, sizeof(hash), want);
	return strcmp(ath, want) ? why_set(why, -EACCES, "`ath` is not the token's hash") : 0;
}

/* Two senders may well choose the same `jti`, so the key is part of it; a thumbprint is of one length. */
static int proof_name(const json_t *claims, struct dpop_proof *proof, struct why *why)
{
	char both[KID_BYTES + DPOP_JTI_MAX];
	const char *jti, *nonce = "";
	size_t len;
	int err = claim_needed(claims, "jti", DPOP_JTI_MAX, &jti, why);

	if (err)
		return err;
	err = claim_text(claims, "nonce", DPOP_NONCE_MAX, &nonce, why);
	if (err && err != -ENOENT)
		return err;
	strcpy(proof->nonce, nonce);
	len = strlen(jti);
	memcpy(both, proof->jkt, KID_BYTES);
	memcpy(both + KID_BYTES, jti, len);
	return hash_sha256(both, KID_BYTES + len, proof->id);
}

static int proof_read(const struct jws_open *jws, const struct dpop_request *request,
		      struct dpop_proof *proof, struct why *why)
{
	json_auto_t *claims = json_loadb(jws->payload, jws->payload_len, JSON_REJECT_DUPLICATES, NULL);
	int err;

	if (!json_is_object(claims))
		return why_set(why, -EBADMSG, "a payload that is no JSON object");
	err = check_request(claims, request, why);
	if (!err)
		err = check_times(claims, request->now, &proof->until, why);
	if (!err)
		err = check_token(claims, request->access_token, why);
	return err ?: proof_name(claims, proof, why);
}

int dpop_verify(const char *text, size_t len, const struct dpop_request *request, struct dpop_proof *proof,
		struct why *why)
{
	struct dpop_proof p = {0};
	struct jws_open jws;
	int err;

	if (len > DPOP_TEXT_MAX)
		return why_set(why, -EMSGSIZE, "longer than %u bytes", DPOP_TEXT_MAX);
	err = jws_open(text, len, true, &jws, why);
	if (err)
		return err;
	err = proof_open(&jws, &p, why);
	if (!err)
		err = proof_read(&jws, request, &p, why);
	jws_open_free(&jws);
	if (!err)
		*proof = p;
	return err;
}
