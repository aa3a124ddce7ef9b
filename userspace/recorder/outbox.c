/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int outbox_empty(struct outbox *box, uint32_t slot, uint32_t gen)
{
	if (box->count == box->room) {
		size_t room = box->room ? 2 * box->room : 16;
		struct report *list = reallocarray(box->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		box->list = list;
		box->room = room;
	}
	box->list[box->count++] = (struct report){.op = REPORT_EMPTY, .slot = slot, .gen = gen};
	return 0;
}

void outbox_grew(struct outbox *box, uint64_t size)
{
	box->size = size;
}

static int outbox_send_all(struct outbox *box, int fd, size_t *sent)
{
	struct report grew = {.op = REPORT_GREW, .size = box->size};
	int err = box->size ? msg_send(fd, &grew, sizeof(grew), -1) : 0;

	if (err)
		return err;
	box->size = 0;
	while (*sent < box->count) {
		err = msg_send(fd, &box->list[*sent], sizeof(*box->list), -1);
		if (err)
			return err;
		++*sent;
	}
	return 0;
}

int outbox_send(struct outbox *box, int fd)
{
	size_t sent = 0;
	int err = outbox_send_all(box, fd, &sent);

	if (err && err != -EAGAIN) {
		box->size = 0;
		sent = box->count;
	}
	if (!sent)
		return err;
	memmove(box->list, box->list + sent, (box->count - sent) * sizeof(*box->list));
	box->count -= sent;
	return err;
}

void outbox_free(struct outbox *box)
{
	free(box->list);
	*box = (struct outbox){0};
}
