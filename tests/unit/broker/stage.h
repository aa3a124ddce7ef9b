/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stage for the whole broker: it runs in a process of its own on real descriptors; the warden, the
 * recorder, the maps and the log are played by the test, and the requests are real HTTP over its socket.
 */
#ifndef DEPUTY_STAGE_H
#define DEPUTY_STAGE_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "broker/broker.h"
#include "common/msg.h"
#include "common/types.h"
#include "daemon/keystore.h"

#define STAGE_NOTES  4096
#define STAGE_TABLES 512

/* Users that need not exist; ALICE and root own stage_policy, ALICE alone nothing else. */
#define ALICE 1234567u
#define BOB   1234568u

/* A policy's text as it stands in a JSON string. */
extern const char stage_policy[];
/* Options that allow all of it. */
extern const struct broker_options stage_options;

/* For cmocka: a struct stage with stage_options; the teardown fails when the broker did not end well. */
int stage_setup(void **state);
int stage_teardown(void **state);

struct stage {
	/* what the played warden does; change under stage_lock() */
	uint32_t peer_slot, peer_gen; /* the tag that every peer carries */
	uint32_t peer_threads;
	bool peer_real;		  /* the warden tells which process it is */
	int32_t fail[WARDEN_OPS]; /* the error to answer an operation with */
	uint32_t fail_slot;	  /* for this slot only; 0: for all */
	unsigned calls[WARDEN_OPS];
	struct warden_request last[WARDEN_OPS];
	size_t table_size; /* of the last WARDEN_LOAD */
	uint32_t next_slot;
	int tables[STAGE_TABLES]; /* by slot: what WARDEN_LOAD brought */
	struct keystore keystore; /* WARDEN_KEYS is answered from: files of the stage */
	/* what the played recorder heard */
	struct record_message notes[STAGE_NOTES];
	unsigned note_count;
	char labels[65536]; /* of the last RECORD_GRANT */
	size_t labels_size;
	unsigned grants; /* RECORD_GRANTs since the broker started */
	bool begun;	 /* RECORD_BEGIN came */
	bool deaf;	 /* the recorder does not read */
	/* how requests are made; NULL: curl's own, a form's */
	const char *content_type;
	/* the rest is the stage's own */
	char dir[64];
	char socket[96];
	int warden, recorder, log, ready;
	struct slot *slots;
	struct control *control;
	const struct slot *before; /* what the kernel still has of an earlier broker */
	pid_t broker;
	pthread_t warden_thread, recorder_thread;
	pthread_mutex_t mutex;
};

struct reply {
	long status; /* of HTTP; 0: none came */
	char *text;
	size_t size;
	json_t *json;	/* NULL: it was none */
	char type[64];	/* the Content-Type */
	char nonce[64]; /* its header DPoP-Nonce; "": none */
};

/* Starts a broker with these options (directories excepted: they are the stage's, `profiles`, `policies`).
 * Fails the test if it does not come up. */
void stage_open(struct stage *s, const struct broker_options *options);
/* Ends it with SIGTERM and returns its exit status: 0, or 128 and a signal. */
int stage_close(struct stage *s);
/* Kills it and starts another over the same slots and records. */
void stage_restart(struct stage *s);
void stage_lock(struct stage *s);
void stage_unlock(struct stage *s);
/* What the played warden was asked, and what it answers from now on. */
unsigned stage_calls(struct stage *s, enum warden_op op);
struct warden_request stage_last(struct stage *s, enum warden_op op);
void stage_fail(struct stage *s, enum warden_op op, int32_t error);
/* What the played warden says of every peer from now on. */
void stage_caller(struct stage *s, uint32_t slot, uint32_t gen, uint32_t threads);
bool stage_alive(struct stage *s);

/* One request as some user (effective user id of this thread while connecting). `body` may be NULL. */
void stage_request(struct stage *s, uid_t uid, const char *method, const char *path, const char *body,
		   struct reply *reply);
/* The same with one more header, as "Name: value". */
void stage_request_with(struct stage *s, uid_t uid, const char *method, const char *path, const char *body,
			const char *header, struct reply *reply);
void reply_free(struct reply *r);
/* The reply's "message". */
const char *reply_message(const struct reply *r);

/* Asks for a grant under stage_policy, with more members (", \"ttl\": ...") if any. */
void stage_mint(struct stage *s, uid_t uid, const char *members, struct reply *reply);
/* Likewise; must succeed. Copies the id. */
void stage_grant(struct stage *s, uid_t uid, const char *members, char id[ID_BYTES]);
/* A member of the reply that is a string; "" where there is none. */
const char *reply_text(const struct reply *r, const char *member);

/* Raw bytes on a fresh connection, as some user. The caller closes it. */
int stage_connect(struct stage *s, uid_t uid);

void stage_report(struct stage *s, enum report_op op, uint32_t slot, uint32_t gen, uint64_t size);
/* Appends to the log; the broker is told. */
void stage_log(struct stage *s, const char *lines);
/* Waits up to 5 s until that many notes of a kind were heard. */
bool stage_heard(struct stage *s, enum note note, unsigned count);
unsigned stage_notes(struct stage *s, enum note note);
/* The last note of a kind. */
bool stage_note(struct stage *s, enum note note, struct record_message *m);

#endif
