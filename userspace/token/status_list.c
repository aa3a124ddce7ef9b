/* SPDX-License-Identifier: Apache-2.0 */
#include "token/status_list.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/cleanup.h"
#include "token/base64url.h"
#include "token/jwt.h"

#define SKEW 60 /* seconds that the issuer's clock may be ahead */

/* ---- entries ---- */

static bool bits_ok(int64_t bits)
{
	return bits == 1 || bits == 2 || bits == 4 || bits == 8;
}

static unsigned entry_mask(const struct status_list *list)
{
	return (1u << list->bits) - 1;
}

static size_t entry_count(const struct status_list *list)
{
	return list->size * 8 / list->bits;
}

int status_list_new(unsigned bits, size_t count, unsigned value, struct status_list *list)
{
	struct status_list l = {.bits = bits};

	if (!bits_ok(bits))
		return -EINVAL;
	if (value > entry_mask(&l))
		return -ERANGE;
	if (count > STATUS_LIST_BYTES_MAX * 8u / bits)
		return -EMSGSIZE;
	l.size = (count * bits + 7) / 8;
	l.bytes = calloc(1, l.size + !l.size);
	if (!l.bytes)
		return -ENOMEM;
	for (unsigned shift = 0; shift < 8; shift += bits)
		memset(l.bytes, l.bytes[0] | (int)(value << shift), l.size);
	*list = l;
	return 0;
}

void status_list_clear(struct status_list *list)
{
	free(list->bytes);
	*list = (struct status_list){0};
}

/* Section 4.1: from the least significant bit of each byte on. */
int status_list_set(struct status_list *list, size_t index, unsigned value)
{
	size_t bit = index * list->bits;
	unsigned char *byte;

	if (index >= entry_count(list) || value > entry_mask(list))
		return -ERANGE;
	byte = &list->bytes[bit / 8];
	*byte = (unsigned char)((*byte & ~(entry_mask(list) << bit % 8)) | value << bit % 8);
	return 0;
}

int status_list_get(const struct status_list *list, size_t index, unsigned *value)
{
	size_t bit = index * list->bits;

	if (index >= entry_count(list)) /* section 8.3 step 7: the list says nothing of it */
		return -ERANGE;
	*value = list->bytes[bit / 8] >> bit % 8 & entry_mask(list);
	return 0;
}

/* ---- compressed ---- */

int status_list_encode(const struct status_list *list, json_t **object)
{
	uLongf size = compressBound(list->size);
	_cleanup_free_ unsigned char *bytes = malloc(size);
	_cleanup_free_ char *text = NULL;
	json_t *o;
	int r;

	if (!bytes)
		return -ENOMEM;
	r = compress2(bytes, &size, list->bytes, list->size, Z_BEST_COMPRESSION);
	if (r != Z_OK)
		return r == Z_MEM_ERROR ? -ENOMEM : -EIO;
	text = malloc(BASE64URL_LEN(size) + 1);
	if (!text)
		return -ENOMEM;
	base64url_encode(bytes, size, text);
	o = json_pack("{s:i, s:s}", "bits", (int)list->bits, "lst", text);
	if (!o)
		return -ENOMEM;
	*object = o;
	return 0;
}

/* Into twice as much room each time, for a few bytes may become a thousand times as many. */
static int inflate_grow(z_stream *z, unsigned char **bytes, size_t *room)
{
	size_t more = *room ? 2 * *room : 4096;
	unsigned char *b;

	if (*room > STATUS_LIST_BYTES_MAX)
		return -EMSGSIZE;
	if (more > STATUS_LIST_BYTES_MAX)
		more = STATUS_LIST_BYTES_MAX + 1; /* one more, to see that it ends */
	b = realloc(*bytes, more);
	if (!b)
		return -ENOMEM;
	z->next_out = b + *room;
	z->avail_out = (uInt)(more - *room);
	*bytes = b;
	*room = more;
	return 0;
}

static int inflate_run(z_stream *z, unsigned char **bytes, size_t *room)
{
	int r = Z_OK;

	while (r == Z_OK) {
		int err = z->avail_out ? 0 : inflate_grow(z, bytes, room);

		if (err)
			return err;
		r = inflate(z, Z_NO_FLUSH); /* Z_BUF_ERROR: it ends before its end */
	}
	if (r == Z_MEM_ERROR)
		return -ENOMEM;
	if (z->total_out > STATUS_LIST_BYTES_MAX)
		return -EMSGSIZE;
	return r == Z_STREAM_END && !z->avail_in ? 0 : -EBADMSG;
}

