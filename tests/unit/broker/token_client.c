/* SPDX-License-Identifier: Apache-2.0 */
#include "token_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "token/jws.h"
#include "token/jwt.h"
#include "token/key_ring.h"

const struct secret_key *client_key(void)
{
	static const unsigned char seed[KEY_SEED_BYTES] = "of the client";
	static struct secret_key *key;

	if (!key)
		assert_int_equal(sodium_init() < 0 ? -1 : key_from_seed(seed, &key), 0);
	return key;
}

char *client_proof(const char *nonce, const char *jti, const char *more)
{
	char payload[1024], *text, *header;
	json_t *h = json_pack("{s:s, s:s, s:o}", "alg", "EdDSA", "typ", "dpop+jwt", "jwk",
			      key_jwk(key_public(client_key())));
	char *head = json_dumps(h, JSON_COMPACT);

	snprintf(payload, sizeof(payload), "{\"jti\":\"%s\",\"iat\":%lld,%s%s%s%s}", jti,
		 (long long)time(NULL),
		 more ?: "\"htm\":\"POST\",\"htu\":\"https://deputy.invalid/v1/token\"",
		 nonce ? ",\"nonce\":\"" : "", nonce ?: "", nonce ? "\"" : "");
	assert_int_equal(jws_sign(client_key(), head, strlen(head), payload, strlen(payload), &text), 0);
	assert_true(asprintf(&header, "DPoP: %s", text) > 0);
	free(text);
	free(head);
	json_decref(h);
	return header;
}

void client_post(struct stage *s, uint32_t slot, uid_t uid, const char *more, const char *header,
		 struct reply *r)
{
	char *body;

	assert_true(asprintf(&body, EXCHANGE "%s", more) > 0);
	stage_caller(s, slot, slot ? GEN : 0, 1);
	stage_request_with(s, uid, "POST", "/v1/token", body, header, r);
	stage_caller(s, 0, 0, 1);
	free(body);
}

void client_ask(struct stage *s, uint32_t slot, uid_t uid, const char *more, struct reply *r)
{
	static char nonce[64];
	static unsigned count;
	char jti[32], *proof;

	for (int i = 0; i < 2; i++) {
		snprintf(jti, sizeof(jti), "%d-%u", (int)getpid(), count++);
		proof = client_proof(*nonce ? nonce : NULL, jti, NULL);
		client_post(s, slot, uid, more, proof, r);
		free(proof);
		if (*r->nonce)
			strcpy(nonce, r->nonce);
		if (strcmp(reply_text(r, "error"), "use_dpop_nonce") || i)
			return;
		reply_free(r);
	}
}

void client_expect(struct reply *r, long status, const char *error)
{
	if (r->status != status || strcmp(reply_text(r, "error"), error))
		fail_msg("not %ld %s but %ld %s", status, error, r->status, r->text ?: "");
	assert_true(!*error || *reply_text(r, "error_description"));
	reply_free(r);
}

void client_introspect(struct stage *s, const char *token, struct reply *r)
{
	char *body;

	assert_true(asprintf(&body, "token=%s&token_type_hint=access_token", token) > 0);
	stage_request(s, BOB, "POST", "/v1/introspect", body, r);
	assert_int_equal(r->status, 200);
	free(body);
}

bool client_active(struct stage *s, const char *token)
{
	struct reply r;
	bool is;

	client_introspect(s, token, &r);
	is = json_is_true(json_object_get(r.json, "active"));
	assert_true(is || json_object_size(r.json) == 1);
	reply_free(&r);
	return is;
}

json_t *client_claims(struct stage *s, const char *typ, const char *token)
{
	struct key_ring ring = {0};
	json_t *claims = NULL;
	struct reply r;
	int err = -1;

	stage_request(s, BOB, "GET", "/v1/keys", NULL, &r);
	assert_int_equal(key_ring_read(r.json, &ring), 0);
	reply_free(&r);
	for (size_t i = 0; err && i < ring.count; i++)
		err = jwt_verify(&ring.keys[i].key, typ, token, strlen(token), &claims);
	assert_int_equal(err, 0);
	return claims;
}

void client_two(struct stage *s, char id[2][ID_BYTES], char *chain[2])
{
	struct reply r;

	for (uint32_t i = 0; i < 2; i++) {
		if (i == 0) {
			stage_mint(s, ALICE, ", \"purpose\": \"fix-issue\", \"ttl\": \"10m\"", &r);
		} else {
			stage_caller(s, 1, GEN, 1);
			stage_request(s, ALICE, "POST", "/v1/delegate",
				      "{\"purpose\": \"review\", \"argv\": [\"a\"]}", &r);
			stage_caller(s, 0, 0, 1);
		}
		if (r.status != 201)
			fail_msg("%s", r.text);
		strcpy(id[i], reply_text(&r, "grant"));
		chain[i] = strdup(reply_text(&r, "token"));
		reply_free(&r);
	}
}

pid_t client_asker(struct stage *s, const char *more, char **token)
{
	char text[4096] = "";
	int fd[2];
	pid_t pid;
	ssize_t n;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		struct reply r;

		client_post(s, 1, ALICE, more, NULL, &r);
		n = write(fd[1], reply_text(&r, "access_token"), strlen(reply_text(&r, "access_token")));
		close(fd[1]);
		for (;;)
			pause();
	}
	close(fd[1]);
	n = read(fd[0], text, sizeof(text) - 1);
	close(fd[0]);
	assert_true(pid > 0 && n >= 0);
	*token = strdup(text);
	return pid;
}

void client_end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}
