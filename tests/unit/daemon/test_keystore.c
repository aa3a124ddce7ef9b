/* SPDX-License-Identifier: Apache-2.0 */
/* The signing keys on disk: made, sealed, refused when anything is wrong with them, rotated and forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/msg.h"
#include "daemon/keystore.h"
#include "daemon/secret_file.h"
#include "token/key_file.h"

#define DAY 86400

static char dir[64], state_dir[96], config[96];
static struct keystore store;

static void locate(const char *seal_key)
{
	assert_int_equal(keystore_locate(state_dir, seal_key, config, &store), 0);
	store.rotate_after = 30 * DAY;
	store.keep = 3900;
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/deputy-keystore-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(state_dir, sizeof(state_dir), "%s/state", dir);
	snprintf(config, sizeof(config), "%s/etc/deputyd.yaml", dir);
	assert_int_equal(mkdir(state_dir, 0700), 0);
	unsetenv("CREDENTIALS_DIRECTORY");
	locate(NULL);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static size_t file_get(const char *path, unsigned char bytes[KEY_FILE_BYTES])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, bytes, KEY_FILE_BYTES);

	assert_true(fd >= 0 && n >= 0);
	close(fd);
	return (size_t)n;
}

static void file_put(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_uid, 0);
	return st.st_mode;
}

static int try_open(void)
{
	_cleanup_ring_ struct secret_ring ring = {0};

	return keystore_open(&store, &ring);
}

/* What keystore_open() or a turn says the current key is. */
static void current(const struct secret_ring *ring, char kid[KID_BYTES])
{
	strcpy(kid, key_public(secret_ring_current(ring))->kid);
}

static void open_current(char kid[KID_BYTES])
{
	_cleanup_ring_ struct secret_ring ring = {0};

	assert_int_equal(keystore_open(&store, &ring), 0);
	current(&ring, kid);
}

/* ---- made and found again ---- */

static void made(void **state)
{
	unsigned char file[KEY_FILE_BYTES], seal[KEY_FILE_BYTES];
	char first[KID_BYTES], again[KID_BYTES];

	(void)state;
	open_current(first);
	assert_int_equal(mode_of(store.path), S_IFREG | 0600);
	assert_int_equal(mode_of(store.seal), S_IFREG | 0400);
	assert_int_equal(file_get(store.path, file), 56 + 2 * 56 + 16);
	assert_int_equal(file_get(store.seal, seal), SEAL_BYTES);
	open_current(again);
	assert_string_equal(first, again);
	file_get(store.path, seal);
	assert_memory_equal(seal, file, 56 + 2 * 56 + 16); /* opening it changes nothing */
}

static void places(void **state)
{
	char path[PATH_MAX], credentials[128], want[PATH_MAX];

	(void)state;
	snprintf(want, sizeof(want), "%s/etc/seal.key", dir);
	assert_string_equal(store.seal, want);
	snprintf(path, sizeof(path), "%s/etc/../other.key", dir);
	locate(path);
	snprintf(want, sizeof(want), "%s/other.key", dir);
	assert_string_equal(store.seal, want);
	snprintf(credentials, sizeof(credentials), "%s/credentials", dir);
	assert_int_equal(mkdir(credentials, 0700), 0);
	setenv("CREDENTIALS_DIRECTORY", credentials, 1);
	locate(path); /* the service has others, but not this one */
	assert_string_equal(store.seal, want);
	snprintf(want, sizeof(want), "%s/deputy.seal", credentials);
	file_put(want, "of thirty-two bytes, as it must ", SEAL_BYTES);
	locate(path);
	assert_string_equal(store.seal, want);
	assert_int_equal(try_open(), 0);
	assert_true(access(path, F_OK)); /* none was made besides */
}

#define RACERS 16

/* One that makes a sealing key, as another daemon with the same configuration would, and tells which it has.
 */
static int race(int begin, int tell)
{
	unsigned char seal[SEAL_BYTES];
	size_t size = 0;
	char byte;

	if (read(begin, &byte, 1) || secret_file_have(store.seal, SEAL_BYTES) ||
	    secret_file_read(store.seal, seal, SEAL_BYTES, &size))
		return 1;
	return write(tell, seal, size) != SEAL_BYTES;
}

