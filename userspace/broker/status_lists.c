/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/status_lists.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/handlers.h"
#include "broker/http.h"
#include "common/cleanup.h"
#include "token/base64url.h"
#include "token/status_list.h"

#define PATH "/v1/status-list?list="

/* ---- names and entries ---- */

void status_lists_init(struct status_lists *s)
{
	unsigned char random[12];

	_Static_assert(sizeof(s->run) == BASE64URL_LEN(sizeof(random)) + 1, "a name");
	randombytes_buf(random, sizeof(random));
	base64url_encode(random, sizeof(random), s->run);
}

static char *list_uri(const struct broker *b, const char *name)
{
	char *uri;

	return asprintf(&uri, "%s" PATH "%s", b->options.issuer, name) < 0 ? NULL : uri;
}

/* The list that an entry of this run is in. */
static void list_name(const struct status_lists *s, uint64_t entry, char name[STATUS_LIST_NAME])
{
	snprintf(name, STATUS_LIST_NAME, "%s.%llu", s->run,
		 (unsigned long long)(entry / STATUS_LIST_ENTRIES));
}

/* The name in a URI of ours, whatever the issuer was when it was made. NULL: it is none. */
static const char *list_of(const struct grant *g)
{
	const char *at = strstr(g->status_uri, PATH);

	return at ? at + strlen(PATH) : NULL;
}

int status_lists_take(struct broker *b, uint64_t *entry, char **uri)
{
	struct status_lists *s = &b->status_lists;
	char name[STATUS_LIST_NAME];

	list_name(s, s->next, name);
	*uri = list_uri(b, name);
	if (!*uri)
		return -ENOMEM;
	*entry = s->next++;
	return 0;
}

int status_lists_give(struct broker *b, struct grant *g)
{
	_cleanup_free_ char *uri = NULL;
	uint64_t entry;
	int err = status_lists_take(b, &entry, &uri);

	if (!err)
		err = grant_say(g, GRANT_STATUS_URI, uri);
	if (!err)
		g->status_index = (uint32_t)(entry % STATUS_LIST_ENTRIES);
	return err;
}

/* The link is our own, by a record that was signed. */
static json_t *link_claims(const char *link)
{
	const char *payload = strchr(link, '.'), *end = payload ? strchr(payload + 1, '.') : NULL;
	_cleanup_free_ char *bytes = NULL;
	size_t len, size;

	if (!end)
		return NULL;
	len = (size_t)(end - ++payload);
	bytes = malloc(len + 1);
	if (!bytes || base64url_decode(payload, len, bytes, len + 1, &size))
		return NULL;
	return json_loadb(bytes, size, 0, NULL);
}

int status_lists_adopt(struct grant *g)
{
	json_auto_t *claims = g->link ? link_claims(g->link->text) : NULL;
	const json_t *entry = json_object_get(json_object_get(claims, "status"), "status_list");
	json_int_t index = json_integer_value(json_object_get(entry, "idx"));
	const char *uri = json_string_value(json_object_get(entry, "uri"));

	if (!uri || index < 0 || index >= STATUS_LIST_ENTRIES)
		return 0;
	g->status_index = (uint32_t)index;
	return grant_say(g, GRANT_STATUS_URI, uri);
}

/* ---- a list as of now ---- */

/* Tokens end with the broker that gave them, so all of them are in lists of this run. */
static int list_fill_issued(const struct broker *b, const char *name, struct status_list *list)
{
	char of[STATUS_LIST_NAME];
	int err = 0;

	for (const struct issued *t = b->issued.by_hash; t && !err; t = t->hh.next) {
		if (t->status == STATUS_NONE || !issued_is_good(b, t))
			continue;
		list_name(&b->status_lists, t->status, of);
		if (strcmp(of, name) == 0)
			err = status_list_set(list, t->status % STATUS_LIST_ENTRIES, STATUS_VALID);
	}
	return err;
}

