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
#include "token/key.h"

#define GRANTS_ENDED_MAX     1024u	  /* remembered after their end */
#define GRANTS_ENDED_BYTES   (32u << 20)  /* that these may take together */
#define GRANTS_PER_USER	     256u	  /* holding a slot at one time; root: SLOTS_MAX */
#define GRANT_BYTES_PER_USER (128u << 20) /* of tables and rule labels, likewise */
#define GRANT_PREFIX_MIN     4u		  /* characters that name a grant in short */

/* Of a grant that waits for a process to take it up (ticket.h). */
enum ticket { TICKET_NONE, TICKET_OPEN, TICKET_REDEEMED, TICKET_LAPSED, TICKETS };

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
	json_t *links; /* for people: the owner's policy, and every grant from there down to this one */
	uid_t uid;     /* of the owner */
	char owner[OWNER_BYTES];
	char assurance[16]; /* how the owner was proven: "peer", "ssh", "ssh-sk", "oidc" */
	json_t *proof;	    /* more of how: strings, as docs/API.md has them; NULL: no more */
	char user[40];
	char purpose[72];
	char policy[72];
	char file[128];		     /* as the policy was asked for; empty: it has its parent's */
	bool installed;		     /* and that was the host's own */
	char digest[DIGEST_BYTES];   /* of the policy's text */
	char table[DIGEST_BYTES];    /* of the compiled cells */
	char chain[DIGEST_BYTES];    /* of the chain in one string */
	char key[KID_BYTES];	     /* the host's, that signed the root of the chain */
	struct signed_link *link;    /* the last of its chain; NULL: it has none, or has ended */
	struct signed_links earlier; /* that grants below go on from */
	char *status_uri;	     /* of the list in which it has an entry: status_lists.h; NULL: none */
	uint32_t status_index;
	char *workdir; /* NULL: none was given */
	char *labels;  /* of the rules, in order, each ended by NUL */
	size_t labels_size;
	json_t *argv;
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
	struct cut *cut; /* while it is revoked together with others: lifecycle.c */
	char *notice;	 /* of its end, still to be written: notices.c */
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

#endif
