/* SPDX-License-Identifier: Apache-2.0 */
#include "log/segment.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "proof/base64.h"

#define DIGITS	  20
#define BASE64	  sodium_base64_ENCODED_LEN(MERKLE_HASH, sodium_base64_VARIANT_ORIGINAL)
#define NS_PER_S  1000000000ull
#define TIME_TEXT 40

static const char *const endings[] = {[SEGMENT_LINES] = ".jsonl", [SEGMENT_HASHES] = ".hashes"};

_Static_assert(SEGMENT_HEAD_BYTES >= 256 + (MERKLE_LEVELS + 1) * (BASE64 + 4), "the longest first line");

/* ---- files ---- */

void segment_name(uint64_t seq, enum segment_file file, char name[SEGMENT_NAME_BYTES])
{
	snprintf(name, SEGMENT_NAME_BYTES, "%020llu%s", (unsigned long long)seq, endings[file]);
}

/* False: the name of something else. */
static bool name_parse(const char *name, uint64_t *seq, enum segment_file *file)
{
	char again[SEGMENT_NAME_BYTES];

	if (strspn(name, "0123456789") != DIGITS)
		return false;
	*file = strcmp(name + DIGITS, endings[SEGMENT_LINES]) ? SEGMENT_HASHES : SEGMENT_LINES;
	*seq = strtoull(name, NULL, 10);
	segment_name(*seq, *file, again);
	return strcmp(name, again) == 0; /* 20 digits may be too large a number */
}

static int segment_order(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	return (x->seq > y->seq) - (x->seq < y->seq);
}

/* The two files of one segment become one. */
static size_t segments_join(struct segment *list, size_t count)
{
	size_t n = 0;

	qsort(list, count, sizeof(*list), segment_order);
	for (size_t i = 0; i < count; i++) {
		if (n && list[n - 1].seq == list[i].seq) {
			list[n - 1].has[SEGMENT_LINES] |= list[i].has[SEGMENT_LINES];
			list[n - 1].has[SEGMENT_HASHES] |= list[i].has[SEGMENT_HASHES];
		} else {
			list[n++] = list[i];
		}
	}
	return n;
}

static int segments_read(DIR *d, struct segment **list, size_t *count)
{
	const struct dirent *e;
	size_t room = 0;

	while (errno = 0, (e = readdir(d))) {
		enum segment_file file;
		uint64_t seq;

		if (!name_parse(e->d_name, &seq, &file))
			continue;
		if (*count == room) {
			struct segment *more = reallocarray(*list, room = 2 * room + 16, sizeof(*more));

			if (!more)
				return -ENOMEM;
			*list = more;
		}
		(*list)[*count] = (struct segment){.seq = seq};
		(*list)[(*count)++].has[file] = true;
	}
	return -errno;
}

int segments_list(int dir, struct segment **list, size_t *count)
{
	int err, fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct segment *found = NULL;
	size_t n = 0;

	if (!d) {
		err = -errno;
		cleanup_close(&fd);
		return err;
	}
	err = segments_read(d, &found, &n);
	closedir(d);
	if (err) {
		free(found);
		return err;
	}
	*list = found;
	*count = found ? segments_join(found, n) : 0;
	return 0;
}

/* ---- lines ---- */

static const char before_seq[] = "{\"seq\": ";

uint64_t line_seq(const char *line, size_t len)
{
	const size_t skip = sizeof(before_seq) - 1;
	uint64_t seq = 0;
	size_t i = skip;

	if (len < skip || memcmp(line, before_seq, skip))
		return 0;
	for (; i < len && isdigit((unsigned char)line[i]); i++)
		if (__builtin_mul_overflow(seq, 10, &seq) ||
		    __builtin_add_overflow(seq, (unsigned)line[i] - '0', &seq))
			return 0;
	return i < len && line[i] == ',' && line[skip] != '0' && line[len - 1] == '}' ? seq : 0;
}

/* Every line has seq, time and type first, so that this needs no parser. */
bool line_is(const char *line, size_t len, const char *type)
{
	static const char before[] = "\", \"type\": \"";
	const char *at = memmem(line, len < 96 ? len : 96, before, sizeof(before) - 1);
	size_t n = strlen(type);

	if (!at)
		return false;
	at += sizeof(before) - 1;
	return (size_t)(line + len - at) > n && !memcmp(at, type, n) && at[n] == '"';
}

bool hash_is_torn(const unsigned char known[MERKLE_HASH], const unsigned char hash[MERKLE_HASH])
{
	size_t n = MERKLE_HASH;

	while (n && !known[n - 1])
		n--;
	return memcmp(known, hash, MERKLE_HASH) != 0 && memcmp(known, hash, n) == 0;
}