/* All seal with the same one, however close they are. */
static void first_wins(void **state)
{
	unsigned char seal[SEAL_BYTES], other[SEAL_BYTES];
	int begin[2], tell[2], status;
	size_t size = 0, files = 0;
	struct dirent *entry;
	char etc[PATH_MAX];
	DIR *list;

	(void)state;
	assert_true(!pipe2(begin, O_CLOEXEC) && !pipe2(tell, O_CLOEXEC));
	for (int i = 0; i < RACERS; i++) {
		if (fork())
			continue;
		close(begin[1]);
		_exit(race(begin[0], tell[1]));
	}
	close(begin[1]);
	for (int i = 0; i < RACERS; i++)
		assert_true(wait(&status) > 0 && status == 0);
	assert_int_equal(secret_file_read(store.seal, seal, SEAL_BYTES, &size), 0);
	for (int i = 0; i < RACERS; i++) {
		assert_int_equal(read(tell[0], other, SEAL_BYTES), SEAL_BYTES);
		assert_memory_equal(other, seal, SEAL_BYTES);
	}
	snprintf(etc, sizeof(etc), "%s/etc", dir);
	list = opendir(etc);
	while ((entry = readdir(list)))
		files += entry->d_name[0] != '.';
	assert_int_equal(files, 1);
	closedir(list);
	close(begin[0]);
	close(tell[0]);
	close(tell[1]);
}

/* A copy of the state directory would hold both. */
static void beside_the_keys(void **state)
{
	struct keystore s;
	char path[PATH_MAX];

	(void)state;
	snprintf(path, sizeof(path), "%s/seal.key", state_dir);
	assert_int_equal(keystore_locate(state_dir, path, config, &s), -EINVAL);
	snprintf(path, sizeof(path), "%s/../state/./seal.key", state_dir);
	assert_int_equal(keystore_locate(state_dir, path, config, &s), -EINVAL);
	snprintf(path, sizeof(path), "%s/link", dir);
	assert_int_equal(symlink(state_dir, path), 0);
	strcat(path, "/seal.key");
	assert_int_equal(keystore_locate(state_dir, path, config, &s), -EINVAL);
	snprintf(path, sizeof(path), "%s-not/seal.key", state_dir);
	assert_int_equal(keystore_locate(state_dir, path, config, &s), -ENOENT);
	snprintf(path, sizeof(path), "%s-not", state_dir);
	assert_int_equal(mkdir(path, 0700), 0);
	strcat(path, "/seal.key");
	assert_int_equal(keystore_locate(state_dir, path, config, &s), 0);
}

/* ---- from an open seed ---- */

static const unsigned char seed[KEY_SEED_BYTES] = "a seed of thirty-two bytes, ok?!";

static void migrated(void **state)
{
	const struct timespec times[2] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
	_cleanup_ring_ struct secret_ring ring = {0};
	unsigned char file[KEY_FILE_BYTES];
	struct secret_key *key;
	char kid[KID_BYTES];

	(void)state;
	file_put(store.path, seed, sizeof(seed));
	assert_int_equal(utimensat(AT_FDCWD, store.path, times, 0), 0);
	assert_int_equal(keystore_open(&store, &ring), 0);
	assert_int_equal(key_from_seed(seed, &key), 0);
	assert_string_equal(key_public(secret_ring_current(&ring))->kid, key_public(key)->kid);
	assert_int_equal(ring.keys[0].from, 1700000000); /* so that it is soon rotated out */
	assert_int_equal(mode_of(store.path), S_IFREG | 0600);
	assert_null(memmem(file, file_get(store.path, file), seed, 8));
	open_current(kid);
	assert_string_equal(kid, key_public(key)->kid);
	key_free(key);
}

/* Where it cannot be sealed it stays as it was. */
static void not_migrated(void **state)
{
	unsigned char file[KEY_FILE_BYTES];

	(void)state;
	file_put(store.path, seed, sizeof(seed));
	file_put(store.seal, "too short", 9);
	assert_int_equal(try_open(), -EBADMSG);
	assert_int_equal(file_get(store.path, file), sizeof(seed));
	assert_memory_equal(file, seed, sizeof(seed));
	assert_int_equal(unlink(store.seal), 0);
	assert_int_equal(try_open(), 0);
}

/* A writing that was cut short left a file beside it, and the seed where it was. */
static void cut_short(void **state)
{
	char beside[PATH_MAX + 8], kid[KID_BYTES];
	struct secret_key *key;

	(void)state;
	file_put(store.path, seed, sizeof(seed));
	snprintf(beside, sizeof(beside), "%s.new", store.path);
	file_put(beside, "deputy/keys/1", 13);
	open_current(kid);
	assert_int_equal(key_from_seed(seed, &key), 0);
	assert_string_equal(kid, key_public(key)->kid);
	assert_true(access(beside, F_OK));
	key_free(key);
}

/* ---- refused ---- */

