/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/log_args.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/files.h"
#include "common/cleanup.h"

/* A key as it is, or the first line of a file; no file of a key's form is named by one. */
static int key_read(const char *arg, enum signature_type type, struct note_key *key)
{
	_cleanup_free_ char *text = NULL;
	size_t len = strlen(arg);
	int err = note_key_parse(arg, len, key);

	if (err == -EBADMSG && !access(arg, F_OK)) {
		err = file_read(arg, 4096, &text, &len);
		if (!err)
			err = note_key_parse(text, strcspn(text, "\r\n"), key);
	}
	if (!err && key->type != type)
		err = -EPROTONOSUPPORT;
	if (!err)
		return 0;
	if (err == -EPROTONOSUPPORT)
		cli_error("%s: a key of another type: %s is wanted", arg,
			  type == SIGNATURE_WITNESS ? "a witness's (cosignature/v1)" : "a log's (Ed25519)");
	else
		cli_error("%s: %s", arg,
			  err == -EBADMSG ? "no key: NAME+ID+BASE64 is wanted" : strerror(-err));
	return EX_DATAERR;
}

int log_args_trust(struct log_args *args)
{
	int code = sodium_init() < 0 ? EX_OSERR : 0;

	if (!code && args->key)
		code = key_read(args->key, SIGNATURE_ED25519, &args->log);
	for (size_t i = 0; i < args->witnesses.count && !code; i++)
		code = key_read(args->witnesses.value[i], SIGNATURE_WITNESS, &args->witness[i]);
	args->trust = (struct log_trust){.log = args->key ? &args->log : NULL,
					 .witnesses = args->witness,
					 .witness_count = args->witnesses.count};
	return code;
}

int log_args_open(const struct log_args *args, int *dir)
{
	*dir = open(args->dir ? args->dir : LOG_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*dir >= 0)
		return 0;
	cli_error("%s: %s", args->dir ? args->dir : LOG_DIR, strerror(errno));
	return errno == EACCES ? EX_NOPERM : EX_NOINPUT;
}

int log_args_error(const struct log_args *args, int err)
{
	const char *dir = args->dir ? args->dir : LOG_DIR;

	if (err == -ENOENT)
		cli_error("%s: there is no log", dir);
	else if (err == -EBADMSG)
		cli_error("%s: no segment begins as one of a log does", dir);
	else
		cli_error("%s: %s", dir, strerror(-err));
	return err == -ENOENT	 ? EX_NOINPUT
	       : err == -EBADMSG ? EX_DATAERR
	       : err == -EACCES	 ? EX_NOPERM
				 : EX_IOERR;
}
