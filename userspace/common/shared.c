/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shared.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* No memory is an answer, and not the end of a daemon. */
#define HASH_NONFATAL_OOM	    1
#define uthash_nonfatal_oom(shared) ((shared)->refs = 0)
#include <uthash.h>

struct shared {
	UT_hash_handle hh;
	size_t size;
	size_t refs;
	alignas(max_align_t) char bytes[];
};

static struct shared *all;
static const char empty[1];

static struct shared *shared_of(const void *bytes)
{
	return (struct shared *)((char *)bytes - offsetof(struct shared, bytes));
}

static const void *shared_new(const void *bytes, size_t size)
{
	struct shared *s = malloc(sizeof(*s) + size);

	if (!s)
		return NULL;
	s->size = size;
	s->refs = 1;
	memcpy(s->bytes, bytes, size);
	HASH_ADD_KEYPTR(hh, all, s->bytes, size, s);
	if (s->refs)
		return s->bytes;
	free(s);
	return NULL;
}

const void *shared_bytes(const void *bytes, size_t size)
{
	struct shared *s;

	HASH_FIND(hh, all, bytes, size, s);
	return s ? shared_hold(s->bytes) : shared_new(bytes, size);
}

const char *shared_text(const char *text)
{
	return *text ? shared_bytes(text, strlen(text) + 1) : empty;
}

const void *shared_hold(const void *shared)
{
	if (shared != empty)
		shared_of(shared)->refs++;
	return shared;
}

void shared_drop(const void *shared)
{
	struct shared *s = shared && shared != empty ? shared_of(shared) : NULL;

	if (!s || --s->refs)
		return;
	HASH_DEL(all, s);
	free(s);
}

size_t shared_size(const void *shared)
{
	return shared == empty ? sizeof(empty) : shared_of(shared)->size;
}

bool shared_is_single(const void *shared)
{
	return shared != empty && shared_of(shared)->refs == 1;
}