static void time_format(uint64_t ns, char text[TIME_TEXT])
{
	time_t seconds = (time_t)(ns / NS_PER_S);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(text, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, TIME_TEXT - n, ".%09lluZ", (unsigned long long)(ns % NS_PER_S));
}

static size_t head_start(const char *type, uint64_t seq, uint64_t time, char line[SEGMENT_HEAD_BYTES])
{
	char text[TIME_TEXT];

	time_format(time, text);
	return (size_t)snprintf(line, SEGMENT_HEAD_BYTES, "%s%llu, \"time\": \"%s\", \"type\": \"%s\"",
				before_seq, (unsigned long long)seq, text, type);
}

static size_t hash_put(char *line, size_t n, const char *before, const unsigned char hash[MERKLE_HASH],
		       const char *after)
{
	char base64[BASE64];

	sodium_bin2base64(base64, sizeof(base64), hash, MERKLE_HASH, sodium_base64_VARIANT_ORIGINAL);
	return n + (size_t)snprintf(line + n, SEGMENT_HEAD_BYTES - n, "%s\"%s\"%s", before, base64, after);
}

int segment_head_format(const struct merkle *tree, uint64_t seq, uint64_t time, char line[SEGMENT_HEAD_BYTES],
			size_t *len)
{
	unsigned char subtrees[MERKLE_LEVELS][MERKLE_HASH], root[MERKLE_HASH];
	size_t n = head_start("segment", seq, time, line);
	int err = merkle_root(tree, root);

	if (err)
		return err;
	merkle_store(tree, subtrees);
	n += (size_t)snprintf(line + n, SEGMENT_HEAD_BYTES - n, ", \"size\": %llu",
			      (unsigned long long)tree->size);
	n = hash_put(line, n, ", \"root\": ", root, ", \"subtrees\": [");
	for (size_t i = 0; i < merkle_count(tree->size); i++)
		n = hash_put(line, n, i ? ", " : "", subtrees[i], "");
	n += (size_t)snprintf(line + n, SEGMENT_HEAD_BYTES - n, "]}\n");
	*len = n;
	return 0;
}

static int hash_read(const json_t *text, unsigned char hash[MERKLE_HASH])
{
	const char *t = json_string_value(text);
	size_t len;

	if (!t || base64_decode(t, strlen(t), NULL, hash, MERKLE_HASH, &len))
		return -EBADMSG;
	return len == MERKLE_HASH ? 0 : -EBADMSG;
}

static int head_tree(const json_t *object, struct merkle *tree)
{
	const json_t *size = json_object_get(object, "size"), *list = json_object_get(object, "subtrees"),
		     *one;
	unsigned char subtrees[MERKLE_LEVELS][MERKLE_HASH], root[MERKLE_HASH], said[MERKLE_HASH];
	size_t i;
	int err;

	if (!json_is_integer(size) || json_integer_value(size) < 0 || json_array_size(list) > MERKLE_LEVELS ||
	    hash_read(json_object_get(object, "root"), said))
		return -EBADMSG;
	json_array_foreach (list, i, one)
		if (hash_read(one, subtrees[i]))
			return -EBADMSG;
	err = merkle_restore((uint64_t)json_integer_value(size), subtrees, json_array_size(list), tree);
	if (!err)
		err = merkle_root(tree, root);
	return err ?: memcmp(root, said, sizeof(root)) ? -EBADMSG : 0;
}

int segment_head_parse(const char *line, size_t len, struct segment_head *head)
{
	json_auto_t *object = NULL;
	uint64_t seq = line_seq(line, len);

	if (!seq || len > SEGMENT_HEAD_BYTES || !line_is(line, len, "segment"))
		return -EBADMSG;
	object = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	if (!object || head_tree(object, &head->tree) || seq <= head->tree.size)
		return -EBADMSG;
	head->seq = seq;
	return 0;
}

size_t retention_format(uint64_t before, uint64_t seq, uint64_t time, char line[SEGMENT_HEAD_BYTES])
{
	size_t n = head_start("retention", seq, time, line);

	return n + (size_t)snprintf(line + n, SEGMENT_HEAD_BYTES - n, ", \"before\": %llu}\n",
				    (unsigned long long)before);
}

uint64_t retention_parse(const char *line, size_t len)
{
	json_auto_t *object = line_is(line, len, "retention") ? json_loadb(line, len, 0, NULL) : NULL;
	json_int_t before = json_integer_value(json_object_get(object, "before"));

	return before > 0 ? (uint64_t)before : 0;
}