static int list_inflate(const unsigned char *bytes, size_t size, struct status_list *list)
{
	z_stream z = {.next_in = (unsigned char *)bytes, .avail_in = (uInt)size};
	unsigned char *out = NULL;
	size_t room = 0;
	int err;

	if (inflateInit(&z) != Z_OK)
		return -ENOMEM;
	err = inflate_run(&z, &out, &room);
	if (err) {
		free(out);
	} else {
		list->bytes = out;
		list->size = z.total_out;
	}
	inflateEnd(&z);
	return err;
}

int status_list_decode(const json_t *object, struct status_list *list)
{
	const json_t *bits = json_object_get(object, "bits"), *lst = json_object_get(object, "lst");
	struct status_list l = {.bits = (unsigned)json_integer_value(bits)};
	_cleanup_free_ unsigned char *bytes = NULL;
	size_t size;
	int err;

	if (!json_is_integer(bits) || !bits_ok(json_integer_value(bits)) || !json_is_string(lst))
		return -EBADMSG;
	if (json_string_length(lst) > TOKEN_MAX)
		return -EMSGSIZE;
	bytes = malloc(json_string_length(lst) + 1);
	if (!bytes)
		return -ENOMEM;
	if (base64url_decode(json_string_value(lst), json_string_length(lst), bytes,
			     json_string_length(lst) + 1, &size))
		return -EBADMSG;
	err = list_inflate(bytes, size, &l);
	if (!err)
		*list = l;
	return err;
}

/* ---- signed ---- */

int status_list_sign(const struct secret_key *key, const struct status_list_terms *terms,
		     const struct status_list *list, char **text)
{
	json_auto_t *object = NULL, *claims = NULL;
	int err;

	if (terms->iat >= terms->exp || terms->ttl <= 0)
		return -EINVAL;
	err = status_list_encode(list, &object);
	if (err)
		return err;
	claims = json_pack("{s:s, s:I, s:I, s:I, s:O}", "sub", terms->uri, "iat", (json_int_t)terms->iat,
			   "exp", (json_int_t)terms->exp, "ttl", (json_int_t)terms->ttl, "status_list",
			   object);
	return claims ? jwt_sign(key, STATUS_LIST_TYPE, claims, text) : -ENOMEM;
}

static int list_open(const struct key_ring *keys, const char *text, size_t len, int64_t now, json_t **claims)
{
	char kid[JWT_TYPE_MAX + 1], typ[JWT_TYPE_MAX + 1];
	_cleanup_free_ char *copy = strndup(text, len);
	const struct public_key *key;
	int err;

	if (!copy)
		return -ENOMEM;
	err = jwt_names(copy, kid, typ);
	if (err)
		return err;
	key = strlen(kid) == KID_BYTES - 1 ? key_ring_find(keys, kid, now) : NULL;
	return key ? jwt_verify(key, STATUS_LIST_TYPE, text, len, claims) : -ENOKEY;
}

/* exp and ttl may be missing; a list that says nothing of its end is good until another one comes. */
static int list_times(const json_t *claims, int64_t now, int64_t *ttl)
{
	int64_t iat, exp;

	*ttl = 0;
	if (jwt_time(claims, "iat", &iat) ||
	    (json_object_get(claims, "exp") && jwt_time(claims, "exp", &exp)) ||
	    (json_object_get(claims, "ttl") && (jwt_time(claims, "ttl", ttl) || !*ttl)))
		return -EBADMSG;
	if (iat > now + SKEW)
		return -EAGAIN;
	return json_object_get(claims, "exp") && now >= exp ? -EKEYEXPIRED : 0;
}

int status_list_verify(const struct key_ring *keys, const char *uri, const char *text, size_t len,
		       int64_t now, struct status_list *list, int64_t *ttl)
{
	json_auto_t *claims = NULL;
	const char *sub;
	int64_t seconds;
	int err = list_open(keys, text, len, now, &claims);

	if (err)
		return err;
	sub = json_string_value(json_object_get(claims, "sub"));
	if (!sub)
		return -EBADMSG;
	if (strcmp(sub, uri) != 0)
		return -EXDEV;
	err = list_times(claims, now, &seconds);
	if (!err)
		err = status_list_decode(json_object_get(claims, "status_list"), list);
	if (!err)
		*ttl = seconds;
	return err;
}
