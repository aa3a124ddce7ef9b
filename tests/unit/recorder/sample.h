/* SPDX-License-Identifier: Apache-2.0 */
/* What the recorder's tests share: events and grants to begin with. */
#ifndef TEST_RECORDER_SAMPLE_H
#define TEST_RECORDER_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above. */
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/event_json.h"

#define SLOT 3
#define GEN  7

/* An event with room for its path. */
struct sample {
	struct event e;
	char path[EVENT_PATH + 1];
};

static inline void sample_path(struct sample *s, const char *path, size_t len)
{
	memcpy(s->path, path, len);
	s->e.path_len = (uint16_t)len;
}

static inline size_t sample_size(const struct sample *s)
{
	return sizeof(s->e) + s->e.path_len;
}

/* cat refused reading /home/alice/.env by rule 2, a second after boot. */
static inline struct sample sample_file(void)
{
	static const char path[] = ".env\0alice\0home";
	struct sample s = {.e = {
				   .time = 1000000000,
				   .task_start = 123456789,
				   .slot = SLOT,
				   .gen = GEN,
				   .tgid = 4242,
				   .tid = 4243,
				   .ppid = 4200,
				   .uid = 1000,
				   .type = EV_FILE,
				   .op = OP_READ,
				   .action = ACT_DENY,
				   .reason = WHY_RULE,
				   .rule = 2,
				   .error = -EACCES,
				   .ino = 1234,
				   .dev = 254u << 20 | 1,
				   .comm = "cat",
			   }};

	sample_path(&s, path, sizeof(path));
	return s;
}

static inline struct record_message sample_grant(uint32_t slot, uint32_t gen)
{
	struct record_message m = {
		.op = RECORD_GRANT,
		.slot = slot,
		.gen = gen,
		.grant = "gmfzwk43uorsxg5a",
		.owner = "uid:1000",
		.user = "alice",
		.purpose = "fix-issue",
		.policy = "coder",
		.digest = "sha256:0d",
		.chain = "sha256:0c",
	};

	return m;
}

static const char sample_labels[] =
	"coder.yaml:7 allow read path /home/**\0coder.yaml:8 deny read path **/.env";

#endif
