/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ssh_agent.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "cli/files.h"
#include "common/cleanup.h"
#include "proof/sshsig.h"

#define KEY_FILE_MAX 16384u /* bytes of a .pub file */

/* Section 6.1 and 6.3 of the draft. */
enum {
	AGENT_FAILURE = 5,
	AGENT_REQUEST_IDENTITIES = 11,
	AGENT_IDENTITIES_ANSWER = 12,
	AGENT_SIGN_REQUEST = 13,
	AGENT_SIGN_RESPONSE = 14,
	AGENT_RSA_SHA2_512 = 4,
};

/* ---- messages ---- */

int agent_connect(const char *path, int *fd)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int s, err;

	path = path ?: getenv("SSH_AUTH_SOCK");
	if (!path || !*path)
		return -ENOENT;
	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	strcpy(to.sun_path, path);
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return -errno;
	if (connect(s, (struct sockaddr *)&to, sizeof(to))) {
		err = -errno;
		close(s);
		return err;
	}
	*fd = s;
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n;

	do {
		int64_t left = deadline - now_ms();

		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : n ? -errno : -ETIMEDOUT;
}

static int send_all(int fd, const uint8_t *bytes, size_t size, int64_t deadline)
{
	while (size) {
		int err = wait_for(fd, POLLOUT, deadline);
		ssize_t n = err ? 0 : send(fd, bytes, size, MSG_NOSIGNAL);

		if (err)
			return err;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		bytes += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* -EPROTO: it hung up before that. */
static int receive_all(int fd, uint8_t *bytes, size_t size, int64_t deadline)
{
	while (size) {
		int err = wait_for(fd, POLLIN, deadline);
		ssize_t n = err ? 0 : recv(fd, bytes, size, 0);

		if (err)
			return err;
		if (n == 0)
			return -EPROTO;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		bytes += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* One message there and one back, whose bytes *owner owns; *answer is what follows its type. */
static int agent_ask(int fd, const struct wire_buffer *message, uint8_t expected, int seconds,
		     uint8_t **owner, struct octets *answer)
{
	const int64_t deadline = now_ms() + seconds * 1000;
	_cleanup_free_ uint8_t *bytes = NULL;
	uint8_t header[4], type;
	struct octets s = {header, sizeof(header)};
	uint32_t size = 0;
	int err = message->full ? -EMSGSIZE : send_all(fd, message->bytes, message->used, deadline);

	if (!err)
		err = receive_all(fd, header, sizeof(header), deadline);
	if (err)
		return err;
	if (wire_u32(&s, &size) || size == 0 || size > AGENT_MESSAGE_MAX)
		return -EPROTO;
	bytes = malloc(size);
	err = bytes ? receive_all(fd, bytes, size, deadline) : -ENOMEM;
	if (err)
		return err;
	s = (struct octets){bytes, size};
	if (wire_u8(&s, &type) || type != expected)
		return type == AGENT_FAILURE ? -EACCES : -EPROTO;
	*answer = s;
	*owner = bytes;
	bytes = NULL;
	return 0;
}

/* ---- which key ---- */

struct choice {
	const char *fingerprint;     /* NULL: not by it */
	const struct sshkey *wanted; /* NULL: not by it */
	struct sshkey *found;
	bool several;
};

static void choice_consider(struct choice *c, struct sshkey *key)
{
	bool chosen = c->wanted ? sshkey_equal(key, c->wanted)
				: !c->fingerprint || strcmp(c->fingerprint, sshkey_fingerprint(key)) == 0;

	if (!chosen) {
		sshkey_free(key);
		return;
	}
	c->several |= c->found && !sshkey_equal(c->found, key);
	sshkey_free(c->found);
	c->found = key;
}

/* Keys of types that we do not take, certificates among them, are passed over. */
static int identities_read(struct octets answer, struct choice *c)
{
	struct octets blob, comment;
	struct sshkey *key;
	uint32_t count;
	int err;

	if (wire_u32(&answer, &count))
		return -EPROTO;
	for (; count; count--) { /* each takes bytes of the answer, so that no count is too high */
		if (wire_string(&answer, &blob) || wire_string(&answer, &comment))
			return -EPROTO;
		err = sshkey_parse(blob.bytes, blob.size, &key);
		if (err == -ENOMEM)
			return err;
		if (!err)
			choice_consider(c, key);
	}
	return wire_end(&answer) ? -EPROTO : 0;
}

static int choose(int fd, struct choice *c)
{
	uint8_t bytes[5];
	struct wire_buffer message = {.bytes = bytes, .room = sizeof(bytes)};
	_cleanup_free_ uint8_t *owner = NULL;
	struct octets answer;
	int err;

	wire_put_u32(&message, 1);
	wire_put_u8(&message, AGENT_REQUEST_IDENTITIES);
	err = agent_ask(fd, &message, AGENT_IDENTITIES_ANSWER, AGENT_LIST_SECONDS, &owner, &answer);
	if (!err)
		err = identities_read(answer, c);
	if (!err && c->several)
		err = -ENOTUNIQ;
	return err ? err : c->found ? 0 : -ENOKEY;
}

int agent_find(int fd, const char *which, struct sshkey **key)
{
	_cleanup_free_ char *line = NULL;
	struct sshkey *wanted = NULL;
	struct choice c = {0};
	size_t len;
	int err = 0;

	if (which && strncmp(which, "SHA256:", 7) == 0) {
		c.fingerprint = which;
	} else if (which) {
		err = file_read(which, KEY_FILE_MAX, &line, &len);
		if (!err)
			err = sshkey_parse_line(line, len, &wanted);
		c.wanted = wanted;
	}
	if (!err)
		err = choose(fd, &c);
	sshkey_free(wanted);
	if (err)
		sshkey_free(c.found);
	else
		*key = c.found;
	return err;
}

/* ---- signing ---- */

/* Of the namespace and this message, by this key, or nobody's. */
static int signature_check(const char *text, const struct sshkey *key, const char *name_space,
			   const void *message, size_t size)
{
	struct sshsig_facts facts;
	struct sshsig sig;
	int err = sshsig_decode_text(text, strlen(text), &sig);

	if (err)
		return err;
	err = sshkey_equal(sig.key, key) ? sshsig_verify(&sig, name_space, message, size, &facts)
					 : -EKEYREJECTED;
	sshsig_free(&sig);
	return err;
}

static int sign_ask(int fd, const struct sshkey *key, const char *name_space, const void *message,
		    size_t size, uint8_t **owner, struct octets *signature)
{
	uint8_t bytes[SSHKEY_BLOB_MAX + SSHSIG_SIGNED_MAX + 32], data[SSHSIG_SIGNED_MAX];
	struct wire_buffer to = {.bytes = bytes, .room = sizeof(bytes)};
	struct wire_buffer what = {.bytes = data, .room = sizeof(data)};
	const struct octets blob = sshkey_blob(key);
	struct octets answer;
	int err = sshsig_signed_bytes(name_space, SSHSIG_SHA512, message, size, &what);

	if (err)
		return err;
	wire_put_u32(&to, (uint32_t)(1 + 4 + blob.size + 4 + what.used + 4));
	wire_put_u8(&to, AGENT_SIGN_REQUEST);
	wire_put_string(&to, blob.bytes, blob.size);
	wire_put_string(&to, what.bytes, what.used);
	wire_put_u32(&to, sshkey_is_rsa(key) ? AGENT_RSA_SHA2_512 : 0);
	err = agent_ask(fd, &to, AGENT_SIGN_RESPONSE, AGENT_SIGN_SECONDS, owner, &answer);
	if (err)
		return err;
	return wire_string(&answer, signature) || wire_end(&answer) ? -EPROTO : 0;
}

int agent_sign(int fd, const struct sshkey *key, const char *name_space, const void *message, size_t size,
	       char **text)
{
	_cleanup_free_ uint8_t *owner = NULL;
	_cleanup_free_ char *t = NULL;
	struct octets signature;
	int err = sign_ask(fd, key, name_space, message, size, &owner, &signature);

	if (!err)
		err = sshsig_encode_text(key, name_space, SSHSIG_SHA512, signature, &t);
	if (!err)
		err = signature_check(t, key, name_space, message, size);
	if (err)
		return err;
	*text = t;
	t = NULL;
	return 0;
}
