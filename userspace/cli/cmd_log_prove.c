/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs out of a log: of one record, and that the log of before is still the beginning of it. */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/files.h"
#include "cli/log_args.h"
#include "cli/print.h"
#include "common/cleanup.h"
#include "log/receipt.h"

static void store_close(struct log_store **store)
{
	log_store_free(*store);
}
#define _cleanup_store_ __attribute__((cleanup(store_close)))

static int store_open(const struct log_args *args, int *dir, struct log_store **store)
{
	int err, code = log_args_open(args, dir);

	if (code)
		return code;
	err = log_store_open(*dir, store);
	return err ? log_args_error(args, err) : 0;
}

static int receipt_print(const struct receipt *receipt, bool tlog_proof)
{
	json_auto_t *json = NULL;
	_cleanup_free_ char *text = NULL;

	if (!tlog_proof) {
		json = receipt_json(receipt);
		return json ? print_json(json) : EX_OSERR;
	}
	if (receipt_tlog_proof(receipt, &text))
		return text = NULL, EX_OSERR;
	fputs(text, stdout);
	return 0;
}

static int record_prove(struct log_store *store, uint64_t seq, bool tlog_proof)
{
	_cleanup_receipt_ struct receipt receipt = {0};
	int err = receipt_make(store, seq, &receipt);

	if (!err)
		return receipt_print(&receipt, tlog_proof);
	if (err == -ENOENT)
		cli_error("the log has no record %" PRIu64 ", or not any more", seq);
	else if (err == -EAGAIN)
		cli_error("no checkpoint covers record %" PRIu64 " yet", seq);
	else if (err == -EBADMSG)
		cli_error("the log does not prove record %" PRIu64 ": deputy log verify says why", seq);
	else
		cli_error("record %" PRIu64 ": %s", seq, strerror(-err));
	return err == -ENOENT	 ? EX_NOINPUT
	       : err == -EAGAIN	 ? EX_TEMPFAIL
	       : err == -EBADMSG ? EX_DATAERR
				 : EX_OSERR;
}

/* ---- since an older checkpoint ---- */

static int checkpoint_read(const char *file, struct log_bytes *text, struct tlog_checkpoint *checkpoint,
			   const struct note_key *key)
{
	struct signed_note note;
	int err = file_read(file, NOTE_BYTES_MAX, &text->at, &text->len);

	if (err) {
		cli_error("%s: %s", file, strerror(-err));
		return EX_NOINPUT;
	}
	err = tlog_checkpoint_open(text->at, text->len, key, &note, checkpoint);
	if (!err)
		return 0;
	cli_error("%s: %s", file,
		  err == -ENOKEY	 ? "not signed by this log's key"
		  : err == -EKEYREJECTED ? "the signature is wrong"
					 : "no checkpoint");
	return EX_DATAERR;
}

static int consistency_print(const struct tlog_checkpoint *old, const struct log_bytes *note,
			     const struct merkle_proof *p)
{
	json_auto_t *proof = json_array(), *o = NULL;

	for (size_t i = 0; i < p->count; i++) {
		char text[sodium_base64_ENCODED_LEN(MERKLE_HASH, sodium_base64_VARIANT_ORIGINAL)];

		sodium_bin2base64(text, sizeof(text), p->hash[i], MERKLE_HASH,
				  sodium_base64_VARIANT_ORIGINAL);
		json_array_append_new(proof, json_string(text));
	}
	o = json_pack("{s:s, s:I, s:O, s:s%}", "type", "deputy/consistency/1", "old", (json_int_t)old->size,
		      "proof", proof, "checkpoint", note->at, note->len);
	return o ? print_json(o) : EX_OSERR;
}

static int since_prove(struct log_store *store, const struct tlog_checkpoint *old)
{
	_cleanup_bytes_ struct log_bytes note = {0};
	struct tlog_checkpoint now;
	struct signed_note parsed;
	struct merkle_proof proof;
	int err = old->size ? log_store_checkpoint(store, old->size - 1, &note) : -ERANGE;

	if (err == -ENOENT) {
		cli_error("the log has no checkpoint of %" PRIu64 " records or more", old->size);
		return EX_DATAERR;
	}
	if (!err)
		err = tlog_checkpoint_open(note.at, note.len, NULL, &parsed, &now);
	if (!err)
		err = consistency_make(old->size, now.size, log_store_subtree, store, &proof);
	if (!err)
		err = consistency_check(old->size, old->hash, now.size, now.hash, &proof);
	if (!err)
		return consistency_print(old, &note, &proof);
	if (err == -EBADMSG)
		cli_error("the log is no continuation of this checkpoint");
	else
		cli_error("%s", err == -ENOENT ? "what it takes is not kept any more" : strerror(-err));
	return err == -EBADMSG ? EX_DATAERR : EX_UNAVAILABLE;
}

