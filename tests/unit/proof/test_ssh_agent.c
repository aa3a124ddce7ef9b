/* SPDX-License-Identifier: Apache-2.0 */
/* Signing by a real ssh-agent(1), and agents that lie. */
#include "signing.h"

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/ssh_agent.h"
#include "own_agent.h"

#define MESSAGE "what the owner signs"

static int setup(void **state)
{
	return signing_setup(state) ?: own_agent_start(*state);
}

static int teardown(void **state)
{
	own_agent_stop();
	return signing_teardown(state);
}

static void real_agent(void **state)
{
	struct sshkey *key;
	int fd;

	assert_int_equal(agent_connect(NULL, &fd), 0);
	assert_int_equal(agent_find(fd, NULL, &key), -ENOKEY);
	for (size_t i = 0; i < made_key_count; i++) {
		const char *name = made_keys[i].name;
		struct sshkey *own = load_key(*state, name), *by_file;
		char file[256], *text, line[8192];
		size_t len;

		assert_int_equal(agent_find(fd, sshkey_fingerprint(own), &key), -ENOKEY);
		assert_int_equal(shell(*state, "ssh-add -q %s", name), 0);
		assert_int_equal(agent_find(fd, sshkey_fingerprint(own), &key), 0);
		assert_true(sshkey_equal(key, own));
		snprintf(file, sizeof(file), "%s/%s.pub", (char *)*state, name);
		assert_int_equal(agent_find(fd, file, &by_file), 0);
		assert_true(sshkey_equal(key, by_file));
		sshkey_free(by_file);
		if (i == 0) { /* the only one */
			assert_int_equal(agent_find(fd, NULL, &by_file), 0);
			sshkey_free(by_file);
		} else {
			assert_int_equal(agent_find(fd, NULL, &by_file), -ENOTUNIQ);
		}

		assert_int_equal(agent_sign(fd, key, NAMESPACE, MESSAGE, strlen(MESSAGE), &text), 0);
		spill(*state, "by-agent.sig", text, strlen(text));
		spill(*state, "by-agent", MESSAGE, strlen(MESSAGE));
		free(text);
		text = slurp(*state, strrchr(file, '/') + 1, &len);
		snprintf(line, sizeof(line), "alice namespaces=\"" NAMESPACE "\" %s", text);
		spill(*state, "allowed", line, strlen(line));
		free(text);
		assert_int_equal(shell(*state, "ssh-keygen -Y verify -f allowed -I alice -n " NAMESPACE
					       " -s by-agent.sig <by-agent"),
				 0);
		assert_int_not_equal(shell(*state, "echo | ssh-keygen -Y verify -f allowed -I alice "
						   "-n " NAMESPACE " -s by-agent.sig"),
				     0);
		sshkey_free(key);
		sshkey_free(own);
	}
	assert_int_equal(agent_find(fd, "/nonexistent.pub", &key), -ENOENT);
	assert_int_equal(agent_find(fd, "SHA256:", &key), -ENOKEY);
	close(fd);
}

static void refuses(void **state)
{
	struct sshkey *key = load_key(*state, "ed25519");
	char *text;
	int fd;

	assert_int_equal(shell(*state, "ssh-add -q -D"), 0);
	assert_int_equal(agent_connect(NULL, &fd), 0);
	assert_int_equal(agent_sign(fd, key, NAMESPACE, MESSAGE, strlen(MESSAGE), &text), -EACCES);
	close(fd);
	sshkey_free(key);
}

static void no_agent(void **state)
{
	char *saved = strdup(getenv("SSH_AUTH_SOCK")), path[200];
	int fd;

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(agent_connect(path, &fd), -ENAMETOOLONG);
	assert_int_equal(agent_connect("/nonexistent", &fd), -ENOENT);
	setenv("SSH_AUTH_SOCK", "", 1);
	assert_int_equal(agent_connect(NULL, &fd), -ENOENT);
	unsetenv("SSH_AUTH_SOCK");
	assert_int_equal(agent_connect(NULL, &fd), -ENOENT);
	setenv("SSH_AUTH_SOCK", saved, 1);
	free(saved);
}

/* ---- agents that lie ---- */

/* Sends an answer without having read what was asked, and hangs up. */
static int liar(const void *bytes, size_t size)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(send(pair[1], bytes, size, MSG_NOSIGNAL), size);
	shutdown(pair[1], SHUT_WR);
	/* kept open to take the question; it ends with the test */
	return pair[0] | pair[1] << 16;
}

static void liar_close(int both)
{
	close(both & 0xffff);
	close(both >> 16);
}

static int find_lied(const void *bytes, size_t size)
{
	struct sshkey *key;
	int both = liar(bytes, size), err = agent_find(both & 0xffff, NULL, &key);

	liar_close(both);
	if (!err)
		sshkey_free(key);
	return err;
}

