/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and numbered byte strings. */
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>

#include "policy/compile.h"

struct intern_entry {
	size_t start, len;
	uint64_t hash;
};

void *list_add(struct list *list, size_t size)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		void *data = reallocarray(list->data, room, size);

		if (!data)
			return NULL;
		list->data = data;
		list->room = room;
	}
	return memset((char *)list->data + size * list->count++, 0, size);
}

void list_free(struct list *list)
{
	free(list->data);
	*list = (struct list){0};
}

/* Seeded anew in every process, so that no policy can be written to collide. */
static uint64_t bytes_hash(const uint8_t *bytes, size_t len)
{
	const void *random = (const void *)getauxval(AT_RANDOM);
	uint64_t h = len, word;

	if (random) {
		memcpy(&word, random, sizeof(word));
		h ^= word;
	}
	for (size_t i = 0; i < len; i += sizeof(word)) {
		size_t left = len - i;

		word = 0;
		memcpy(&word, bytes + i, left < sizeof(word) ? left : sizeof(word));
		h = (h ^ word) * 0x9E3779B97F4A7C15ull;
		h ^= h >> 29;
	}
	return h;
}

/* The slot that holds these bytes, or the free one where they belong. */
static uint32_t *slot_find(const struct intern *in, const void *bytes, size_t len, uint64_t hash)
{
	const struct intern_entry *entries = in->entries.data;

	for (size_t i = hash >> 16;; i++) {
		uint32_t *slot = &in->slots[i & in->mask];
		const struct intern_entry *e;

		if (!*slot)
			return slot;
		e = &entries[*slot - 1];
		if (e->hash == hash && e->len == len && (!len || !memcmp(in->bytes + e->start, bytes, len)))
			return slot;
	}
}

/* Keeps at least half of the slots free. */
static int slots_grow(struct intern *in)
{
	const struct intern_entry *entries = in->entries.data;
	size_t size = in->slots ? 2 * (in->mask + 1) : 64;
	uint32_t *slots;

	if (in->slots && 2 * (in->entries.count + 1) <= in->mask)
		return 0;
	slots = calloc(size, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(in->slots);
	in->slots = slots;
	in->mask = size - 1;
	for (size_t n = 0; n < in->entries.count; n++) {
		size_t i = entries[n].hash >> 16;

		while (slots[i & in->mask])
			i++;
		slots[i & in->mask] = (uint32_t)n + 1;
	}
	return 0;
}

static int bytes_add(struct intern *in, const void *bytes, size_t len)
{
	size_t need = in->used + len, room = in->room ? in->room : 4096;
	uint8_t *moved;

	while (room < need)
		room *= 2;
	if (room != in->room) {
		moved = realloc(in->bytes, room);
		if (!moved)
			return -ENOMEM;
		in->bytes = moved;
		in->room = room;
	}
	if (len)
		memcpy(in->bytes + in->used, bytes, len);
	return 0;
}

int intern_put(struct intern *in, const void *bytes, size_t len, uint32_t *id)
{
	uint64_t hash = bytes_hash(bytes, len);
	struct intern_entry *e;
	uint32_t *slot;

	if (slots_grow(in))
		return -ENOMEM;
	slot = slot_find(in, bytes, len, hash);
	if (!*slot) {
		if (bytes_add(in, bytes, len))
			return -ENOMEM;
		e = list_add(&in->entries, sizeof(*e));
		if (!e)
			return -ENOMEM;
		*e = (struct intern_entry){in->used, len, hash};
		in->used = (in->used + len + 7) & ~(size_t)7;
		*slot = (uint32_t)in->entries.count;
	}
	*id = *slot - 1;
	return 0;
}

const void *intern_get(const struct intern *in, uint32_t id, size_t *len)
{
	const struct intern_entry *e = (const struct intern_entry *)in->entries.data + id;

	*len = e->len;
	return in->bytes + e->start;
}

size_t intern_count(const struct intern *in)
{
	return in->entries.count;
}

void intern_free(struct intern *in)
{
	list_free(&in->entries);
	free(in->bytes);
	free(in->slots);
	*in = (struct intern){0};
}
