/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What writing a log costs beside hashing its bytes once: events of some 480 bytes in batches, with their
 * leaves, the tree, both files and a sync at the end, against SHA-256 of the same bytes in one piece. Both
 * sides take turns in one process; the ratio is of the medians. And hashing alone, which no file system is
 * part of.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log/log_file.h"
#include "log/log_writer.h"

#define ROUNDS	21
#define RECORDS 20000
#define BATCH	256
#define RUNS	4

static char *text; /* all lines */
static size_t text_len, starts[RECORDS + 1];
static EVP_MD *method;
static int dir;

static void must(int err)
{
	if (!err)
		return;
	fprintf(stderr, "bench: log: error %d\n", err);
	exit(1);
}

static void lines_make(void)
{
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; i < RECORDS; i++) {
		starts[i] = (size_t)ftell(out);
		fprintf(out,
			"{\"seq\": %zu, \"time\": \"2026-11-25T12:00:00.%09zuZ\", \"type\": \"file\", \"verdict\": \"deny\", "
			"\"reason\": \"rule\", \"rule\": \"base.yaml:31 deny read **/.ssh/**\", \"errno\": \"EACCES\", "
			"\"op\": \"read\", \"path\": \"/home/alice/src/%zu/id_ed25519\", \"ino\": %zu, \"dev\": \"254:1\", "
			"\"grant\": \"gmfzwk43uorsxg5a2\", \"chain\": \"sha256:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919\", "
			"\"owner\": \"uid:1000\", \"user\": \"alice\", \"purpose\": \"fix-issue\", \"policy\": \"coder\", "
			"\"pid\": 4242, \"tid\": 4242, \"ppid\": 4200, \"uid\": 1000, \"start\": 123456789, \"comm\": \"cat\"}\n",
			i + 2, i * 48611, i * 31, i * 977);
	}
	fclose(out);
	text_len = size;
	starts[RECORDS] = size;
}

static void hash_raw(void)
{
	unsigned char hash[MERKLE_HASH];

	must(!EVP_Digest(text, text_len, hash, NULL, method, NULL));
}

static void hash_tree(void)
{
	struct merkle tree = {0};
	unsigned char hash[MERKLE_HASH];

	for (size_t i = 0; i < RECORDS; i++)
		must(merkle_leaf(text + starts[i], starts[i + 1] - starts[i] - 1, hash)
			     ?: merkle_append(&tree, hash));
}

static void clear(void)
{
	unlinkat(dir, "00000000000000000001.jsonl", 0);
	unlinkat(dir, "00000000000000000001.hashes", 0);
	unlinkat(dir, CHECKPOINTS_NAME, 0);
}

static void write_log(void)
{
	struct log_repair repair;
	struct log_place place;
	struct log_writer *w;
	size_t kept;

	must(log_writer_open(dir, 1, 0, &w, &repair, &place));
	for (size_t i = 0; i < RECORDS; i += BATCH) {
		size_t n = RECORDS - i < BATCH ? RECORDS - i : BATCH;

		must(log_writer_append(w, text + starts[i], starts[i + n] - starts[i], n, &kept));
	}
	must(log_writer_sync(w));
	log_writer_free(w);
}

static void write_plain(void)
{
	int fd = openat(dir, "00000000000000000001.jsonl", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	size_t done;

	must(fd < 0);
	for (size_t i = 0; i < RECORDS; i += BATCH) {
		size_t n = RECORDS - i < BATCH ? RECORDS - i : BATCH;

		must(log_write_all(fd, text + starts[i], starts[i + n] - starts[i], &done));
	}
	must(fdatasync(fd));
	close(fd);
}

static double clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	void (*const runs[])(void) = {hash_raw, hash_tree, write_log, write_plain};
	static double taken[RUNS][ROUNDS];
	double ns[RUNS];
	char path[4096];

	/* A file system in memory by default: the disk's speed is not ours. */
	snprintf(path, sizeof(path), "%s/deputy-bench.XXXXXX", argc > 1 ? argv[1] : "/dev/shm");
	must(sodium_init() < 0 || !mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	method = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(dir < 0 || !method);
	lines_make();
	for (size_t round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < RUNS; i++) {
			double start = clock_us();

			runs[i]();
			taken[i][round] = clock_us() - start;
			clear();
		}
	}
	rmdir(path);
	for (size_t i = 0; i < RUNS; i++)
		qsort(taken[i], ROUNDS, sizeof(double), compare);
	printf("log of %d events of %zu bytes; medians of %d rounds, ns an event on this machine\n", RECORDS,
	       text_len / RECORDS, ROUNDS);
	for (size_t i = 0; i < RUNS; i++)
		ns[i] = taken[i][ROUNDS / 2] * 1000 / RECORDS;
	printf("  raw SHA-256 %7.1f\n  tree        %7.1f   raw / tree %.3f\n", ns[0], ns[1], ns[0] / ns[1]);
	printf("  written     %7.1f   raw / written %.3f   aim 0.6\n", ns[2], ns[0] / ns[2]);
	printf("  plain write %7.1f   (raw + plain) / written %.3f\n", ns[3], (ns[0] + ns[3]) / ns[2]);
	free(text);
	EVP_MD_free(method);
	return 0;
}
