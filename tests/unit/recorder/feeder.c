/* SPDX-License-Identifier: Apache-2.0 */
#include "feeder.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <unistd.h>

#define RING_SIZE   (1u << 20)
#define RECORD_SIZE 512 /* of every record */

/* Copies the array's element into the ring; its result is that of the copy. */
static int feeder_load(int ring, int value)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = 10, .off = -4, .imm = 0},
		{.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = value},
		{0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 2, .src_reg = 10},
		{.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 2, .imm = -4},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 0, .off = 6, .imm = 0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 2, .src_reg = 0},
		{.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = ring},
		{0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = RECORD_SIZE},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 4, .imm = 0},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ringbuf_output},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "feeder", "GPL", code,
			     sizeof(code) / sizeof(code[0]), NULL);
}

void feeder_new(struct feeder *f)
{
	f->ring = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, RING_SIZE, NULL);
	f->value = bpf_map_create(BPF_MAP_TYPE_ARRAY, "value", 4, RECORD_SIZE, 1, NULL);
	f->prog = f->ring < 0 || f->value < 0 ? -1 : feeder_load(f->ring, f->value);
}

void feeder_free(struct feeder *f)
{
	const int fds[] = {f->ring, f->value, f->prog};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

bool feeder_put(const struct feeder *f, const struct sample *s)
{
	char record[RECORD_SIZE] = "", frame[64] = "";
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame));
	uint32_t zero = 0;

	assert_true(sample_size(s) <= sizeof(record));
	memcpy(record, &s->e, sizeof(s->e));
	memcpy(record + sizeof(s->e), s->path, s->e.path_len);
	assert_int_equal(bpf_map_update_elem(f->value, &zero, record, 0), 0);
	assert_int_equal(bpf_prog_test_run_opts(f->prog, &run), 0);
	return !run.retval;
}
