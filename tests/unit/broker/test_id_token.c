/* SPDX-License-Identifier: Apache-2.0 */
/* What `deputy run --owner-proof oidc...` adds, got from a program or through a pipe, and taken by the
 * broker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "cli/owner_proof.h"
#include "proof/forge.h"
#include "proof/jws_verify.h"
#include "proof/oidc.h"
#include "stage.h"

#define ISSUER "https://login.example"
#define POLICY                                                                                               \
	"{apiVersion: deputy/v1, name: coder, owner: {any_of: ['oidc:" ISSUER "#alice']}, "                  \
	"purposes: {fix: {ttl: 15m, files: [{allow: [read], path: /usr/**}]}}}"

static char dir[64], self[256], keys[96], pem[96], fifo[96], said[96];
static struct oidc_issuers issuers;
static struct cli cli;

static void token_print(FILE *to, EVP_PKEY *key, const char *nonce)
{
	json_int_t now = time(NULL);
	json_t *claims = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "iss", ISSUER, "sub", "alice", "aud",
				   "deputy", "iat", now, "exp", now + 300, "nonce", nonce);
	char *payload = json_dumps(claims, 0);
	char *token = forge_jws(key, "ES256", "{\"alg\":\"ES256\",\"kid\":\"es\"}", payload);

	fprintf(to, "%s\n", token);
	free(token);
	free(payload);
	json_decref(claims);
}

/* This program as whatever the owner logs in with: LOGIN says how that goes. */
static int login(const char *nonce)
{
	const char *how = getenv("LOGIN") ?: "";
	FILE *f = fopen(getenv("LOGIN_KEY"), "re");
	EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

	if (f)
		fclose(f);
	if (getchar() != EOF)
		return EX_SOFTWARE; /* what is on its standard input is not for it */
	if (strcmp(how, "long") == 0)
		for (unsigned i = 0; i < JWS_TEXT_MAX + 1000; i++)
			putchar('a');
	else if (strcmp(how, "words") == 0)
		puts("please log in");
	else if (strcmp(how, "other") == 0)
		token_print(stdout, key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
	else if (strcmp(how, "silent"))
		token_print(stdout, key, nonce);
	EVP_PKEY_free(key);
	return strcmp(how, "fail") ? 0 : 3;
}

static int issuer_make(void)
{
	EVP_PKEY *key = forge_key("ES256");
	char *set = forge_set(key, "es", NULL);
	struct oidc_issuer *i = &issuers.list[issuers.count++];
	FILE *f = fopen(pem, "we");

	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	f = fopen(keys, "we");
	fputs(set, f);
	fclose(f);
	free(set);
	oidc_issuer_defaults(i);
	i->issuer = strdup(ISSUER);
	i->jwks = strdup(keys);
	i->audience.list[i->audience.count++] = strdup("deputy");
	return chmod(keys, 0644);
}

static int setup(void **state)
{
	static const struct command command = {"run", "", "", NULL};
	struct stage *s = calloc(1, sizeof(*s));
	struct broker_options o = stage_options;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	strcpy(dir, "/tmp/deputy-id-token-XXXXXX");
	if (n < 0 || !mkdtemp(dir))
		return -1;
	snprintf(keys, sizeof(keys), "%s/keys.json", dir);
	snprintf(pem, sizeof(pem), "%s/key.pem", dir);
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	snprintf(said, sizeof(said), "%s/said", dir);
	setenv("LOGIN_KEY", pem, 1);
	if (issuer_make() || mkfifo(fifo, 0600))
		return -1;
	o.issuers = &issuers;
	stage_open(s, &o);
	cli = (struct cli){.socket = s->socket, .command = &command};
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	unlink(keys);
	unlink(pem);
	unlink(fifo);
	unlink(said);
	rmdir(dir);
	oidc_issuers_free(&issuers);
	forge_free_keys();
	return stage_teardown(state);
}

static json_t *ask_make(const char *ttl)
{
	return json_pack("{s:{s:s, s:s}, s:s, s:s*, s:s, s:[]}", "policy", "name", "p", "text", POLICY,
			 "purpose", "fix", "ttl", ttl, "workdir", "/w", "argv");
}

static void mint(struct stage *s, const json_t *ask, long status, const char *why)
{
	char *body = json_dumps(ask, 0);
	struct reply r;

	stage_request(s, geteuid(), "POST", "/v1/grants", body, &r);
	if (r.status != status || !strstr(r.text, why))
		fail_msg("%ld %s, and not %ld %s", r.status, r.text, status, why);
	reply_free(&r);
	free(body);
}

static void by_program(void **state)
{
	json_t *ask = ask_make("10m");
	char how[512];

	snprintf(how, sizeof(how), "oidc-command:%s", self);
	mint(*state, ask, 403, "does not name uid:0"); /* the caller is nobody here */
	assert_int_equal(owner_proof_add(&cli, how, ask), 0);
	assert_null(getenv("DEPUTY_NONCE")); /* the agent's is none of it */
	mint(*state, ask, 201, "oidc:" ISSUER "#alice");
	mint(*state, ask, 403, "was used before");
	json_decref(ask);
}

/* A directory in PATH, and no shell: what looks like arguments is part of a name that nothing has. */
static void by_name(void **state)
{
	char *path = strdup(getenv("PATH") ?: ""), *slash = strrchr(self, '/'), how[512];
	json_t *ask = ask_make("10m");

	*slash = '\0';
	setenv("PATH", self, 1);
	*slash = '/';
	snprintf(how, sizeof(how), "oidc-command:%s", slash + 1);
	assert_int_equal(owner_proof_add(&cli, how, ask), 0);
	mint(*state, ask, 201, "oidc:" ISSUER "#alice");
	strcat(how, " --now");
	assert_int_equal(owner_proof_add(&cli, how, ask), EX_NOINPUT);
	setenv("PATH", path, 1);
	json_decref(ask);
	free(path);
}

/* The other side of the pipe: waits for the nonce to be told. */
static void pipe_answer(void)
{
	char nonce[64] = "", text[512];
	FILE *f;

	for (int i = 0; i < 500; i++) {
		f = fopen(said, "re");
		text[f ? fread(text, 1, sizeof(text) - 1, f) : 0] = '\0';
		if (f)
			fclose(f);
		if (sscanf(text, "deputy: log in with the nonce %43[A-Za-z0-9_-];", nonce) == 1)
			break;
		usleep(10000);
	}
	f = fopen(fifo, "we");
	token_print(f, forge_key("ES256"), nonce);
	fclose(f);
	_exit(0);
}

static int quietly(const char *how, json_t *ask)
{
	int kept = dup(2), fd = open(said, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), code;

	dup2(fd, 2);
	code = owner_proof_add(&cli, how, ask);
	fflush(stderr);
	dup2(kept, 2);
	close(kept);
	close(fd);
	return code;
}

static void by_pipe(void **state)
{
	json_t *ask = ask_make("10m");
	char how[128];
	pid_t pid = fork();

	if (pid == 0)
		pipe_answer();
	snprintf(how, sizeof(how), "oidc:%s", fifo);
	assert_int_equal(quietly(how, ask), 0);
	waitpid(pid, NULL, 0);
	mint(*state, ask, 201, "oidc:" ISSUER "#alice");
	json_decref(ask);
}

static void mistakes(void **state)
{
	static const struct {
		const char *login, *how;
		int code;
	} cases[] = {
		{"fail", NULL, EX_NOPERM},
		{"silent", NULL, EX_DATAERR},
		{"words", NULL, EX_DATAERR},
		{"long", NULL, EX_DATAERR},
		{"", "oidc", EX_USAGE},
		{"", "oidc:", EX_USAGE},
		{"", "oidc-command", EX_USAGE},
		{"", "oidc-command:", EX_USAGE},
		{"", "oidc-command:/no/such", EX_NOINPUT},
		{"", "oidc-command:/etc/passwd", EX_NOINPUT},
		{"", "oidc:/no/such", EX_NOINPUT},
		{"", "oidc:/etc/passwd", EX_DATAERR},
		{"", "oidc:/dev/null", EX_DATAERR},
	};
	json_t *ask = ask_make("10m");
	char how[512];

	snprintf(how, sizeof(how), "oidc-command:%s", self);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setenv("LOGIN", cases[i].login, 1);
		if (quietly(cases[i].how ?: how, ask) != cases[i].code)
			fail_msg("%zu", i);
		assert_null(json_object_get(ask, "proof"));
	}
	setenv("LOGIN", "other", 1); /* a token, but not for this nonce */
	assert_int_equal(owner_proof_add(&cli, how, ask), 0);
	mint(*state, ask, 403, "`nonce` is not the one");
	setenv("LOGIN", "", 1);
	assert_int_equal(owner_proof_add(&cli, how, ask), 0);
	mint(*state, ask, 201, "oidc:");
	json_decref(ask);
	ask = ask_make(NULL);
	assert_int_equal(quietly(how, ask), EX_USAGE); /* for how long? */
	json_decref(ask);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_program),
		cmocka_unit_test(by_name),
		cmocka_unit_test(by_pipe),
		cmocka_unit_test(mistakes),
	};
	const char *nonce = getenv("DEPUTY_NONCE");

	if (nonce)
		return login(nonce);
	return cmocka_run_group_tests_name("broker/id_token", tests, setup, teardown);
}
