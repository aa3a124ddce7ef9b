/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a live grant takes of the broker's memory and of the recorder's, without a kernel: thousands are
 * minted over HTTP from the real broker, each with words of its own, and announced to a recorder's book.
 * Memory that is the process's alone, as the kernel counts it. Must run as root, whose grants no share
 * bounds.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder/identity.h"
#include "stage.h"

#define GRANTS 4000u
#define WARM   500u

static const char labels[] =
	"coder.yaml:7 allow read,write path /home/alice/proj/**\0coder.yaml:8 deny read path **/.env\0"
	"coder.yaml:10 allow connect 10.0.0.0/8 443";

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench: memory: %s\n", what);
	exit(1);
}

static double private_bytes(pid_t pid)
{
	char path[64], line[256];
	unsigned long kib, total = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "r");
	must(f, path);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Private_Clean: %lu", &kib) == 1 ||
		    sscanf(line, "Private_Dirty: %lu", &kib) == 1)
			total += kib;
	fclose(f);
	return (double)total * 1024;
}

static void grant_mint(struct stage *s, unsigned i)
{
	char members[128], id[ID_BYTES];

	snprintf(members, sizeof(members),
		 ", \"purpose\": \"fix-issue\", \"ttl\": \"15m\", \"argv\": [\"agent\", \"--issue\", \"%u\"]",
		 i);
	stage_grant(s, 0, members, id);
}

static double of_broker(void)
{
	static struct stage s;
	double before;

	stage_open(&s, &stage_options);
	for (unsigned i = 0; i < WARM; i++)
		grant_mint(&s, i);
	before = private_bytes(s.broker);
	for (unsigned i = 0; i < GRANTS; i++)
		grant_mint(&s, WARM + i);
	before = (private_bytes(s.broker) - before) / GRANTS;
	stage_close(&s);
	return before;
}

static void grant_announce(struct identity_book *book, uint32_t slot)
{
	struct record_message m = {.slot = slot,
				   .gen = 7,
				   .owner = "uid:1000",
				   .user = "alice",
				   .purpose = "fix-issue",
				   .policy = "coder"};

	snprintf(m.grant, sizeof(m.grant), "gmfzwk43uors%05u", slot);
	snprintf(m.digest, sizeof(m.digest), "sha256:%064u", 1u);
	snprintf(m.chain, sizeof(m.chain), "sha256:%064u", slot);
	must(identity_add(book, &m, labels, sizeof(labels), 1) == 0, "not announced");
}

static double of_recorder(void)
{
	struct identity_book *book = identity_book_new();
	double before;

	must(book, "no memory");
	for (uint32_t i = 1; i <= WARM; i++)
		grant_announce(book, i);
	before = private_bytes(getpid());
	for (uint32_t i = 1; i <= GRANTS; i++)
		grant_announce(book, WARM + i);
	before = (private_bytes(getpid()) - before) / GRANTS;
	identity_book_free(book);
	return before;
}

int main(void)
{
	double broker, recorder;

	must(sodium_init() >= 0 && geteuid() == 0, "must be root");
	recorder = of_recorder();
	broker = of_broker();
	printf("memory of a live grant, bytes, of %u\n", GRANTS);
	printf("  broker   %6.0f\n  recorder %6.0f\n  both     %6.0f   aim 2048, with the warden's\n", broker,
	       recorder, broker + recorder);
	return 0;
}
