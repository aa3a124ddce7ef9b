/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/site.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/orphan.h"
#include "daemon/records.h"

#define BACKLOG	  128
#define LOG_MS	  5000 /* a recorder gives itself one second */
#define KILLED_MS 2000

static int cannot(const char *dir, const char *name, int err)
{
	fprintf(stderr, "deputyd: %s/%s: %s\n", dir, name, strerror(-err));
	return err;
}

static int dir_make(const char *path, mode_t mode)
{
	if (mkdir(path, mode) && errno != EEXIST)
		return cannot(path, "", -errno);
	return 0;
}

static int open_in(const char *dir, const char *name, int flags, mode_t mode)
{
	char path[4096];
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return cannot(dir, name, -ENAMETOOLONG);
	fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, mode);
	return fd < 0 ? cannot(dir, name, -errno) : fd;
}

static int lock_take(struct site *s)
{
	s->lock = open_in(s->state_dir, "lock", O_RDWR | O_CREAT, 0600);
	if (s->lock < 0)
		return s->lock;
	if (!flock(s->lock, LOCK_EX | LOCK_NB))
		return 0;
	fprintf(stderr,
		"deputyd: %s is in use by another deputyd: stop it, or give this one another --state-dir\n",
		s->state_dir);
	return -EBUSY;
}

static bool log_lock_within(struct site *s, int ms)
{
	struct timespec tick = {.tv_nsec = 10000000};

	for (int waited = 0; waited < ms; waited += 10) {
		if (!flock(s->log, LOCK_EX | LOCK_NB))
			return true;
		nanosleep(&tick, NULL);
	}
	return false;
}

/*
 * The recorder shares this lock: one whose warden was killed is still writing down what it had. One that has
 * stopped, or hangs, loses nothing of the kernel's events by its death: the next goes on where the log ends.
 */
static int log_lock(struct site *s)
{
	pid_t orphan;

	if (log_lock_within(s, LOG_MS))
		return 0;
	orphan = orphan_kill(s->log);
	if (orphan)
		fprintf(stderr,
			"deputyd: killed process %d, the recorder of a daemon that died: it did not end\n",
			(int)orphan);
	if (orphan && log_lock_within(s, KILLED_MS))
		return 0;
	fprintf(stderr,
		"deputyd: %s/events.jsonl: another process has it locked (flock): end that, or wait for it\n",
		s->state_dir);
	return -EBUSY;
}

static int log_open(struct site *s)
{
	int r;

	s->log = open_in(s->state_dir, "events.jsonl", O_RDWR | O_APPEND | O_CREAT, 0600);
	r = s->log < 0 ? s->log : log_lock(s);
	if (r)
		return r;
	s->log_reader = open_in(s->state_dir, "events.jsonl", O_RDONLY, 0);
	return s->log_reader < 0 ? s->log_reader : 0;
}

static int listen_make(struct site *s)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if ((size_t)snprintf(s->socket, sizeof(s->socket), "%s/deputy.sock", s->runtime_dir) >=
	    sizeof(s->socket))
		return cannot(s->runtime_dir, "deputy.sock", -ENAMETOOLONG);
	strcpy(addr.sun_path, s->socket);
	unlink(s->socket); /* the lock is ours, so whoever left it is gone */
	s->listen = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listen < 0 || bind(s->listen, (struct sockaddr *)&addr, sizeof(addr)) ||
	    chmod(s->socket, 0666) || listen(s->listen, BACKLOG))
		return cannot(s->runtime_dir, "deputy.sock", -errno);
	return 0;
}

static int listen_open(struct site *s)
{
	int n = sd_listen_fds(1);

	if (!n)
		return listen_make(s);
	if (n < 0 || n > 1 || sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0) {
		fprintf(stderr, "deputyd: socket activation: expected one listening unix stream socket\n");
		return n < 0 ? n : -EINVAL;
	}
	s->activated = true;
	s->listen = fcntl(SD_LISTEN_FDS_START, F_DUPFD_CLOEXEC, 3);
	return s->listen < 0 ? -errno : 0;
}

static int pin_dir_name(struct site *s)
{
	struct stat st;

	if (fstat(s->lock, &st))
		return -errno;
	snprintf(s->pin_dir, sizeof(s->pin_dir), "/sys/fs/bpf/deputy-%llx-%llx",
		 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	return 0;
}

static int records_have(struct site *s)
{
	s->records = records_open(s->state_dir);
	return s->records < 0 ? s->records : 0;
}

int site_claim(const char *state_dir, struct site *s)
{
	int r;

	*s = (struct site){
		.state_dir = state_dir, .lock = -1, .listen = -1, .log = -1, .log_reader = -1, .records = -1};
	r = dir_make(state_dir, 0700);
	if (!r)
		r = lock_take(s);
	if (!r)
		r = pin_dir_name(s);
	return r ?: records_have(s);
}

int site_open(const char *state_dir, const char *runtime_dir, struct site *s)
{
	int r = site_claim(state_dir, s);

	s->runtime_dir = runtime_dir;
	if (!r)
		r = dir_make(runtime_dir, 0755);
	if (!r)
		r = log_open(s);
	if (!r)
		r = listen_open(s);
	return r;
}

void site_close(struct site *s)
{
	const int fds[] = {s->listen, s->log, s->log_reader, s->records, s->lock};

	if (s->listen >= 0 && !s->activated)
		unlink(s->socket);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}