static int sign_lied(const struct sshkey *key, const void *bytes, size_t size)
{
	char *text;
	int both = liar(bytes, size);
	int err = agent_sign(both & 0xffff, key, NAMESPACE, MESSAGE, strlen(MESSAGE), &text);

	liar_close(both);
	if (!err)
		free(text);
	return err;
}

static void lists(void **state)
{
	struct sshkey *key = load_key(*state, "ed25519");
	const struct octets blob = sshkey_blob(key);
	uint8_t bytes[512];
	struct wire_buffer to = {.bytes = bytes, .room = sizeof(bytes)};

	wire_put_u32(&to, (uint32_t)(1 + 4 + 4 + blob.size + 4 + 1));
	wire_put_u8(&to, 12);
	wire_put_u32(&to, 1);
	wire_put_string(&to, blob.bytes, blob.size);
	wire_put_string(&to, "c", 1);
	assert_int_equal(find_lied(bytes, to.used), 0);
	for (size_t n = 0; n < to.used; n++)
		assert_int_equal(find_lied(bytes, n), -EPROTO);
	for (size_t n = 1; n < to.used - 4; n++) { /* whole, and the answer is too short */
		bytes[3] = (uint8_t)n;
		assert_int_equal(find_lied(bytes, 4 + n), -EPROTO);
	}
	bytes[3] = (uint8_t)(to.used - 4 + 1); /* and too long */
	bytes[to.used] = 0;
	assert_int_equal(find_lied(bytes, to.used + 1), -EPROTO);
	bytes[3] = (uint8_t)(to.used - 4);
	for (unsigned count = 2; count < 256; count += 253) { /* more than there are */
		bytes[8] = (uint8_t)count;
		assert_int_equal(find_lied(bytes, to.used), -EPROTO);
	}
	memset(bytes + 5, 0xff, 4);
	assert_int_equal(find_lied(bytes, to.used), -EPROTO);
	sshkey_free(key);
}

static void headers(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		int err;
	} cases[] = {
		{"\0\0\0\1\5", 5, -EACCES},  {"\0\0\0\1\6", 5, -EPROTO},
		{"\0\0\0\1\xe", 5, -EPROTO}, {"\0\0\0\0", 4, -EPROTO},
		{"\0\0\0\1\xc", 5, -EPROTO}, {"\0\0\0\5\xc\0\0\0\0", 9, -ENOKEY},
		{"\0\4\0\1\xc", 5, -EPROTO}, {"\xff\xff\xff\xff\xc", 5, -EPROTO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(find_lied(cases[i].bytes, cases[i].size), cases[i].err);
}

/* A signature counts only if it is the key's over the message. */
static void signatures(void **state)
{
	uint8_t public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
	uint8_t blob[128], signature[crypto_sign_BYTES], data[SSHSIG_SIGNED_MAX], bytes[512];
	struct wire_buffer b = {.bytes = blob, .room = sizeof(blob)};
	struct wire_buffer d = {.bytes = data, .room = sizeof(data)};
	struct wire_buffer to = {.bytes = bytes, .room = sizeof(bytes)};
	struct sshkey *key;

	(void)state;
	crypto_sign_keypair(public, secret);
	wire_put_string(&b, "ssh-ed25519", 11);
	wire_put_string(&b, public, sizeof(public));
	assert_int_equal(sshkey_parse(blob, b.used, &key), 0);
	assert_int_equal(sshsig_signed_bytes(NAMESPACE, SSHSIG_SHA512, MESSAGE, strlen(MESSAGE), &d), 0);
	crypto_sign_detached(signature, NULL, data, d.used, secret);
	wire_put_u32(&to, 1 + 4 + 4 + 11 + 4 + 64);
	wire_put_u8(&to, 14);
	wire_put_u32(&to, 4 + 11 + 4 + 64);
	wire_put_string(&to, "ssh-ed25519", 11);
	wire_put_string(&to, signature, sizeof(signature));
	assert_int_equal(sign_lied(key, bytes, to.used), 0);
	for (size_t n = 0; n < to.used; n++)
		assert_int_equal(sign_lied(key, bytes, n), -EPROTO);
	for (size_t bit = 0; bit < to.used * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (sign_lied(key, bytes, to.used) == 0)
			fail_msg("bit %zu", bit);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	sshkey_free(key);
}

/* One that is silent is given up on. */
static void silent(void **state)
{
	struct sshkey *key;
	struct timespec start, end;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(agent_find(pair[0], NULL, &key), -ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec >= AGENT_LIST_SECONDS - 1);
	close(pair[1]);
	assert_int_equal(agent_find(pair[0], NULL, &key), -EPIPE);
	close(pair[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_agent), cmocka_unit_test(refuses), cmocka_unit_test(no_agent),
		cmocka_unit_test(lists),      cmocka_unit_test(headers), cmocka_unit_test(signatures),
		cmocka_unit_test(silent),
	};

	return cmocka_run_group_tests_name("proof/ssh_agent", tests, setup, teardown);
}
