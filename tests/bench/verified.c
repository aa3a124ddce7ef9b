/* SPDX-License-Identifier: Apache-2.0 */
/* Prints, for each LSM program loaded, its name and the instructions that the verifier went through. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static int print_one(__u32 id)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id), err;

	if (fd < 0)
		return -errno;
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	if (!err && info.type == BPF_PROG_TYPE_LSM)
		printf("%s\t%u\n", info.name, info.verified_insns);
	close(fd);
	return err;
}

int main(void)
{
	__u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		int err = print_one(id);

		if (err && err != -ENOENT) { /* one unloaded meanwhile is no failure */
			fprintf(stderr, "verified: program %u: %s\n", id, strerror(-err));
			return EX_OSERR;
		}
	}
	return errno == ENOENT ? 0 : EX_OSERR;
}
