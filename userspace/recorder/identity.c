/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/identity.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/shared.h"

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

/* ---- labels ---- */

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

/* Where each label is, and the labels. */
static int labels_share(const char *labels, size_t len, uint32_t count, const uint32_t **shared)
{
	size_t head = count * sizeof(uint32_t), at = head;
	uint32_t *all = malloc(head + len);

	if (!all)
		return -ENOMEM;
	memcpy((char *)all + head, labels, len);
	for (uint32_t i = 0; i < count; i++) {
		all[i] = (uint32_t)at;
		at += strlen((char *)all + at) + 1;
	}
	*shared = shared_bytes(all, head + len);
	free(all);
	return *shared ? 0 : -ENOMEM;
}

static size_t labels_size(const struct identity *who)
{
	return shared_size(who->label_at) - who->rules * sizeof(*who->label_at);
}

static void labels_drop(struct identity_book *book, struct identity *who)
{
	if (!who->label_at)
		return;
	if (shared_is_single(who->label_at))
		book->label_bytes -= labels_size(who);
	shared_drop(who->label_at);
	who->label_at = NULL;
	who->rules = 0;
}

/* Past the bound a grant goes without: what has its labels already costs nothing more. */
static int labels_take(struct identity_book *book, struct identity *who, const char *labels, size_t len,
		       uint32_t count)
{
	int err = labels_share(labels, len, count, &who->label_at);

	if (err)
		return err;
	who->rules = count;
	if (!shared_is_single(who->label_at))
		return 0;
	book->label_bytes += len;
	if (book->label_bytes > IDENTITY_LABELS)
		labels_drop(book, who);
	return 0;
}

/* ---- identities ---- */

static void identity_free(struct identity_book *book, struct identity *who)
{
	labels_drop(book, who);
	shared_drop(who->owner);
	shared_drop(who->user);
	shared_drop(who->purpose);
	shared_drop(who->policy);
	free(who);
}

static void identity_remove(struct identity_book *book, struct identity *who)
{
	LIST_REMOVE(who, slot_mates);
	if (who->forget) {
		TAILQ_REMOVE(&book->ended, who, ended);
		book->ended_count--;
	}
	identity_free(book, who);
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

static int identity_fill(struct identity *who, const struct record_message *m)
{
	who->slot = m->slot;
	who->gen = m->gen;
	memcpy(who->grant, m->grant, sizeof(who->grant));
	memcpy(who->chain, m->chain, sizeof(who->chain));
	who->owner = shared_text(m->owner);
	who->user = shared_text(m->user);
	who->purpose = shared_text(m->purpose);
	who->policy = shared_text(m->policy);
	return who->owner && who->user && who->purpose && who->policy ? 0 : -ENOMEM;
}

static int identity_new(struct identity_book *book, const struct record_message *m, const char *labels,
			size_t len, struct identity **out)
{
	int count = labels_count(labels, len), err;
	struct identity *who;

	if (count < 0)
		return count;
	who = calloc(1, sizeof(*who));
	if (!who)
		return -ENOMEM;
	err = identity_fill(who, m);
	if (!err && count)
		err = labels_take(book, who, labels, len, (uint32_t)count);
	if (err) {
		identity_free(book, who);
		return err;
	}
	*out = who;
	return 0;
}

void identity_renew(struct identity *who, const struct record_message *m)
{
	memcpy(who->chain, m->chain, sizeof(who->chain));
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
	return 0;
}

struct identity *identity_find(struct identity_book *book, uint32_t slot, uint32_t gen)
{
	struct identity *who;

	if (!slot || slot >= SLOTS_MAX)
		return NULL;
	LIST_FOREACH (who, &book->slots[slot], slot_mates)
		if (who->gen == gen)
			return who;
	return NULL;
}

const char *identity_rule(const struct identity *who, uint32_t rule)
{
	return rule && rule <= who->rules ? (const char *)who->label_at + who->label_at[rule - 1] : NULL;
}

struct identity_names identity_names(const struct identity *who)
{
	return (struct identity_names){who->grant, who->chain,	 who->owner,
				       who->user,  who->purpose, who->policy};
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
