/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry: every grant that holds a slot, and the last ones that did. The kernel enforces without it;
 * it is what people are shown.
 */
#ifndef DEPUTY_GRANTS_H
#define DEPUTY_GRANTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <systemd/sd-event.h>
#include <uthash.h>

#include "broker/signed_link.h"
#include "broker/text.h"
#include "common/msg.h"
#include "common/types.h"
#include "token/hash.h"
#include "token/key.h"

#define GRANTS_ENDED_MAX     1024u	  /* remembered after their end */
#define GRANTS_ENDED_BYTES   (32u << 20)  /* that these may take together */
#define GRANTS_PER_USER	     256u	  /* holding a slot at one time; root: SLOTS_MAX */
#define GRANT_BYTES_PER_USER (128u << 20) /* of tables and rule labels, likewise */
#define GRANT_PREFIX_MIN     4u		  /* characters that name a grant in short */

/* Of a grant that waits for a process to take it up (ticket.h). */
enum ticket { TICKET_NONE, TICKET_OPEN, TICKET_REDEEMED, TICKET_LAPSED, TICKETS };

/* What thousands of grants say with the same words: shared (common/shared.h), and never written to. */
enum grant_text {
	GRANT_OWNER,
	GRANT_ASSURANCE,
	GRANT_USER,
	GRANT_PURPOSE,
	GRANT_POLICY,
	GRANT_FILE,
	GRANT_DIGEST,
	GRANT_TABLE,
	GRANT_KEY,
	GRANT_WORKDIR,
	GRANT_ARGV,
	GRANT_STATUS_URI,
	GRANT_TEXTS
};

#define GRANT_NAME_BYTES 40u /* of a user's name, and NUL: a longer one is cut */

enum grant_state { GRANT_LIVE, GRANT_REVOKED, GRANT_EXPIRED, GRANT_ENDED, GRANT_STATES };

struct broker;
struct cut;

struct grant {
	char id[ID_BYTES];
	char parent[ID_BYTES]; /* the grant that delegated this one; empty: the owner's own */
	struct grant *above;   /* the same, while this one holds a slot */
	unsigned below;	       /* grants delegated by this one that hold slots: it keeps its own for them */
	unsigned depth;	       /* of grants that may follow below */
	unsigned children;     /* that may be delegated at one time */
	unsigned audit;	       /* SLOT_AUDIT_*, which no grant below may have less of */
	uint64_t asked_second; /* CLOCK_MONOTONIC: in which it last asked to delegate, and how often */
	unsigned asked;
	const char *lines; /* for people: the owner's policy, and every grant from there down to the one
			      above, each ended by NUL; shared bytes, NULL: none */
	char *line;	   /* the same of this one; NULL: none */
	uid_t uid;	   /* of the owner */
	/* Set by grant_say() only, never NULL: "" until then. */
	const char *owner;
	const char *assurance; /* how the owner was proven: "peer", "ssh", "ssh-sk", "oidc" */
	const char *user;
	const char *purpose;
	const char *policy;
	const char *file;	/* as the policy was asked for; empty: it has its parent's */
	const char *digest;	/* of the policy's text */
	const char *table;	/* of the compiled cells */
	const char *key;	/* the host's, that signed the root of the chain */
	const char *workdir;	/* empty: none was given */
	const char *argv;	/* as a JSON array; empty: that of a grant of which nothing is known */
	const char *status_uri; /* of the list in which it has an entry: status_lists.h; empty: none */
	json_t *proof;		/* more of how: strings, as docs/API.md has them; NULL: no more */
	int64_t proven; /* when the ID token was issued by which he was, by the issuer's clock; 0: none was */
	bool installed; /* the policy's file was the host's own */
	char chain[HASH_TEXT_BYTES]; /* of the chain in one string */
	struct signed_link *link;    /* the last of its chain; NULL: it has none, or has ended */
	struct signed_links earlier; /* that grants below go on from */
	uint32_t status_index;
	const char *labels; /* of the rules, in order, each ended by NUL; shared bytes, NULL: none */
	size_t labels_size;
	size_t cost;	    /* bytes of table and labels, against GRANT_BYTES_PER_USER */
	int64_t not_before; /* wall clock, seconds */
	int64_t expires;    /* likewise */
	uint64_t deadline;  /* the same, CLOCK_BOOTTIME ns: what the kernel goes by */
	uint64_t before;    /* the deadline that the last renewal replaced; 0: there was none */
	uint64_t began;	    /* CLOCK_BOOTTIME ns, whatever was renewed since */
	unsigned renewals;
	uint32_t slot, gen;
	bool held;    /* the slot is this grant's; false once it was given back */
	bool emptied; /* the end of its last task is known */
	bool kill;    /* on_revoke */
	enum grant_state state;
	struct cut *cut;    /* while it is revoked together with others: lifecycle.c */
	const char *notice; /* shared: of its end, still to be written: notices.c */
	enum ticket ticket;
	uint32_t tasks; /* as last read from the slot */
	uint64_t denials;
	struct broker *broker;
	sd_event_source *timer; /* expiry, then the retry of a release */
	sd_event_source *lapse; /* of the ticket */
	UT_hash_handle hh;
	TAILQ_ENTRY(grant) next; /* among the ended, oldest first */
	TAILQ_ENTRY(grant) noticed;
};

