/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/identity.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name) {offsetof(struct record_message, name), sizeof(((struct record_message *)0)->name)}

static const struct {
	size_t at;
	size_t size;
} strings[] = {
	FIELD(grant),  FIELD(parent), FIELD(owner), FIELD(user), FIELD(purpose),
	FIELD(policy), FIELD(digest), FIELD(chain), FIELD(text),
};

int record_message_check(const struct record_message *m)
{
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		if (!memchr((const char *)m + strings[i].at, '\0', strings[i].size))
			return -EPROTO;
	return m->slot < SLOTS_MAX ? 0 : -EPROTO;
}

struct identity_book *identity_book_new(void)
{
	struct identity_book *book = calloc(1, sizeof(*book)); /* zeroed list heads are empty lists */

	if (book)
		TAILQ_INIT(&book->ended);
	return book;
}

static void identity_free(struct identity *who)
{
	free(who->labels);
	free(who->label_at);
	free(who);
}

static void identity_remove(struct identity_book *book, struct identity *who)
{
	LIST_REMOVE(who, slot_mates);
	if (who->forget) {
		TAILQ_REMOVE(&book->ended, who, ended);
		book->ended_count--;
	}
	book->label_bytes -= who->bytes;
	identity_free(who);
}

void identity_book_free(struct identity_book *book)
{
	if (!book)
		return;
	for (uint32_t slot = 0; slot < SLOTS_MAX; slot++)
		while (!LIST_EMPTY(&book->slots[slot]))
			identity_remove(book, LIST_FIRST(&book->slots[slot]));
	free(book);
}

/* Number of labels, or -EPROTO. */
static int labels_count(const char *labels, size_t len)
{
	uint32_t count = 0;

	if (len > IDENTITY_LABELS_MAX)
		return -EPROTO;
	while (len) {
		size_t one = strnlen(labels, len < IDENTITY_LABEL_MAX ? len : IDENTITY_LABEL_MAX) + 1;

		if (one > len || one > IDENTITY_LABEL_MAX || ++count > TABLE_RULES)
			return -EPROTO;
		labels += one;
		len -= one;
	}
	return (int)count;
}

static int labels_copy(struct identity *who, const char *labels, size_t len, uint32_t count)
{
	uint32_t at = 0;

	who->labels = malloc(len);
	who->label_at = calloc(count, sizeof(*who->label_at));
	if (!who->labels || !who->label_at)
		return -ENOMEM;
	memcpy(who->labels, labels, len);
	for (uint32_t i = 0; i < count; i++) {
		who->label_at[i] = at;
		at += (uint32_t)strlen(labels + at) + 1;
	}
	who->rules = count;
	who->bytes = len;
	return 0;
}

static int identity_new(struct identity_book *book, const struct record_message *m, const char *labels,
			size_t len, struct identity **out)
{
	int count = labels_count(labels, len), err = 0;
	struct identity *who;

	if (count < 0)
		return count;
	who = calloc(1, sizeof(*who));
	if (!who)
		return -ENOMEM;
	who->is = *m;
	if (count && len <= IDENTITY_LABELS - book->label_bytes)
		err = labels_copy(who, labels, len, (uint32_t)count);
	if (err) {
		identity_free(who);
		return err;
	}
	*out = who;
	return 0;
}

void identity_renew(struct identity *who, const struct record_message *m)
{
	memcpy(who->is.chain, m->chain, sizeof(who->is.chain));
	memcpy(who->is.digest, m->digest, sizeof(who->is.digest));
}

int identity_add(struct identity_book *book, const struct record_message *m, const char *labels, size_t len,
		 uint64_t now)
{
	struct identity *who, *before;
	int err = record_message_check(m);

	if (err || !m->slot || identity_find(book, m->slot, m->gen))
		return -EPROTO;
	err = identity_new(book, m, labels, len, &who);
	if (err)
		return err;
	before = LIST_FIRST(&book->slots[m->slot]); /* those behind it have ended already */
	if (before)
		identity_end(book, before, now);
	LIST_INSERT_HEAD(&book->slots[m->slot], who, slot_mates);
	book->label_bytes += who->bytes;
	return 0;
}

struct identity *identity_find(struct identity_book *book, uint32_t slot, uint32_t gen)
{
	struct identity *who;

	if (!slot || slot >= SLOTS_MAX)
		return NULL;
	LIST_FOREACH (who, &book->slots[slot], slot_mates)
		if (who->is.gen == gen)
			return who;
	return NULL;
}

const char *identity_rule(const struct identity *who, uint32_t rule)
{
	return rule && rule <= who->rules ? who->labels + who->label_at[rule - 1] : NULL;
}

void identity_end(struct identity_book *book, struct identity *who, uint64_t now)
{
	if (who->forget)
		return;
	who->forget = now + IDENTITY_KEPT_NS;
	TAILQ_INSERT_TAIL(&book->ended, who, ended);
	if (++book->ended_count > IDENTITY_KEPT)
		identity_remove(book, TAILQ_FIRST(&book->ended));
}

void identity_forget_old(struct identity_book *book, uint64_t now)
{
	struct identity *who;

	while ((who = TAILQ_FIRST(&book->ended)) && who->forget <= now)
		identity_remove(book, who);
}