static int seq_parse(const struct cli *cli, const char *text, uint64_t *seq)
{
	char *end;

	errno = 0;
	*seq = strtoull(text, &end, 10);
	return *text < '0' || *text > '9' || *end || errno || !*seq
		       ? cli_usage(cli, "%s: no number of a record", text)
		       : 0;
}

int cmd_log_prove(struct cli *cli, int argc, char **argv)
{
	struct log_args args = {0};
	const char *since = NULL;
	bool tlog_proof = false;
	const struct cli_option options[] = {
		LOG_OPTION_DIR(args),
		LOG_OPTION_KEY(args),
		{"since", "FILE", "instead: that the log goes on from the checkpoint in FILE",
		 .text = &since},
		{"tlog-proof", NULL, "as a C2SP tlog-proof", .flag = &tlog_proof},
		{0},
	};
	_cleanup_store_ struct log_store *store = NULL;
	_cleanup_bytes_ struct log_bytes text = {0};
	struct tlog_checkpoint old;
	_cleanup_close_ int dir = -1;
	uint64_t seq = 0;
	int code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (argc - first != !since)
		return cli_usage(cli, "one record's number, or --since, is needed");
	code = since ? 0 : seq_parse(cli, argv[first], &seq);
	code = code ?: log_args_trust(&args);
	if (!code && since)
		code = checkpoint_read(since, &text, &old, args.trust.log);
	if (!code)
		code = store_open(&args, &dir, &store);
	if (code)
		return code;
	return since ? since_prove(store, &old) : record_prove(store, seq, tlog_proof);
}

/* ---- an outside checkpoint against the log ---- */

static int checkpoint_in_log(const struct log_args *args, const char *file, const struct tlog_checkpoint *c)
{
	_cleanup_store_ struct log_store *store = NULL;
	unsigned char root[MERKLE_HASH];
	_cleanup_close_ int dir = -1;
	int err, code = store_open(args, &dir, &store);

	if (code)
		return code;
	if (c->size > log_store_size(store)) {
		cli_error("%s: it covers %" PRIu64 " records, the log has %" PRIu64, file, c->size,
			  log_store_size(store));
		return EX_DATAERR;
	}
	err = c->size ? log_store_subtree(store, 0, c->size, root) : merkle_root(&(struct merkle){0}, root);
	if (err) {
		cli_error("%s", err == -ENOENT ? "what it takes is not kept any more" : strerror(-err));
		return EX_UNAVAILABLE;
	}
	if (!memcmp(root, c->hash, sizeof(root)))
		return 0;
	cli_error("%s: the log's first %" PRIu64 " records have another root", file, c->size);
	return EX_DATAERR;
}

static int witnesses_check(const struct log_args *args, const char *file, const struct log_bytes *text)
{
	struct signed_note note;

	if (note_parse(text->at, text->len, &note))
		return EX_DATAERR;
	for (size_t i = 0; i < args->trust.witness_count; i++) {
		int err = note_verify(&note, &args->trust.witnesses[i], NULL);

		if (!err)
			continue;
		cli_error("%s: %s has %s", file, args->trust.witnesses[i].name,
			  err == -ENOKEY ? "not cosigned it" : "not made the cosignature that it has");
		return EX_DATAERR;
	}
	return 0;
}

static int checkpoint_json(const struct tlog_checkpoint *c, bool in_log)
{
	json_auto_t *o = json_pack("{s:b, s:s, s:I, s:b}", "ok", 1, "origin", c->origin, "size",
				   (json_int_t)c->size, "in_log", in_log);

	return o ? print_json(o) : EX_OSERR;
}

static int checkpoint_print(const struct tlog_checkpoint *c, bool in_log)
{
	print_safe(stdout, c->origin, strlen(c->origin));
	printf(": %" PRIu64 " records%s\n", c->size, in_log ? ", as the log has them" : "");
	return 0;
}

int cmd_log_checkpoint_check(struct cli *cli, int argc, char **argv)
{
	struct log_args args = {0};
	const struct cli_option options[] = {
		LOG_OPTION_DIR(args), LOG_OPTION_KEY(args), LOG_OPTION_WITNESS(args), {0}};
	_cleanup_bytes_ struct log_bytes text = {0};
	struct tlog_checkpoint c;
	int code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (argc - first != 1 || !args.key)
		return cli_usage(cli, "one file of a checkpoint, and --key, are needed");
	code = log_args_trust(&args) ?: checkpoint_read(argv[first], &text, &c, args.trust.log);
	code = code ?: witnesses_check(&args, argv[first], &text);
	if (!code && args.dir)
		code = checkpoint_in_log(&args, argv[first], &c);
	if (code)
		return code;
	return cli->json ? checkpoint_json(&c, args.dir != NULL) : checkpoint_print(&c, args.dir != NULL);
}
