/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which keys are taken: a file in the format ALLOWED SIGNERS of ssh-keygen(1). A line is
 *
 *   PRINCIPALS [OPTIONS] KEY-TYPE BASE64 [COMMENT]
 *
 * PRINCIPALS and namespaces are lists of patterns as in ssh_config(5): commas between them, * and ?, and one
 * with ! that matches refuses whatever the others say. OPTIONS are namespaces="...", valid-after="...",
 * valid-before="..." (YYYYMMDD[HHMM[SS]], in local time or with Z in UTC). Certificates are not supported, so
 * cert-authority is a mistake; unlike ssh-keygen we skip no line that we do not understand.
 */
#ifndef DEPUTY_ALLOWED_SIGNERS_H
#define DEPUTY_ALLOWED_SIGNERS_H

#include "proof/sshkey.h"

#define SIGNERS_TEXT_MAX   (1u << 20) /* bytes of a file */
#define SIGNERS_LINE_MAX   16384u     /* bytes */
#define SIGNERS_MAX	   1024u      /* keys in a file */
#define SIGNERS_LIST_MAX   1023u      /* bytes of one list of patterns */
#define SIGNERS_ERRORS_MAX 16u	      /* mistakes listed in one go; the rest is counted */

/* Lines and columns count from 1, columns in bytes. */
struct signers_error {
	unsigned line, column;
	char what[160];
	char hint[160]; /* what to write instead; may be empty */
};

struct signers_errors {
	size_t count; /* of `list` */
	size_t more;  /* mistakes beyond it */
	struct signers_error list[SIGNERS_ERRORS_MAX];
};

struct allowed_signer {
	unsigned line;
	char *principals;      /* patterns */
	char *namespaces;      /* likewise; NULL: any */
	int64_t after, before; /* seconds since the epoch, both included; 0: no such limit */
	struct sshkey *key;
};

struct allowed_signers {
	size_t count;
	struct allowed_signer *list;
};

/* -EINVAL: *errors (zeroed here first) says where and why; -EMSGSIZE: longer than SIGNERS_TEXT_MAX; -ENOMEM.
 * Reads the host's time zone where a time has no Z. allowed_signers_free() in the end. */
int allowed_signers_parse(const char *text, size_t len, struct signers_errors *errors,
			  struct allowed_signers *signers);
void allowed_signers_free(struct allowed_signers *signers);
/* "file:line:column: what\n\thint: ..."; -ENOSPC when it does not fit. */
int signers_error_format(const char *file, const struct signers_error *e, char *buf, size_t size);

/*
 * The first line that allows this key in this namespace at this time, and to this principal; NULL: to any one
 * at all. Else what is missing on the line that comes closest: -ENOKEY	    no line has this key -ENOENT
 * not for this principal -EACCES	    not in this namespace -EKEYEXPIRED   no longer -EAGAIN not yet
 */
int allowed_signers_find(const struct allowed_signers *signers, const struct sshkey *key,
			 const char *name_space, int64_t time, const char *principal,
			 const struct allowed_signer **signer);

#endif
