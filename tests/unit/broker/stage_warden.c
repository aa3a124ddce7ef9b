/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stage.h"
#include "stage_private.h"

static void warden_load_table(struct stage *s, const struct warden_request *q, int fd, struct warden_reply *r)
{
	struct stat st;

	REQUIRE(fstat(fd, &st) == 0);
	s->table_size = (size_t)st.st_size;
	r->slot = s->next_slot++;
	r->gen = 7;
	s->slots[r->slot] = (struct slot){.gen = 7,
					  .state = SLOT_LIVE,
					  .expires = q->expires,
					  .flags = q->flags,
					  .parent = q->parent,
					  .parent_gen = q->parent_gen};
	if (r->slot < STAGE_TABLES)
		s->tables[r->slot] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static void record_path(const struct stage *s, uint32_t slot, uint32_t gen, char path[128])
{
	snprintf(path, 128, "%s/records/%u-%u", s->dir, slot, gen);
}

static void stage_forget(const struct stage *s, uint32_t slot, uint32_t gen)
{
	char path[128];

	record_path(s, slot, gen, path);
	unlink(path);
}

static void stage_keep(const struct stage *s, uint32_t slot, uint32_t gen, int from)
{
	char path[128], bytes[262144];
	ssize_t n = pread(from, bytes, sizeof(bytes), 0);
	int fd;

	record_path(s, slot, gen, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	REQUIRE(n > 0 && fd >= 0 && write(fd, bytes, (size_t)n) == n);
	close(fd);
}

static int warden_keys_turn(struct stage *s, const struct warden_request *q, struct warden_reply *r)
{
	_cleanup_ring_ struct secret_ring keys = {0};
	int fd = -1;

	r->error = keystore_turn(&s->keystore, q->flags, &keys) ?: keystore_send(&keys, &fd);
	return fd;
}

/* As the real one: from a grant to one that it delegated, else only where there is none. */
static void warden_tag_peer(struct stage *s, const struct warden_request *q, struct warden_reply *r)
{
	struct slot *to = &s->slots[q->slot];

	if (s->peer_slot && (to->parent != s->peer_slot || to->parent_gen != s->peer_gen))
		r->error = -EEXIST;
	else
		to->tasks++;
}

static uint32_t peer_pid(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	REQUIRE(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0);
	return (uint32_t)cred.pid;
}

static int32_t warden_renewed(struct slot *slot, const struct warden_request *q)
{
	if (slot->state != SLOT_LIVE || !slot->expires)
		return -ESTALE;
	if (q->expires <= slot->expires)
		return -EINVAL;
	slot->expires = q->expires;
	return 0;
}

/* -1: nothing is passed. */
static int warden_answer(struct stage *s, const struct warden_request *q, int fd, struct warden_reply *r)
{
	s->calls[q->op]++;
	s->last[q->op] = *q;
	r->error = s->fail_slot && q->slot != s->fail_slot ? 0 : s->fail[q->op];
	if (r->error)
		return -1;
	switch (q->op) {
	case WARDEN_PEER:
		r->slot = s->peer_slot;
		r->gen = s->peer_gen;
		r->threads = s->peer_threads;
		r->tgid = s->peer_real ? peer_pid(fd) : 4242;
		break;
	case WARDEN_LOAD:
		warden_load_table(s, q, fd, r);
		break;
	case WARDEN_TAG:
		warden_tag_peer(s, q, r);
		break;
	case WARDEN_REVOKE:
		s->slots[q->slot].state = SLOT_REVOKED;
		break;
	case WARDEN_RELEASE:
		r->error = s->slots[q->slot].tasks ? -EBUSY : 0;
		if (!r->error) {
			s->slots[q->slot].state = SLOT_FREE;
			stage_forget(s, q->slot, q->gen);
		}
		break;
	case WARDEN_RECORD:
		stage_keep(s, q->slot, q->gen, fd);
		break;
	case WARDEN_RENEW:
		r->error = warden_renewed(&s->slots[q->slot], q);
		break;
	case WARDEN_TABLE:
		REQUIRE(q->slot < STAGE_TABLES);
		return s->tables[q->slot];
	case WARDEN_KEYS:
		return warden_keys_turn(s, q, r);
	}
	return -1;
}

void *stage_warden(void *arg)
{
	struct stage *s = arg;
	struct warden_request q;
	int fd;

	while (msg_recv(s->warden, &q, sizeof(q), &fd) == 0) {
		struct warden_reply r = {0};
		bool passes = q.op != WARDEN_REVOKE && q.op != WARDEN_RELEASE &&
			      q.op < WARDEN_TABLE; /* those after it take none */
		int pass, sent;

		REQUIRE(q.op >= WARDEN_PEER && q.op < WARDEN_OPS);
		REQUIRE((fd >= 0) == passes);
		stage_lock(s);
		pass = warden_answer(s, &q, fd, &r);
		stage_unlock(s);
		if (fd >= 0)
			close(fd);
		sent = msg_send(s->warden, &r, sizeof(r), pass);
		if (q.op == WARDEN_KEYS && pass >= 0)
			close(pass);
		if (sent)
			break;
	}
	return NULL;
}

void stage_warden_clear(struct stage *s)
{
	for (size_t i = 0; i < STAGE_TABLES; i++)
		if (s->tables[i] > 0)
			close(s->tables[i]);
}
