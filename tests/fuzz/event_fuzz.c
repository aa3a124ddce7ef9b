/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes in the ring become one line of sound JSON, or are refused; nothing is read past their end. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "recorder/event_json.h"

static const char labels[] = "a.yaml:1 allow read path /**\0a.yaml:2 deny write path \"\xff\\";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *line, size_t len)
{
	json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(object) || line[len - 1] != '\n' || memchr(line, '\n', len - 1))
		abort();
	json_decref(object);
}

static struct identity_book *book_of(uint32_t slot, uint32_t gen)
{
	struct record_message m = {.slot = slot, .gen = gen, .grant = "g", .user = "\xc3"};
	struct identity_book *book = identity_book_new();

	identity_add(book, &m, labels, sizeof(labels), 0); /* fails for slots that are none */
	return book;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char buf[LINE_BYTES_MAX];
	struct line out = {.buf = buf, .size = sizeof(buf)};
	void *record = copy_of(data, size);
	const struct event *e = record;
	struct identity_book *book;
	int err;

	book = size >= sizeof(*e) ? book_of(e->slot, e->gen) : identity_book_new();
	err = event_json(record, size, size >= sizeof(*e) ? identity_find(book, e->slot, e->gen) : NULL, 1, 0,
			 &out);
	if (!err)
		check(buf, out.len);
	else if (err != -EBADMSG || out.len)
		abort(); /* the buffer has room for any event */
	identity_book_free(book);
	free(record);
	return 0;
}