static void wrong_seal(void **state)
{
	unsigned char right[KEY_FILE_BYTES], file[KEY_FILE_BYTES];
	size_t size;

	(void)state;
	assert_int_equal(try_open(), 0);
	size = file_get(store.path, file);
	file_get(store.seal, right);
	assert_int_equal(unlink(store.seal), 0);
	assert_int_equal(try_open(), -ENOENT); /* and no other is made: it would be of no use */
	assert_true(access(store.seal, F_OK));
	file_put(store.seal, "another one of thirty-two bytes!", SEAL_BYTES);
	assert_int_equal(try_open(), -ENOKEY);
	file_put(store.seal, right, SEAL_BYTES - 1);
	assert_int_equal(try_open(), -EBADMSG);
	file_put(store.seal, right, SEAL_BYTES + 1);
	assert_int_equal(try_open(), -EFBIG);
	file_put(store.seal, right, SEAL_BYTES);
	assert_int_equal(try_open(), 0);
	assert_int_equal(file_get(store.path, right), size);
	assert_memory_equal(right, file, size); /* as it was all the while */
}

static void damaged(void **state)
{
	unsigned char file[KEY_FILE_BYTES + 1] = {0};
	size_t size;

	(void)state;
	assert_int_equal(try_open(), 0);
	size = file_get(store.path, file);
	assert_int_equal(chmod(store.path, 0600), 0);
	for (size_t n = 0; n < size; n += 8) { /* 32, a seed's length, among them */
		file_put(store.path, file, n);
		assert_int_equal(try_open(), n < 56 ? -EBADMSG : -EKEYREJECTED);
	}
	file[size - 20] ^= 4;
	file_put(store.path, file, size);
	assert_int_equal(try_open(), -EKEYREJECTED);
	file[size - 20] ^= 4;
	file[12] = '2';
	file_put(store.path, file, size);
	assert_int_equal(try_open(), -EPROTONOSUPPORT);
	file[12] = '1';
	file_put(store.path, file, size + 1);
	assert_int_equal(try_open(), -EKEYREJECTED);
	file_put(store.path, file, size);
	assert_int_equal(try_open(), 0);
}

/* What is no file of root's alone; then it is again. */
static void not_roots_alone(void **state)
{
	const char *const paths[] = {store.path, store.seal};
	char aside[PATH_MAX + 8];

	(void)state;
	assert_int_equal(try_open(), 0);
	for (size_t i = 0; i < 2; i++) {
		static const mode_t wrong[] = {0440, 0404, 0420, 0402, 0410, 0401};

		for (size_t j = 0; j < sizeof(wrong) / sizeof(wrong[0]); j++) {
			assert_int_equal(chmod(paths[i], wrong[j]), 0);
			assert_int_equal(try_open(), -EPERM);
		}
		assert_int_equal(chmod(paths[i], 0600), 0);
		assert_int_equal(try_open(), 0);
		assert_int_equal(chown(paths[i], 1, 0), 0);
		assert_int_equal(try_open(), -EPERM);
		assert_int_equal(chown(paths[i], 0, 0), 0);
		snprintf(aside, sizeof(aside), "%s.aside", paths[i]);
		assert_int_equal(rename(paths[i], aside), 0);
		assert_int_equal(symlink(aside, paths[i]), 0);
		assert_int_equal(try_open(), -ELOOP);
		assert_int_equal(unlink(paths[i]), 0);
		assert_int_equal(mkfifo(paths[i], 0600), 0);
		assert_int_equal(try_open(), -EPERM);
		assert_int_equal(unlink(paths[i]), 0);
		assert_int_equal(mkdir(paths[i], 0700), 0);
		assert_int_equal(try_open(), -EPERM);
		assert_int_equal(rmdir(paths[i]), 0);
		assert_int_equal(rename(aside, paths[i]), 0);
		assert_int_equal(try_open(), 0);
	}
}

/* ---- as time goes by ---- */

/* Puts a ring on disk whose current key signs since `from` and whose old one, if any, ended then. */
static void keys_put(int64_t from, bool old)
{
	_cleanup_ring_ struct secret_ring ring = {0};
	unsigned char seal[KEY_FILE_BYTES], file[KEY_FILE_BYTES];
	size_t size;

	assert_int_equal(try_open(), 0);
	file_get(store.seal, seal);
	assert_int_equal(secret_ring_begin(from - old, &ring), 0);
	if (old)
		assert_int_equal(secret_ring_rotate(&ring, from), 0);
	assert_int_equal(key_file_seal(seal, &ring, file, &size), 0);
	assert_int_equal(secret_file_write(store.path, 0600, file, size), 0);
}

static size_t turn(uint32_t flags, char kid[KID_BYTES])
{
	_cleanup_ring_ struct secret_ring ring = {0}, disk = {0};

	assert_int_equal(keystore_turn(&store, flags, &ring), 0);
	assert_int_equal(keystore_open(&store, &disk), 0);
	assert_int_equal(disk.count, ring.count);
	for (size_t i = 0; i < ring.count; i++)
		assert_string_equal(key_public(disk.keys[i].key)->kid, key_public(ring.keys[i].key)->kid);
	current(&ring, kid);
	return ring.count;
}