TAILQ_HEAD(grant_list, grant);

struct registry {
	struct grant *by_id;
	struct grant *by_slot[SLOTS_MAX];
	struct grant_list ended;
	size_t ended_count, ended_bytes;
};

void registry_init(struct registry *r);
void registry_clear(struct registry *r);

/* A fresh grant with a random id, outside any registry. NULL without memory. */
struct grant *grant_new(void);
void grant_free(struct grant *g);
/* Cut to the room that there is for it in records and messages. -ENOMEM: it says what it did. */
int grant_say(struct grant *g, enum grant_text which, const char *text);
/* Bytes of that room, the NUL's included. */
size_t grant_text_room(enum grant_text which);
const char *grant_text_of(const struct grant *g, enum grant_text which);
/* Of a copy of a grant: holds all that is shared, and lets go of it. */
void grant_texts_hold(struct grant *g);
void grant_texts_drop(struct grant *g);
/* The rule labels, copied. -ENOMEM. */
int grant_label(struct grant *g, const char *labels, size_t size);

/* Takes over a grant that holds a slot; g->above likewise. */
void registry_add(struct registry *r, struct grant *g);
/* Lets go of the slot. The grant stays for a while, among the ended; older ones may be freed. */
void registry_end(struct registry *r, struct grant *g);
/* Forgets a grant that holds a slot, above none, as if it had not been found. */
void registry_drop(struct registry *r, struct grant *g);
/* The grant behind a tag; NULL: none that this broker knows. */
struct grant *registry_by_tag(const struct registry *r, uint32_t slot, uint32_t gen);

typedef bool (*grant_filter)(const struct grant *g, const void *arg);
/* By an id or a prefix of GRANT_PREFIX_MIN characters or more, among those the filter lets through: what it
 * hides might as well not exist. -ENOENT; -EEXIST: more than one has the prefix. */
int registry_find(const struct registry *r, const char *id, grant_filter filter, const void *arg,
		  struct grant **grant);
/* Whether it is good now. Its deadline is the kernel's: no timer of ours is waited for. */
bool grant_is_good(const struct grant *g);
/* Whether a grant is the one behind a tag or was delegated by it, however far beneath. */
bool grant_is_below(const struct grant *g, uint32_t slot, uint32_t gen);
/* What a user's grants hold. */
void registry_usage(const struct registry *r, uid_t uid, size_t *grants, size_t *bytes);
unsigned registry_live(const struct registry *r);

const char *grant_state_name(enum grant_state state);
/* NULL: no ticket was ever made. */
const char *grant_ticket_name(enum ticket ticket);
/* As docs/API.md shows it; `full` adds token and rules. NULL without memory. */
json_t *grant_json(const struct grant *g, bool full);
/* The rule labels as an array of strings. NULL without memory. */
json_t *grant_rules(const struct grant *g);
/* The lines of the policy and of every grant down to this one, and its command line. NULL without memory. */
json_t *grant_lines(const struct grant *g);
json_t *grant_argv(const struct grant *g);

#endif
