/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/oidc_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

/* Whoever can write the file can be every owner of the issuer's. */
static int file_check(int fd, struct why *why)
{
	struct stat st;

	if (fstat(fd, &st))
		return why_set(why, -errno, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return why_set(why, -EINVAL, "no regular file");
	if (st.st_uid != 0 || st.st_mode & (S_IWGRP | S_IWOTH))
		return why_set(why, -EPERM, "it must be root's, and nobody else's to write");
	return 0;
}

static int file_load(int fd, char *text, size_t room, size_t *len, struct why *why)
{
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, text + used, room - used)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return why_set(why, -errno, "%s", strerror(errno));
		used += (size_t)n;
	}
	*len = used;
	return 0;
}

static int file_read(const char *path, char **text, size_t *len, struct why *why)
{
	/* Should it be a pipe, opening it must not wait for a writer. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_free_ char *t = NULL;
	const size_t room = JWK_SET_TEXT_MAX + 1; /* one more, to see that the file ends */
	int err;

	if (fd < 0)
		return why_set(why, -errno, "%s", strerror(errno));
	err = file_check(fd, why);
	if (err)
		return err;
	t = malloc(room);
	if (!t)
		return why_set(why, -ENOMEM, "%s", strerror(ENOMEM));
	err = file_load(fd, t, room, len, why);
	if (err)
		return err;
	*text = t;
	t = NULL;
	return 0;
}

static int keys_parse(const char *text, size_t len, struct jwk_set *keys, struct why *why)
{
	int err = jwk_set_parse(text, len, keys, why);

	if (!err && !keys->count) {
		jwk_set_free(keys);
		return why_set(why, -ENOKEY, "no key that we verify with, of %zu", keys->skipped);
	}
	return err;
}

static void keys_replace(struct oidc_issuer *issuer, const struct jwk_set *keys, char *text, size_t len)
{
	jwk_set_free(&issuer->keys);
	free(issuer->keys_text);
	issuer->keys = *keys;
	issuer->keys_text = text;
	issuer->keys_len = len;
}

/* Its text is compared and not its times: two changes within one tick of the file system's clock are two. */
int oidc_keys_read(struct oidc_issuer *issuer, struct why *why)
{
	struct jwk_set keys = {0};
	char *text = NULL;
	size_t len = 0;
	int err = file_read(issuer->jwks, &text, &len, why);

	if (!err && issuer->keys_text && len == issuer->keys_len && !memcmp(text, issuer->keys_text, len)) {
		free(text);
		return 0;
	}
	if (!err)
		err = keys_parse(text, len, &keys, why);
	if (err) {
		free(text);
		text = NULL;
		len = 0;
	}
	keys_replace(issuer, &keys, text, len);
	return err;
}
