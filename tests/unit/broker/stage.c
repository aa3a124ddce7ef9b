/* SPDX-License-Identifier: Apache-2.0 */
#include "stage.h"

#include "stage_private.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

const char stage_policy[] = "apiVersion: deputy/v1\\n"
			    "name: coder\\n"
			    "owner: {any_of: [uid:1234567, uid:root]}\\n"
			    "purposes:\\n"
			    "  fix-issue:\\n"
			    "    ttl: 15m\\n"
			    "    files:\\n"
			    "      - {allow: [read, write], path: \\\"${workdir}/**\\\"}\\n"
			    "      - {deny: [read], path: \\\"**/.env\\\"}\\n"
			    "    on_revoke: deny\\n"
			    "    delegate: {depth: 3, children: 2}\\n"
			    "  long:\\n"
			    "    ttl: 2h\\n"
			    "    files: [{allow: [read], path: /usr/**}]\\n";

const struct broker_options stage_options = {
	.version = "test",
	.user_policies = true,
	.max_ttl_ns = 3600ull * 1000000000,
	.max_life_ns = 8 * 3600ull * 1000000000,
	.max_renewals = 3,
	.rotate_after = 30 * 86400,
	.keys_keep = 3600 + 300,
};

/* ---- the recorder ---- */

static void recorder_hear(struct stage *s, const struct record_message *m, int fd)
{
	if (m->op == RECORD_GRANT) {
		ssize_t n = pread(fd, s->labels, sizeof(s->labels), 0);

		REQUIRE(n >= 0);
		s->labels_size = (size_t)n;
		s->grants++;
		return;
	}
	s->begun |= m->op == RECORD_BEGIN;
	if (m->op == RECORD_BEGIN)
		return;
	if (s->note_count < STAGE_NOTES)
		s->notes[s->note_count++] = *m;
}

static void *recorder_play(void *arg)
{
	struct stage *s = arg;
	struct record_message m;
	bool deaf = false;
	int fd;

	for (;;) {
		stage_lock(s);
		deaf = s->deaf;
		stage_unlock(s);
		if (deaf) {
			usleep(1000);
			continue;
		}
		if (msg_recv(s->recorder, &m, sizeof(m), &fd))
			return NULL;
		stage_lock(s);
		recorder_hear(s, &m, fd);
		stage_unlock(s);
		if (fd >= 0)
			close(fd);
	}
}

/* ---- the broker ---- */

/* Moves a set of descriptors to FD_WARDEN..FD_READY, whatever numbers they have now. */
static void stage_place(const int fds[FD_READY + 1])
{
	int high[FD_READY + 1];

	for (int i = FD_WARDEN; i <= FD_READY; i++)
		high[i] = fcntl(fds[i], F_DUPFD, 64);
	for (int i = FD_WARDEN; i <= FD_READY; i++)
		dup2(high[i], i);
	for (int i = FD_READY + 1; i < 1024; i++)
		close(i);
}

static int stage_file(struct stage *s, const char *name, size_t size)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	REQUIRE(fd >= 0);
	REQUIRE(ftruncate(fd, (off_t)size) == 0);
	return fd;
}

static int stage_records(struct stage *s)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/records", s->dir);
	REQUIRE(mkdir(path, 0700) == 0 || errno == EEXIST);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void *stage_map(int fd, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	REQUIRE(p != MAP_FAILED);
	return p;
}

static int stage_listen(struct stage *s)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(s->socket, sizeof(s->socket), "%s/deputy.sock", s->dir);
	strcpy(a.sun_path, s->socket);
	REQUIRE(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	REQUIRE(chmod(s->socket, 0666) == 0 && listen(fd, 1024) == 0);
	return fd;
}