/* *uri is that of a grant in it, NULL where there is none. */
static int list_fill(const struct broker *b, const char *name, struct status_list *list, const char **uri)
{
	int err = status_list_new(1, STATUS_LIST_ENTRIES, STATUS_INVALID, list);

	*uri = NULL;
	if (!err)
		err = list_fill_issued(b, name, list);
	for (const struct grant *g = b->grants.by_id; g && !err; g = g->hh.next) {
		const char *of = grant_is_good(g) ? list_of(g) : NULL;

		if (!of || strcmp(of, name) != 0)
			continue;
		*uri = g->status_uri;
		err = status_list_set(list, g->status_index, STATUS_VALID);
	}
	return err;
}

static int list_sign(const struct broker *b, const char *name, const struct status_list *list,
		     const char *uri, char **text)
{
	_cleanup_free_ char *own = uri ? NULL : list_uri(b, name);
	int64_t now = time(NULL);
	const struct status_list_terms terms = {
		.uri = uri ? uri : own, .iat = now, .exp = now + STATUS_LIST_LIFE, .ttl = STATUS_LIST_TTL};

	return terms.uri ? status_list_sign(secret_ring_current(&b->keys), &terms, list, text) : -ENOMEM;
}

static int list_make(const struct broker *b, const char *name, char **text)
{
	struct status_list list = {0};
	const char *uri;
	int err = list_fill(b, name, &list, &uri);

	if (!err)
		err = list_sign(b, name, &list, uri, text);
	status_list_clear(&list);
	return err;
}

static bool name_is_ok(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

	return n && n < STATUS_LIST_NAME && name[n] == '\0';
}

/*
 * Of any name: what no grant that lives has an entry in says so of all of its entries, which is true of lists
 * of earlier runs, and of lists that never were.
 */
int handle_status_list(struct exchange *x)
{
	const char *name = http_argument(x, "list");
	char now[STATUS_LIST_NAME], *text = NULL;
	int err;

	list_name(&x->broker->status_lists, x->broker->status_lists.next, now);
	if (name && !name_is_ok(name))
		return answer_problem(&x->answer, PROBLEM_BAD_REQUEST, "\"list\" must be the name of a list");
	err = list_make(x->broker, name ? name : now, &text);
	if (err)
		return answer_problem(&x->answer, PROBLEM_UNAVAILABLE, "cannot sign a status list: %s",
				      strerror(-err));
	return http_text(x, "application/" STATUS_LIST_TYPE, text);
}

/* A token's list, which may have none of a grant any more. */
static void names_add_issued(const struct broker *b, json_t *names)
{
	uint64_t last = STATUS_NONE;

	for (const struct issued *t = b->issued.by_hash; t; t = t->hh.next) {
		_cleanup_free_ char *uri = NULL;
		char name[STATUS_LIST_NAME];

		if (t->status == STATUS_NONE || t->status / STATUS_LIST_ENTRIES == last ||
		    !issued_is_good(b, t))
			continue;
		last = t->status / STATUS_LIST_ENTRIES;
		list_name(&b->status_lists, t->status, name);
		uri = list_uri(b, name);
		if (uri)
			json_object_set_new(names, uri, json_true());
	}
}

/* Section 9.2: all lists in which a grant that lives or a token that is good has an entry, and the one that
 * is filled now. */
int handle_status_lists(struct exchange *x)
{
	json_auto_t *names = json_object(); /* each once */
	json_t *list = json_array();
	_cleanup_free_ char *uri = NULL;
	char now[STATUS_LIST_NAME];
	const char *name;
	json_t *value;

	list_name(&x->broker->status_lists, x->broker->status_lists.next, now);
	uri = list_uri(x->broker, now);
	if (!uri || json_object_set_new(names, uri, json_true()))
		return answer_json(&x->answer, 200, NULL);
	for (const struct grant *g = x->broker->grants.by_id; g; g = g->hh.next)
		if (g->state == GRANT_LIVE && *g->status_uri)
			json_object_set_new(names, g->status_uri, json_true());
	names_add_issued(x->broker, names);
	json_object_foreach (names, name, value)
		json_array_append_new(list, json_string(name));
	return answer_json(&x->answer, 200, json_pack("{s:o}", "status_lists", list));
}
