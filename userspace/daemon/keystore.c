/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/keystore.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/msg.h"
#include "daemon/secret_file.h"
#include "token/key_file.h"

static int cannot(const char *path, int err)
{
	fprintf(stderr, "deputyd: %s: %s\n", path, strerror(-err));
	return err;
}

/* A clock that was never set reads 0, which among the times of a key means "not yet". */
static int64_t now_seconds(void)
{
	time_t now = time(NULL);

	return now > 0 ? now : 1;
}

/* ---- where ---- */

/* Absolute, without links but in the last place; the file need not be there. */
static int path_settle(const char *path, char settled[PATH_MAX])
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char dir[PATH_MAX] = ".", real[PATH_MAX];

	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (!realpath(dir, real))
		return cannot(dir, -errno);
	if ((size_t)snprintf(settled, PATH_MAX, "%s/%s", strcmp(real, "/") ? real : "", name) >= PATH_MAX)
		return cannot(path, -ENAMETOOLONG);
	return 0;
}

/* Under systemd it is there (ConfigurationDirectory=). Others read it, whatever our umask is. */
static void config_dir_have(const char *config_file)
{
	const char *slash = strrchr(config_file, '/');
	char dir[PATH_MAX];

	if (!slash || slash == config_file)
		return;
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - config_file), config_file);
	if (!mkdir(dir, 0755))
		chmod(dir, 0755);
}

static int seal_locate(const char *seal_key, const char *config_file, char settled[PATH_MAX])
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	const char *slash = strrchr(config_file, '/');
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" KEYSTORE_CREDENTIAL, credentials ?: "");
	if (credentials && !access(path, F_OK))
		return path_settle(path, settled);
	if (seal_key)
		return path_settle(seal_key, settled);
	config_dir_have(config_file);
	snprintf(path, sizeof(path), "%.*s" KEYSTORE_SEAL, slash ? (int)(slash + 1 - config_file) : 0,
		 config_file);
	return path_settle(path, settled);
}

int keystore_locate(const char *state_dir, const char *seal_key, const char *config_file,
		    struct keystore *store)
{
	char key[PATH_MAX];
	size_t dir;
	int r = (size_t)snprintf(key, sizeof(key), "%s/key", state_dir) < sizeof(key)
			? path_settle(key, store->path)
			: cannot(state_dir, -ENAMETOOLONG);

	if (!r)
		r = seal_locate(seal_key, config_file, store->seal);
	if (r)
		return r;
	dir = strlen(store->path) - strlen("key"); /* with its slash */
	if (strncmp(store->path, store->seal, dir))
		return 0;
	fprintf(stderr,
		"deputyd: %s: the sealing key may not lie in the state directory, for whoever copies that would "
		"have both: name another place by `seal_key:`\n",
		store->seal);
	return -EINVAL;
}

/* ---- the sealing key ---- */

static int seal_check(const struct keystore *s, int r, size_t size)
{
	if (r == -ENOENT)
		fprintf(stderr,
			"deputyd: %s: missing, and %s is sealed with it: bring it back. Without it the signing keys "
			"are lost: after `deputyd --reset`, which ends all grants, remove %s for new ones\n",
			s->seal, s->path, s->path);
	else if (!r && size != SEAL_BYTES)
		fprintf(stderr, "deputyd: %s: a sealing key is %d random bytes, this has %zu\n", s->seal,
			SEAL_BYTES, size),
			r = -EBADMSG;
	return r;
}

static int seal_read(const struct keystore *s, bool make, unsigned char seal[SEAL_BYTES])
{
	size_t size = 0;
	int r = secret_file_read(s->seal, seal, SEAL_BYTES, &size);

	if (r == -ENOENT && make) {
		r = secret_file_have(s->seal, SEAL_BYTES);
		if (!r)
			r = secret_file_read(s->seal, seal, SEAL_BYTES, &size);
	}
	return seal_check(s, r, size);
}

/* ---- the file ---- */

static int store_complain(const struct keystore *s, int err)
{
	switch (err) {
	case -EPROTONOSUPPORT:
		fprintf(stderr, "deputyd: %s: of a later version: start the deputyd that wrote it\n",
			s->path);
		break;
	case -ENOKEY:
		fprintf(stderr,
			"deputyd: %s: sealed with another key than that in %s: bring the right one back to there\n",
			s->path, s->seal);
		break;
	case -EBADMSG:
	case -EKEYREJECTED:
		fprintf(stderr,
			"deputyd: %s: damaged or changed: bring it back from a backup. Without one the signing keys are "
			"lost: after `deputyd --reset`, which ends all grants, remove it for new ones\n",
			s->path);
		break;
	default:
		return cannot(s->path, err);
	}
	return err;
}

/* Read again before it takes the old one's place: there must be no way to lose a key by keeping it. */
static int store_save(const struct keystore *s, const unsigned char seal[SEAL_BYTES],
		      const struct secret_ring *ring)
{
	_cleanup_ring_ struct secret_ring back = {0};
	unsigned char file[KEY_FILE_BYTES];
	size_t size = 0;
	int r = key_file_seal(seal, ring, file, &size);

	if (!r)
		r = key_file_open(seal, file, size, &back);
	return r ? store_complain(s, r) : secret_file_write(s->path, 0600, file, size);
}