/* As the daemon's parent opens and sends them, from files of the stage's own. */
static int stage_keys(struct stage *s, const struct broker_options *options)
{
	_cleanup_ring_ struct secret_ring ring = {0};
	int fd;

	snprintf(s->keystore.path, sizeof(s->keystore.path), "%s/key", s->dir);
	snprintf(s->keystore.seal, sizeof(s->keystore.seal), "%s/seal.key", s->dir);
	s->keystore.rotate_after = options->rotate_after;
	s->keystore.keep = options->keys_keep;
	REQUIRE(sodium_init() >= 0);
	REQUIRE(keystore_open(&s->keystore, &ring) == 0);
	REQUIRE(keystore_send(&ring, &fd) == 0);
	return fd;
}

static void stage_run(struct stage *s, const struct broker_options *options, const int fds[FD_READY + 1])
{
	char profiles[128], policies[128];
	struct broker_options o = *options;
	int err;

	stage_place(fds);
	snprintf(profiles, sizeof(profiles), "%s/profiles", s->dir);
	snprintf(policies, sizeof(policies), "%s/policies", s->dir);
	o.profile_dir = profiles;
	o.policy_dir = policies;
	err = broker_main(&o);
	if (err)
		fprintf(stderr, "stage: the broker ended: %s\n", strerror(-err));
	exit(err ? 1 : 0); /* and not _exit(): the leak checker looks */
}

static void stage_start(struct stage *s, const struct broker_options *options)
{
	int warden[2], recorder[2], ready[2], fds[FD_READY + 1];
	char byte;

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, warden) == 0);
	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, recorder) == 0);
	REQUIRE(pipe2(ready, O_CLOEXEC) == 0);
	fds[FD_WARDEN] = warden[1];
	fds[FD_PEER] = recorder[1];
	fds[FD_LISTEN] = stage_listen(s);
	fds[FD_KEY] = stage_keys(s, options);
	fds[FD_LOG] = s->log;
	fds[FD_CONTROL] = stage_file(s, "control", 4096);
	fds[FD_SLOTS] = stage_file(s, "slots", SLOTS_MAX * sizeof(struct slot));
	fds[FD_RING] = s->log; /* the recorder's */
	fds[FD_RECORDS] = stage_records(s);
	fds[FD_READY] = ready[1];
	s->control = stage_map(fds[FD_CONTROL], 4096);
	s->slots = stage_map(fds[FD_SLOTS], SLOTS_MAX * sizeof(struct slot));
	if (s->before)
		memcpy(s->slots, s->before, SLOTS_MAX * sizeof(struct slot));
	s->warden = warden[0];
	s->recorder = recorder[0];
	s->broker = fork();
	REQUIRE(s->broker >= 0);
	if (s->broker == 0)
		stage_run(s, options, fds);
	for (int i = FD_WARDEN; i <= FD_READY; i++)
		if (i != FD_LOG && i != FD_RING)
			close(fds[i]);
	REQUIRE(pthread_create(&s->warden_thread, NULL, stage_warden, s) == 0);
	REQUIRE(pthread_create(&s->recorder_thread, NULL, recorder_play, s) == 0);
	REQUIRE(read(ready[0], &byte, 1) == 1);
	close(ready[0]);
}

void stage_open(struct stage *s, const struct broker_options *options)
{
	signal(SIGPIPE, SIG_IGN);
	pthread_mutex_init(&s->mutex, NULL);
	s->peer_threads = 1;
	s->next_slot = s->next_slot ? s->next_slot : 1;
	if (!*s->dir) {
		strcpy(s->dir, "/tmp/deputy-stage-XXXXXX");
		REQUIRE(mkdtemp(s->dir));
		REQUIRE(chmod(s->dir, 0755) == 0);
	}
	s->log = stage_file(s, "events.jsonl", 0);
	stage_start(s, options);
}

