/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/warden_client.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/types.h"

/* `passed`: what comes with the reply, -1 when nothing does; NULL: nothing may. */
static int warden_exchange(int warden, const struct warden_request *request, int pass,
			   struct warden_reply *reply, int *passed)
{
	int err = msg_send(warden, request, sizeof(*request), pass);

	if (!err)
		err = msg_recv(warden, reply, sizeof(*reply), passed);
	if (!err)
		return reply->error;
	/* From here on a reply could be taken for another request's. The event loop sees the end and stops.
	 */
	shutdown(warden, SHUT_RDWR);
	return err;
}

static int warden_call(int warden, const struct warden_request *request, int pass, struct warden_reply *reply)
{
	return warden_exchange(warden, request, pass, reply, NULL);
}

int warden_peer(int warden, int connection, struct warden_peer *peer)
{
	struct warden_request request = {.op = WARDEN_PEER};
	struct warden_reply reply;
	int err = warden_call(warden, &request, connection, &reply);

	if (err)
		return err;
	*peer = (struct warden_peer){{reply.slot, reply.gen}, reply.tgid, reply.threads};
	return 0;
}

int warden_load(int warden, const struct warden_load *load, struct warden_tag *tag)
{
	struct warden_request request = {.op = WARDEN_LOAD,
					 .flags = load->flags,
					 .expires = load->expires,
					 .parent = load->parent.slot,
					 .parent_gen = load->parent.gen};
	struct warden_reply reply;
	int err = warden_call(warden, &request, load->cells, &reply);

	if (err)
		return err;
	if (reply.slot == 0 || reply.slot >= SLOTS_MAX)
		return -EPROTO;
	*tag = (struct warden_tag){reply.slot, reply.gen};
	return 0;
}

int warden_tag(int warden, int connection, struct warden_tag tag, uint32_t flags)
{
	struct warden_request request = {.op = WARDEN_TAG, .slot = tag.slot, .gen = tag.gen, .flags = flags};
	struct warden_reply reply;

	return warden_call(warden, &request, connection, &reply);
}

int warden_revoke(int warden, struct warden_tag tag, uint32_t flags)
{
	struct warden_request request = {
		.op = WARDEN_REVOKE, .slot = tag.slot, .gen = tag.gen, .flags = flags};
	struct warden_reply reply;

	return warden_call(warden, &request, -1, &reply);
}

int warden_record(int warden, struct warden_tag tag, int record)
{
	struct warden_request request = {.op = WARDEN_RECORD, .slot = tag.slot, .gen = tag.gen};
	struct warden_reply reply;

	return warden_call(warden, &request, record, &reply);
}

int warden_release(int warden, struct warden_tag tag)
{
	struct warden_request request = {.op = WARDEN_RELEASE, .slot = tag.slot, .gen = tag.gen};
	struct warden_reply reply;

	return warden_call(warden, &request, -1, &reply);
}

/* Of a request that is answered with a descriptor. */
static int warden_fetch(int warden, const struct warden_request *request, int *passed)
{
	struct warden_reply reply;
	int fd = -1, err = warden_exchange(warden, request, -1, &reply, &fd);

	if (!err && fd < 0)
		err = -EPROTO;
	if (!err)
		*passed = fd;
	else if (fd >= 0)
		close(fd);
	return err;
}

int warden_renew(int warden, struct warden_tag tag, uint64_t expires)
{
	struct warden_request request = {
		.op = WARDEN_RENEW, .slot = tag.slot, .gen = tag.gen, .expires = expires};
	struct warden_reply reply;

	return warden_call(warden, &request, -1, &reply);
}

int warden_table(int warden, struct warden_tag tag, int *cells)
{
	struct warden_request request = {.op = WARDEN_TABLE, .slot = tag.slot, .gen = tag.gen};

	return warden_fetch(warden, &request, cells);
}

int warden_keys(int warden, uint32_t flags, int *keys)
{
	struct warden_request request = {.op = WARDEN_KEYS, .flags = flags};

	return warden_fetch(warden, &request, keys);
}