/* Since when an open seed signs nobody wrote down: since it was made, so that it is soon rotated out. */
static int64_t seed_since(const char *path, int64_t now)
{
	struct stat st;

	return !stat(path, &st) && st.st_mtime > 0 && st.st_mtime < now ? st.st_mtime : now;
}

static int store_migrate(const struct keystore *s, const unsigned char seal[SEAL_BYTES],
			 const unsigned char seed[KEY_SEED_BYTES], struct secret_ring *ring)
{
	int64_t now = now_seconds();
	struct secret_key *key = NULL;
	int r = key_from_seed(seed, &key);

	if (!r)
		r = secret_ring_adopt(key, seed_since(s->path, now), now, ring);
	if (r) {
		key_free(key);
		return cannot(s->path, r);
	}
	r = store_save(s, seal, ring);
	if (!r)
		fprintf(stderr,
			"deputyd: %s: the signing key lay open here and is sealed now; backups from before still "
			"have it: see KEYS in deputyd(8)\n",
			s->path);
	return r;
}

static int store_make(const struct keystore *s, const unsigned char seal[SEAL_BYTES],
		      struct secret_ring *ring)
{
	int r = secret_ring_begin(now_seconds(), ring);

	return r ? cannot(s->path, r) : store_save(s, seal, ring);
}

static int store_unseal(const struct keystore *s, const unsigned char seal[SEAL_BYTES],
			const unsigned char *file, size_t size, struct secret_ring *ring)
{
	int r = key_file_open(seal, file, size, ring);

	return r ? store_complain(s, r) : 0;
}

/* ---- both ---- */

int keystore_open(const struct keystore *s, struct secret_ring *ring)
{
	_cleanup_secret_ unsigned char *file = sodium_malloc(KEY_FILE_BYTES),
				       *seal = sodium_malloc(SEAL_BYTES);
	_cleanup_ring_ struct secret_ring keys = {0};
	size_t size = 0;
	int r = file && seal ? secret_file_read(s->path, file, KEY_FILE_BYTES, &size) : -ENOMEM;
	bool is_there = !r, is_seed = is_there && key_file_is_seed(file, size);

	if (!r || r == -ENOENT)
		r = seal_read(s, !is_there || is_seed, seal);
	if (!r)
		r = is_seed    ? store_migrate(s, seal, file, &keys)
		    : is_there ? store_unseal(s, seal, file, size, &keys)
			       : store_make(s, seal, &keys);
	if (r)
		return r;
	*ring = keys;
	keys.count = 0; /* the caller's by now */
	return 0;
}

/* Whether anything changed; -errno. */
static int store_turn(const struct keystore *s, uint32_t flags, struct secret_ring *keys)
{
	int64_t now = now_seconds();
	bool changed = secret_ring_settle(keys, now);
	int r = 0;

	if (flags & KEYS_FORGET && secret_ring_over(keys, now, s->keep)) {
		r = secret_ring_forget(keys);
		changed = true;
	}
	if (!r && (flags & KEYS_ROTATE || secret_ring_due(keys, now, s->rotate_after))) {
		r = secret_ring_rotate(keys, now);
		changed = true;
	}
	return r ?: changed;
}

int keystore_turn(const struct keystore *s, uint32_t flags, struct secret_ring *ring)
{
	_cleanup_secret_ unsigned char *file = sodium_malloc(KEY_FILE_BYTES),
				       *seal = sodium_malloc(SEAL_BYTES);
	_cleanup_ring_ struct secret_ring keys = {0};
	size_t size = 0;
	int r = file && seal ? secret_file_read(s->path, file, KEY_FILE_BYTES, &size) : -ENOMEM;

	if (r == -ENOENT)
		return cannot(s->path, r);
	if (!r)
		r = seal_read(s, false, seal);
	if (!r)
		r = store_unseal(s, seal, file, size, &keys);
	if (!r)
		r = store_turn(s, flags, &keys);
	if (r > 0)
		r = store_save(s, seal, &keys);
	if (r)
		return r;
	*ring = keys;
	keys.count = 0;
	return 0;
}

int keystore_send(const struct secret_ring *ring, int *fd)
{
	_cleanup_secret_ unsigned char *bytes = sodium_malloc(SECRET_RING_BYTES);
	int ends[2];
	size_t size;

	_Static_assert(SECRET_RING_BYTES <= PIPE_BUF, "written at once, before anybody reads");
	if (!bytes)
		return -ENOMEM;
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	size = secret_ring_encode(ring, bytes);
	if (write(ends[1], bytes, size) != (ssize_t)size) {
		close(ends[0]);
		close(ends[1]);
		return -EIO;
	}
	close(ends[1]);
	*fd = ends[0];
	return 0;
}