static int stage_unlink(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void stage_remove(struct stage *s)
{
	nftw(s->dir, stage_unlink, 8, FTW_DEPTH | FTW_PHYS);
	*s->dir = '\0';
}

static int stage_end(struct stage *s, int signal)
{
	int status;

	kill(s->broker, signal);
	REQUIRE(waitpid(s->broker, &status, 0) == s->broker);
	pthread_join(s->warden_thread, NULL);
	pthread_join(s->recorder_thread, NULL);
	close(s->warden);
	close(s->recorder);
	close(s->log);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void stage_restart(struct stage *s)
{
	struct slot *slots = malloc(SLOTS_MAX * sizeof(struct slot));

	REQUIRE(stage_end(s, SIGKILL) == 128 + SIGKILL);
	memcpy(slots, s->slots, SLOTS_MAX * sizeof(struct slot));
	munmap(s->control, 4096);
	munmap(s->slots, SLOTS_MAX * sizeof(struct slot));
	unlink(s->socket);
	s->begun = false;
	s->grants = 0;
	s->before = slots;
	stage_open(s, &stage_options);
	free(slots);
	s->before = NULL;
}

int stage_close(struct stage *s)
{
	int status = stage_end(s, SIGTERM);

	stage_remove(s);
	stage_warden_clear(s);
	munmap(s->control, 4096);
	munmap(s->slots, SLOTS_MAX * sizeof(struct slot));
	return status;
}

void stage_lock(struct stage *s)
{
	pthread_mutex_lock(&s->mutex);
}

void stage_unlock(struct stage *s)
{
	pthread_mutex_unlock(&s->mutex);
}

unsigned stage_calls(struct stage *s, enum warden_op op)
{
	unsigned n;

	stage_lock(s);
	n = s->calls[op];
	stage_unlock(s);
	return n;
}

struct warden_request stage_last(struct stage *s, enum warden_op op)
{
	struct warden_request q;

	stage_lock(s);
	q = s->last[op];
	stage_unlock(s);
	return q;
}

void stage_fail(struct stage *s, enum warden_op op, int32_t error)
{
	stage_lock(s);
	s->fail[op] = error;
	stage_unlock(s);
}

void stage_caller(struct stage *s, uint32_t slot, uint32_t gen, uint32_t threads)
{
	stage_lock(s);
	s->peer_slot = slot;
	s->peer_gen = gen;
	s->peer_threads = threads;
	stage_unlock(s);
}

bool stage_alive(struct stage *s)
{
	struct reply r;
	bool alive;

	stage_request(s, geteuid(), "GET", "/v1/keys", NULL, &r);
	alive = r.status == 200;
	reply_free(&r);
	return alive;
}

/* ---- requests ---- */

/* Of this thread only: glibc's own call would change them all. */
static void stage_become(uid_t uid)
{
	REQUIRE(syscall(SYS_setresuid, -1, uid, -1) == 0);
}

static size_t reply_collect(char *data, size_t size, size_t n, void *arg)
{
	struct reply *r = arg;

	r->text = realloc(r->text, r->size + size * n + 1);
	memcpy(r->text + r->size, data, size * n);
	r->size += size * n;
	r->text[r->size] = '\0';
	return size * n;
}

static size_t reply_header(char *data, size_t size, size_t n, void *arg)
{
	static const char name[] = "DPoP-Nonce: ";
	struct reply *r = arg;
	size_t len = size * n, skip = strlen(name);

	if (len > skip && strncasecmp(data, name, skip) == 0)
		snprintf(r->nonce, sizeof(r->nonce), "%.*s", (int)strcspn(data + skip, "\r\n"), data + skip);
	return len;
}

void stage_request_with(struct stage *s, uid_t uid, const char *method, const char *path, const char *body,
			const char *header, struct reply *reply)
{
	struct curl_slist *headers = header ? curl_slist_append(NULL, header) : NULL;
	CURL *c = curl_easy_init();
	uid_t self = geteuid();
	char url[512], content[128];
	char *type = NULL;

	memset(reply, 0, sizeof(*reply));
	snprintf(url, sizeof(url), "http://deputy%s", path);
	curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, s->socket);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, reply_collect);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, reply);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, reply_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, reply);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, 20L);
	curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	if (body) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
	}
	if (s->content_type) {
		snprintf(content, sizeof(content), "Content-Type: %s", s->content_type);
		headers = curl_slist_append(headers, content);
	}
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	stage_become(uid);
	curl_easy_perform(c);
	stage_become(self);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &reply->status);
	curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
	snprintf(reply->type, sizeof(reply->type), "%s", type ? type : "");
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	reply->json = reply->text ? json_loads(reply->text, 0, NULL) : NULL;
}

