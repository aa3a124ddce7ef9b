/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdeputy: for agents that delegate, in the end of this file, and for a service on a host with
 * Deputy that is shown chains of delegation. A chain is verified once; from then on deputy_chain_check()
 * tells, without a call to anybody, whether it has ended: by revocation of any of its links, by time, or
 * with the last task of a grant.
 *
 *	struct deputy_keys *keys;
 *	struct deputy_chain *chain;
 *
 *	deputy_keys_open(jwks, NULL, &keys);		once; jwks: the answer to GET /v1/keys
 *	deputy_chain_open(keys, text, &chain);		once for each chain: "~eyJ...~eyJ..."
 *	if (deputy_chain_check(chain) == 0)		before each use
 *		...
 *
 * A chain says under whose authority its holder acts, not who presents it: ask for proof of the key that
 * DEPUTY_HOLDER names, or for the peer's tag. It says nothing of scopes that the service itself does not
 * check.
 *
 * All functions return 0 or -errno. All but open and close may be called by several threads at once.
 * Needs -ldeputy (pkg-config deputy).
 */
#ifndef DEPUTY_H
#define DEPUTY_H

#ifdef __cplusplus
extern "C" {
#endif

struct deputy_keys;
struct deputy_chain;

#define DEPUTY_EPOCHS "/run/deputy/epochs"

/*
 * The host's keys, and where the host tells of ends; `epochs` NULL: DEPUTY_EPOCHS.
 * Keys change (deputyd(8), KEYS): get them anew once a day, and when a chain is by none of them (-ENOKEY).
 *   -EBADMSG    jwks is no JSON Web Key Set
 *   -ENOENT     no such file: the host has no daemon
 *   -EPERM      the file is writable by others than root and this user
 *   -EPROTO     it is of another version
 */
int deputy_keys_open(const char *jwks, const char *epochs, struct deputy_keys **keys);
/* After every chain that was opened with them. NULL is none. */
void deputy_keys_close(struct deputy_keys *keys);

/*
 * Verifies a chain and its state. As deputy_chain_check(), and
 *   -EBADMSG    no chain; a link is malformed
 *   -EMSGSIZE   more than 8 links, or too long
 *   -ENOKEY     a link is not signed by the key that has to
 *   -EKEYREJECTED a signature is wrong
 *   -EPERM      a link is wider than its parent
 *   -EAGAIN     not valid yet
 *   -ENODATA    its root does not say where its end would be told: ask the daemon
 */
int deputy_chain_open(const struct deputy_keys *keys, const char *text, struct deputy_chain **chain);
void deputy_chain_close(struct deputy_chain *chain);

/*
 * 0: it stands.
 *   -EKEYREVOKED  a link was revoked, or its grant has no task left
 *   -EKEYEXPIRED  its time is over, which no clock that is set back undoes
 *   -ESTALE       the daemon is gone, or another one tells of ends elsewhere: open keys and chains anew
 * Whatever is not 0 refuses. The first two are for ever.
 */
int deputy_chain_check(const struct deputy_chain *chain);

/* What a chain says. Strings live as long as the chain; NULL: past the last value of the enum. */
enum deputy_field {
	DEPUTY_GRANT,	/* id of the last link: who acts */
	DEPUTY_OWNER,	/* "uid:1000" */
	DEPUTY_METHOD,	/* how the owner was proven: "peer", "oidc", "ssh", "ssh-sk" ... */
	DEPUTY_PURPOSE, /* "fix-issue/tests" */
	DEPUTY_POLICY,	/* its name */
	DEPUTY_POLICY_DIGEST,
	DEPUTY_HOLDER,	/* RFC 7638 thumbprint of the key of whoever may present it */
	DEPUTY_DETAILS, /* authorization_details of the last link, JSON */
	DEPUTY_FIELDS
};
const char *deputy_chain_get(const struct deputy_chain *chain, enum deputy_field field);
/* Links: 1 to 8. */
unsigned deputy_chain_length(const struct deputy_chain *chain);

/* ---- for agents: sub-agents of a process with threads ---- */

#define DEPUTY_SOCKET "/run/deputy/deputy.sock"

/*
 * Takes up a grant that the agent had delegated with `"ticket": true` (POST /v1/delegate): from its return on
 * this process is narrowed to it, and what it executes begins so. To be called by a child of the agent
 * between fork(2) and execve(2), for which it is safe in a process with threads: it takes no lock and no
 * memory. `socket` NULL: DEPUTY_SOCKET. 0, or -errno, and then nothing may be executed, for the process still
 * has all that the agent has: -EINVAL     no ticket can look like this -ENOENT     there is none, for this
 * process; or it is over -EPERM      it is over, or another grant's than that which this process acts under
 *   -EBUSY      it was redeemed, or this process cannot be narrowed: it has threads, an io_uring ring, or its
 *               descriptors in common with another (CLONE_FILES)
 *   -EAGAIN     not now
 *   -ETIMEDOUT  no answer came: whether it was redeemed is not known
 *   -EPROTO     the answer makes no sense; others of connect(2) and send(2)
 */
int deputy_ticket_redeem(const char *socket, const char *ticket);

/* ---- for agents: what they act under, and less of it ---- */

#define DEPUTY_GRANT_BYTES   24	 /* of a grant's id, its NUL included */
#define DEPUTY_MESSAGE_BYTES 256 /* that do for the daemon's words */

/* What a narrower grant is to be, as `deputy delegate` has it. NULL: as in the agent's own. */
struct deputy_narrower {
	const char *policy;	 /* a text, or the name of an installed policy where `policy_name` is NULL */
	const char *policy_name; /* what errors and rules call that text */
	const char *purpose;
	const char *ttl; /* "90s", "10m", "2h" */
	const char *workdir;
	const char *const *argv; /* for the record; ended by NULL */
};

/*
 * Narrows this process, which has to have one thread, to a part of the grant that it acts under: from its
 * return on it has no more, and what it executes begins so. There is no way back, so a framework calls it in
 * a child. With threads, tickets do the same. `socket` NULL: DEPUTY_SOCKET. `grant` has DEPUTY_GRANT_BYTES,
 * or is NULL; it is where the id goes. `message` may be NULL, else `size` bytes for what the daemon, or who
 * did not come so far, says of an error; it ends by NUL.
 *
 * 0, or -errno, and then nothing may be executed, for the process may still have all that the agent has:
 *   -EINVAL     malformed, or the policy is: message
 *   -EPERM      under no grant, or one that has ended
 *   -EACCES     refused: wider than its own, or it may not be delegated
 *   -EBUSY      the process cannot be narrowed: it has threads, an io_uring ring, or its descriptors in
 * common with another (CLONE_FILES) -E2BIG      over 2 MiB -EAGAIN     too many, or too often; or the daemon
 * cannot now -ETIMEDOUT  no answer came: whether it was narrowed is not known -EPROTO     the answer makes no
 * sense: likewise; -ENOMEM; others of connect(2) and send(2)
 */
int deputy_delegate(const char *socket, const struct deputy_narrower *narrower, char *grant, char *message,
		    unsigned size);

/* The grant that this process acts under, as JSON (docs/API.md), to be freed by the caller. -ENOENT: under
 * none; -errno and message as above. */
int deputy_grant_get(const char *socket, char **json, char *message, unsigned size);

#ifdef __cplusplus
}
#endif

#endif
