/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a token exchange costs over HTTP: one client on one connection to the real broker, one request after
 * another. Proofs are made before the clock starts, as they are the client's work. Must run as root, whose
 * requests no share bounds; tokens are taken from several grants, as each has a share.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "stage.h"
#include "token/jws.h"

#define ROUNDS	  4000
#define GRANTS	  24 /* of 512 tokens each */
#define BASELINES 2000
#define EXCHANGE  "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&audience=https://api.example"

static struct stage stage;
static struct secret_key *key;
static char grants[GRANTS][ID_BYTES], *chains[GRANTS], nonce[64];

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench: exchange: %s\n", what);
	exit(1);
}

static void grants_make(void)
{
	for (int i = 0; i < GRANTS; i++) {
		struct reply r;

		stage_mint(&stage, 0, ", \"purpose\": \"fix-issue\", \"ttl\": \"15m\"", &r);
		must(r.status == 201, r.text ? r.text : "no grant");
		strcpy(grants[i], reply_text(&r, "grant"));
		chains[i] = strdup(reply_text(&r, "token"));
		reply_free(&r);
	}
}

/* A request without a proof is refused, and told the nonce. */
static void nonce_get(void)
{
	char body[512];
	struct reply r;

	snprintf(body, sizeof(body),
		 EXCHANGE "&subject_token=%s&subject_token_type=urn:deputy:token-type:grant", grants[0]);
	stage_request(&stage, 0, "POST", "/v1/token", body, &r);
	must(*r.nonce, "no nonce");
	strcpy(nonce, r.nonce);
	reply_free(&r);
}

/* ---- requests ---- */

static char *proof(unsigned n)
{
	json_t *h = json_pack("{s:s, s:s, s:o}", "alg", "EdDSA", "typ", "dpop+jwt", "jwk",
			      key_jwk(key_public(key)));
	char *header = json_dumps(h, JSON_COMPACT), payload[256], *text = NULL;

	snprintf(payload, sizeof(payload),
		 "{\"jti\":\"%u\",\"htm\":\"POST\",\"htu\":\"https://deputy.invalid/v1/token\",\"iat\":%lld,"
		 "\"nonce\":\"%s\"}",
		 n, (long long)time(NULL), nonce);
	must(!jws_sign(key, header, strlen(header), payload, strlen(payload), &text), "a proof");
	free(header);
	json_decref(h);
	return text;
}

static char *request(unsigned n, bool bound)
{
	char *body, *all, *p = bound ? proof(n) : NULL;

	if (bound)
		must(asprintf(&body,
			      EXCHANGE
			      "&subject_token=%s&subject_token_type=urn:ietf:params:oauth:token-type:jwt",
			      chains[n % GRANTS]) > 0,
		     "memory");
	else
		must(asprintf(
			     &body,
			     EXCHANGE
			     "&single_use=true&subject_token=%s&subject_token_type=urn:deputy:token-type:grant",
			     grants[n % GRANTS]) > 0,
		     "memory");
	must(asprintf(
		     &all,
		     "POST /v1/token HTTP/1.1\r\nHost: deputy\r\nContent-Type: application/x-www-form-urlencoded\r\n"
		     "%s%s%sContent-Length: %zu\r\n\r\n%s",
		     bound ? "DPoP: " : "", bound ? p : "", bound ? "\r\n" : "", strlen(body), body) > 0,
	     "memory");
	free(body);
	free(p);
	return all;
}

/* Up to the end of the answer, by its Content-Length. */
static void answer(int fd, char *text, size_t room)
{
	size_t len = 0, want = 0;

	while (!want || len < want) {
		ssize_t n = recv(fd, text + len, room - 1 - len, 0);
		char *end, *length;

		must(n > 0, "the broker hung up");
		len += (size_t)n;
		text[len] = '\0';
		end = strstr(text, "\r\n\r\n");
		length = strstr(text, "Content-Length: ");
		if (!want && end && length)
			want = (size_t)(end + 4 - text) +
			       strtoul(length + strlen("Content-Length: "), NULL, 10);
	}
}

/* ---- figures ---- */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double signature_us(void)
{
	unsigned char text[512] = {0}, signature[KEY_SIGN_BYTES];
	static double took[BASELINES];

	for (int i = 0; i < BASELINES; i++) {
		double from = now_us();

		key_sign(key, text, sizeof(text), signature);
		took[i] = now_us() - from;
	}
	qsort(took, BASELINES, sizeof(*took), by_size);
	return took[BASELINES / 2];
}

/* With a stage of its own, so that each run finds as much room. */
static void measure(const char *what, bool bound)
{
	static double took[ROUNDS];
	static char text[16384];
	double from, all = 0, raw = signature_us();
	int fd;

	stage_open(&stage, &stage_options);
	grants_make();
	nonce_get();
	fd = stage_connect(&stage, 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		char *ask = request(i, bound);

		from = now_us();
		must(send(fd, ask, strlen(ask), 0) == (ssize_t)strlen(ask), "send");
		answer(fd, text, sizeof(text));
		took[i] = now_us() - from;
		all += took[i];
		must(!strncmp(text, "HTTP/1.1 200", 12), text);
		free(ask);
	}
	close(fd);
	must(stage_close(&stage) == 0, "the broker did not end well");
	qsort(took, ROUNDS, sizeof(*took), by_size);
	printf("  %-34s %6.0f a second   p50 %6.0f   p99 %6.0f   p99.9 %6.0f us   p50 / signature %.1f\n",
	       what, ROUNDS / all * 1e6, took[ROUNDS / 2], took[ROUNDS * 99 / 100], took[ROUNDS * 999 / 1000],
	       took[ROUNDS / 2] / raw);
	fflush(stdout);
}

int main(void)
{
	static const unsigned char seed[KEY_SEED_BYTES] = "of the client";

	if (geteuid()) {
		puts("token exchange: only root can measure it");
		return 0;
	}
	must(sodium_init() >= 0 && !key_from_seed(seed, &key), "a key");
	printf("token exchange over HTTP, one client; %d rounds, this machine\n", ROUNDS);
	fflush(stdout); /* before the stage forks */
	measure("by id, single use", false);
	measure("by chain of 1, DPoP by Ed25519", true);
	return 0;
}
