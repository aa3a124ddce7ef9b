/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real broker on a unix socket, with the stage's warden and recorder, for clients of other languages.
 * Writes one line of JSON: the socket, and the agent's grant, chain and policy. Then reads lines until there
 * are no more, and answers each: "agent", all that connect are the agent from here on; "agent 2", the holder
 * of the second grant, and so on; "nobody", they are under no grant.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stage.h"

static void serve_told(struct stage *s)
{
	char line[32];

	while (fgets(line, sizeof(line), stdin)) {
		bool agent = strncmp(line, "agent", 5) == 0;
		uint32_t slot = 1; /* the stage's first grant */

		sscanf(line, "agent %u", &slot);
		stage_caller(s, agent ? slot : 0, agent ? 7 : 0, 1); /* its slots' generation */
		puts(line);
		fflush(stdout);
	}
}

int main(void)
{
	static struct stage s;
	struct reply r;

	if (geteuid() != 0) { /* the stage's policy names root as an owner */
		fputs("serve: must be root\n", stderr);
		return 77;
	}
	stage_open(&s, &stage_options);
	stage_mint(&s, 0, ", \"purpose\": \"fix-issue\", \"ttl\": \"10m\"", &r);
	if (r.status != 201)
		fprintf(stderr, "serve: %s\n", r.text);
	printf("{\"socket\": \"%s\", \"grant\": \"%s\", \"chain\": \"%s\", \"policy\": \"%s\"}\n", s.socket,
	       reply_text(&r, "grant"), reply_text(&r, "token"), stage_policy);
	fflush(stdout);
	reply_free(&r);
	serve_told(&s);
	return stage_close(&s);
}
