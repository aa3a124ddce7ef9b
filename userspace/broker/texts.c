/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/texts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "policy/policy.h"

#define SUFFIX ".yaml"

static int text_read(int fd, struct text_file *t)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	if ((uint64_t)st.st_size > POLICY_TEXT_MAX)
		return -EFBIG;
	t->text = calloc(1, (size_t)st.st_size + 1);
	if (!t->text)
		return -ENOMEM;
	n = pread(fd, t->text, (size_t)st.st_size, 0);
	if (n < 0)
		return -errno;
	t->len = (size_t)n;
	return 0;
}

static int texts_add(struct texts *texts, int dir, const char *name)
{
	struct text_file t = {0}, *list;
	_cleanup_close_ int fd =
		openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
	int err = fd < 0 ? -errno : text_read(fd, &t);

	list = err ? NULL : reallocarray(texts->list, texts->count + 1, sizeof(*list));
	if (list) {
		texts->list = list;
		t.name = strdup(name);
	}
	if (!t.name) {
		free(t.text);
		return err == -ENOENT ? 0 : err ? err : -ENOMEM;
	}
	texts->list[texts->count++] = t;
	return 0;
}

static int texts_scan(struct texts *texts, DIR *d)
{
	const struct dirent *e;

	while ((errno = 0, e = readdir(d))) {
		size_t len = strlen(e->d_name);
		int err = 0;

		if (len > strlen(SUFFIX) && strcmp(e->d_name + len - strlen(SUFFIX), SUFFIX) == 0)
			err = texts_add(texts, dirfd(d), e->d_name);
		if (err)
			return err;
	}
	return -errno;
}

int texts_load(const char *dir, struct texts *texts)
{
	struct texts t = {0};
	DIR *d = dir ? opendir(dir) : NULL;
	int err = 0;

	if (d) {
		err = texts_scan(&t, d);
		closedir(d);
	} else if (dir && errno != ENOENT) {
		err = -errno;
	}
	if (err) {
		texts_free(&t);
		return err;
	}
	*texts = t;
	return 0;
}

void texts_free(struct texts *texts)
{
	for (size_t i = 0; i < texts->count; i++) {
		free(texts->list[i].name);
		free(texts->list[i].text);
	}
	free(texts->list);
	*texts = (struct texts){0};
}

const struct text_file *texts_find(const struct texts *texts, const char *name)
{
	for (size_t i = 0; i < texts->count; i++)
		if (strcmp(texts->list[i].name, name) == 0)
			return &texts->list[i];
	return NULL;
}

char *texts_profile(const char *name, size_t *len, void *arg)
{
	_cleanup_free_ char *file = NULL;
	const struct text_file *t;
	char *copy;

	if (asprintf(&file, "%s" SUFFIX, name) < 0) {
		file = NULL;
		return NULL;
	}
	t = texts_find(arg, file);
	copy = t ? malloc(t->len + 1) : NULL;
	if (!copy)
		return NULL;
	memcpy(copy, t->text, t->len + 1);
	*len = t->len;
	return copy;
}