void stage_request(struct stage *s, uid_t uid, const char *method, const char *path, const char *body,
		   struct reply *reply)
{
	stage_request_with(s, uid, method, path, body, NULL, reply);
}

void reply_free(struct reply *r)
{
	json_decref(r->json);
	free(r->text);
	memset(r, 0, sizeof(*r));
}

const char *reply_message(const struct reply *r)
{
	return reply_text(r, "message");
}

int stage_connect(struct stage *s, uid_t uid)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uid_t self = geteuid();

	strcpy(a.sun_path, s->socket);
	stage_become(uid);
	REQUIRE(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	stage_become(self);
	return fd;
}

/* ---- the recorder's side ---- */

void stage_report(struct stage *s, enum report_op op, uint32_t slot, uint32_t gen, uint64_t size)
{
	struct report r = {.op = op, .slot = slot, .gen = gen, .size = size};

	REQUIRE(msg_send(s->recorder, &r, sizeof(r), -1) == 0);
}

void stage_log(struct stage *s, const char *lines)
{
	size_t len = strlen(lines);

	REQUIRE(write(s->log, lines, len) == (ssize_t)len);
	stage_report(s, REPORT_GREW, 0, 0, (uint64_t)lseek(s->log, 0, SEEK_END));
}

unsigned stage_notes(struct stage *s, enum note note)
{
	unsigned n = 0;

	stage_lock(s);
	for (unsigned i = 0; i < s->note_count; i++)
		n += s->notes[i].note == note;
	stage_unlock(s);
	return n;
}

bool stage_heard(struct stage *s, enum note note, unsigned count)
{
	for (int i = 0; i < 5000; i++) {
		if (stage_notes(s, note) >= count)
			return true;
		usleep(1000);
	}
	return false;
}

bool stage_note(struct stage *s, enum note note, struct record_message *m)
{
	bool found = false;

	stage_lock(s);
	for (unsigned i = 0; i < s->note_count; i++) {
		if (s->notes[i].note != note)
			continue;
		*m = s->notes[i];
		found = true;
	}
	stage_unlock(s);
	return found;
}

/* ---- grants ---- */

void stage_mint(struct stage *s, uid_t uid, const char *members, struct reply *reply)
{
	char *body;

	REQUIRE(asprintf(&body,
			 "{\"policy\": {\"name\": \"coder.yaml\", \"text\": \"%s\"}, \"workdir\": \"/w\"%s}",
			 stage_policy, members) > 0);
	stage_request(s, uid, "POST", "/v1/grants", body, reply);
	free(body);
}

void stage_grant(struct stage *s, uid_t uid, const char *members, char id[ID_BYTES])
{
	struct reply r;

	stage_mint(s, uid, members, &r);
	if (r.status != 201)
		fprintf(stderr, "stage: %ld %s\n", r.status, r.text);
	REQUIRE(r.status == 201);
	snprintf(id, ID_BYTES, "%s", reply_text(&r, "grant"));
	reply_free(&r);
}

const char *reply_text(const struct reply *r, const char *member)
{
	const char *t = json_string_value(json_object_get(r->json, member));

	return t ? t : "";
}

int stage_setup(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	stage_open(s, &stage_options);
	*state = s;
	return 0;
}

int stage_teardown(void **state)
{
	int status = stage_close(*state);

	free(*state);
	return status;
}
