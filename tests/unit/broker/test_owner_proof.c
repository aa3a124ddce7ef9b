/* SPDX-License-Identifier: Apache-2.0 */
/* What `deputy run --owner-proof` adds, made by a real ssh-agent(1) and taken by the broker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/owner_proof.h"
#include "proof/own_agent.h"
#include "proof/sshkey.h"
#include "stage.h"

static char dir[64], fingerprint[64];
static struct cli cli;

static int shell(const char *command)
{
	char line[1024];
	int status;

	snprintf(line, sizeof(line), "cd %s && { %s; } >>log 2>&1 </dev/null", dir, command);
	status = system(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int setup(void **state)
{
	static const struct command command = {"run", "", "", NULL};
	struct stage *s = calloc(1, sizeof(*s));
	struct broker_options o = stage_options;
	char file[128], line[1024];
	struct sshkey *key;
	FILE *f;

	strcpy(dir, "/tmp/deputy-owner-XXXXXX");
	if (!mkdtemp(dir) || own_agent_start(dir) ||
	    shell("ssh-keygen -q -N '' -t ed25519 -f key && ssh-keygen -q -N '' -t rsa -b 2048 -f other && "
		  "{ printf 'alice '; cat key.pub; } >allowed && ssh-add -q key"))
		return -1;
	snprintf(file, sizeof(file), "%s/key.pub", dir);
	f = fopen(file, "re");
	if (!f || !fgets(line, sizeof(line), f) || sshkey_parse_line(line, strlen(line), &key))
		return -1;
	fclose(f);
	snprintf(fingerprint, sizeof(fingerprint), "%s", sshkey_fingerprint(key));
	sshkey_free(key);
	snprintf(file, sizeof(file), "%s/allowed", dir);
	o.allowed_signers = file;
	stage_open(s, &o);
	cli = (struct cli){.socket = s->socket, .command = &command};
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	own_agent_stop();
	shell("rm -rf \"$PWD\"");
	return stage_teardown(state);
}

static json_t *ask_make(const char *ttl)
{
	char policy[512];

	snprintf(policy, sizeof(policy),
		 "{apiVersion: deputy/v1, name: coder, owner: {any_of: ['ssh:%s']}, "
		 "purposes: {fix: {ttl: 15m, files: [{allow: [read], path: /usr/**}]}}}",
		 fingerprint);
	return json_pack("{s:{s:s, s:s}, s:s, s:s*, s:s, s:[]}", "policy", "name", "p", "text", policy,
			 "purpose", "fix", "ttl", ttl, "workdir", "/w", "argv");
}

static void mint(struct stage *s, const json_t *ask, struct reply *r)
{
	char *body = json_dumps(ask, 0);

	stage_request(s, geteuid(), "POST", "/v1/grants", body, r);
	free(body);
}

static void granted(void **state)
{
	char by_print[128], by_file[128], owner[80];
	const char *const hows[] = {"ssh", by_print, by_file};

	snprintf(by_print, sizeof(by_print), "ssh:%s", fingerprint);
	snprintf(by_file, sizeof(by_file), "ssh:%s/key.pub", dir);
	snprintf(owner, sizeof(owner), "ssh:%s", fingerprint);
	for (size_t i = 0; i < 3; i++) {
		json_t *ask = ask_make("10m");
		struct reply r;

		mint(*state, ask, &r); /* without it the caller is nobody here */
		assert_int_equal(r.status, 403);
		reply_free(&r);
		assert_int_equal(owner_proof_add(&cli, hows[i], ask), 0);
		mint(*state, ask, &r);
		assert_int_equal(r.status, 201);
		assert_string_equal(reply_text(&r, "owner"), owner);
		assert_string_equal(reply_text(&r, "assurance"), "ssh");
		reply_free(&r);
		mint(*state, ask, &r);
		assert_int_equal(r.status, 403);
		reply_free(&r);
		json_decref(ask);
	}
}

/* What was signed for is over with its time: more of it takes another signature of the same key. */
static void renewed(void **state)
{
	json_t *ask = ask_make("1m"), *again = ask_make("2m"), *body;
	struct stage *s = *state;
	struct reply r;
	char path[64];

	assert_int_equal(owner_proof_add(&cli, "ssh", ask), 0);
	mint(s, ask, &r);
	assert_int_equal(r.status, 201);
	snprintf(path, sizeof(path), "/v1/grants/%s/renew", reply_text(&r, "grant"));
	reply_free(&r);
	for (int i = 0; i < 4; i++) { /* none; for another time; its own; used before */
		static const long wants[] = {403, 403, 200, 403};
		char *text;

		if (i == 1)
			assert_int_equal(owner_proof_add(&cli, "ssh", again), 0);
		body = json_pack("{s:O, s:s, s:O*}", "policy", json_object_get(again, "policy"), "ttl",
				 i == 1 ? "3m" : "2m", "proof", json_object_get(again, "proof"));
		text = json_dumps(body, 0);
		stage_request(s, geteuid(), "POST", path, text, &r);
		if (r.status != wants[i])
			fail_msg("%d: %ld %s", i, r.status, r.text);
		if (i == 2)
			assert_string_equal(reply_text(&r, "assurance"), "ssh");
		reply_free(&r);
		json_decref(body);
		free(text);
	}
	json_decref(ask);
	json_decref(again);
}

static void mistakes(void **state)
{
	static const struct {
		const char *how, *ttl;
		int code;
	} cases[] = {
		{"", "10m", EX_USAGE},
		{"gpg", "10m", EX_USAGE},
		{"sshx", "10m", EX_USAGE},
		{"ssh:", "10m", EX_USAGE},
		{"ssh", NULL, EX_USAGE},
		{"ssh", "10", EX_USAGE},
		{"ssh", "m", EX_USAGE},
		{"ssh", "0m", EX_USAGE},
		{"ssh", "10mm", EX_USAGE},
		{"ssh:SHA256:x", "10m", EX_NOPERM},
		{"ssh:/no/such", "10m", EX_NOPERM},
	};
	json_t *ask;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask = ask_make(cases[i].ttl);
		assert_int_equal(owner_proof_add(&cli, cases[i].how, ask), cases[i].code);
		assert_null(json_object_get(ask, "proof"));
		json_decref(ask);
	}
	ask = ask_make("10m");
	json_object_del(json_object_get(ask, "policy"), "text");
	assert_int_equal(owner_proof_add(&cli, "ssh", ask), EX_USAGE);
	json_decref(ask);
	ask = ask_make("10m");
	assert_int_equal(shell("ssh-add -q other"), 0); /* now which? */
	assert_int_equal(owner_proof_add(&cli, "ssh", ask), EX_NOPERM);
	setenv("SSH_AUTH_SOCK", "/nonexistent", 1);
	assert_int_equal(owner_proof_add(&cli, "ssh", ask), EX_UNAVAILABLE);
	json_decref(ask);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(granted),
		cmocka_unit_test(renewed),
		cmocka_unit_test(mistakes),
	};

	return cmocka_run_group_tests_name("broker/owner_proof", tests, setup, teardown);
}