static void scheduled(void **state)
{
	char before[KID_BYTES], after[KID_BYTES];

	(void)state;
	keys_put(time(NULL) - 30 * DAY + 60, false);
	open_current(before);
	assert_int_equal(turn(0, after), 2);
	assert_string_equal(before, after);
	keys_put(time(NULL) - 30 * DAY, false);
	open_current(before);
	assert_int_equal(turn(0, after), 3);
	assert_string_not_equal(before, after);
	assert_int_equal(turn(0, before), 3); /* once */
	assert_string_equal(before, after);
}

static void asked_for(void **state)
{
	_cleanup_ring_ struct secret_ring ring = {0};
	char next[KID_BYTES], after[KID_BYTES];
	size_t count;

	(void)state;
	assert_int_equal(keystore_open(&store, &ring), 0);
	strcpy(next, key_public(ring.keys[1].key)->kid);
	assert_int_equal(turn(KEYS_ROTATE, after), 3);
	assert_string_equal(after, next); /* which everybody could have by then */
	while ((count = turn(KEYS_ROTATE, after)) < SECRET_RING_MAX)
		;
	assert_int_equal(keystore_turn(&store, KEYS_ROTATE, &ring), -ENOSPC);
	assert_int_equal(turn(0, next), count);
	assert_string_equal(next, after);
}

static void forgotten(void **state)
{
	char kid[KID_BYTES];

	(void)state;
	keys_put(time(NULL) - store.keep + 60, true);
	assert_int_equal(turn(KEYS_FORGET, kid), 3); /* too early, whatever the broker says */
	keys_put(time(NULL) - store.keep, true);
	assert_int_equal(turn(0, kid), 3); /* a grant needs it still */
	assert_int_equal(turn(KEYS_FORGET, kid), 2);
	assert_int_equal(turn(KEYS_FORGET, kid), 2);
}

static void clock_set_back(void **state)
{
	char kid[KID_BYTES];

	(void)state;
	keys_put(time(NULL) + 1000 * DAY, true);
	assert_int_equal(turn(KEYS_FORGET, kid), 3);
	store.keep = 0; /* its end is now, and no longer ahead */
	assert_int_equal(turn(KEYS_FORGET, kid), 2);
}

/* Nothing is changed that cannot be kept. */
static void unwritable(void **state)
{
	_cleanup_ring_ struct secret_ring ring = {0};
	unsigned char seal[KEY_FILE_BYTES];
	char before[KID_BYTES], after[KID_BYTES], beside[PATH_MAX + 8], in[PATH_MAX + 16];

	(void)state;
	open_current(before);
	snprintf(beside, sizeof(beside), "%s.new", store.path); /* a directory that is not empty */
	snprintf(in, sizeof(in), "%s/in", beside);
	assert_true(!mkdir(beside, 0700) && !mkdir(in, 0700));
	assert_int_equal(keystore_turn(&store, KEYS_ROTATE, &ring), -EEXIST);
	assert_int_equal(ring.count, 0);
	open_current(after);
	assert_string_equal(before, after);
	assert_true(!rmdir(in) && !rmdir(beside));
	file_get(store.seal, seal);
	assert_int_equal(unlink(store.seal), 0);
	assert_int_equal(keystore_turn(&store, KEYS_ROTATE, &ring), -ENOENT);
	file_put(store.seal, seal, SEAL_BYTES);
	assert_int_equal(keystore_turn(&store, KEYS_ROTATE, &ring), 0);
}

static void sent(void **state)
{
	_cleanup_ring_ struct secret_ring ring = {0}, back = {0};
	unsigned char bytes[SECRET_RING_BYTES + 1];
	ssize_t n;
	int fd;

	(void)state;
	assert_int_equal(secret_ring_begin(1, &ring), 0);
	while (ring.count < SECRET_RING_MAX)
		assert_int_equal(secret_ring_rotate(&ring, 2), 0);
	assert_int_equal(keystore_send(&ring, &fd), 0);
	n = read(fd, bytes, sizeof(bytes));
	assert_int_equal(n, SECRET_RING_BYTES);
	assert_int_equal(read(fd, bytes + n, 1), 0);
	assert_int_equal(secret_ring_decode(bytes, (size_t)n, &back), 0);
	close(fd);
}

#define IN_DIR(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(first_wins),	 IN_DIR(made),		 IN_DIR(places),
		IN_DIR(beside_the_keys), IN_DIR(migrated),	 IN_DIR(not_migrated),
		IN_DIR(cut_short),	 IN_DIR(wrong_seal),	 IN_DIR(damaged),
		IN_DIR(not_roots_alone), IN_DIR(scheduled),	 IN_DIR(asked_for),
		IN_DIR(forgotten),	 IN_DIR(clock_set_back), IN_DIR(unwritable),
		cmocka_unit_test(sent),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
