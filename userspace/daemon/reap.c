/* SPDX-License-Identifier: Apache-2.0 */
/* Ends the processes of grants that are over, where the grant says so. */
#include <bpf/bpf.h>
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/enforce_private.h"

/* Whether the process behind the pidfd, whatever its number means by now, is to be killed. */
static bool is_condemned(struct enforce *e, int pidfd)
{
	union bpf_iter_link_info only = {.task.pid_fd = (uint32_t)pidfd};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &only, .link_info_len = sizeof(only));
	struct bpf_link *link = bpf_program__attach_iter(e->skel->progs.list_condemned, &opts);
	_cleanup_close_ int iter = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	uint32_t tgid;
	bool found = iter >= 0 && read(iter, &tgid, sizeof(tgid)) == sizeof(tgid);

	bpf_link__destroy(link);
	return found;
}

/* By pidfd, asked again before the signal: a number read a moment ago may name somebody else now. */
static int kill_condemned(struct enforce *e, uint32_t tgid)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, tgid, 0);

	if (pidfd < 0 || !is_condemned(e, pidfd))
		return 0;
	return syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) ? -errno : 1;
}

int enforce_reap(struct enforce *e)
{
	_cleanup_close_ int iter = bpf_iter_create(bpf_link__fd(e->tasks));
	uint32_t tgids[256], last = 0;
	int killed = 0;
	ssize_t n;

	if (iter < 0)
		return -errno;
	while ((n = read(iter, tgids, sizeof(tgids))) > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN))) {
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(tgids[0]); i++) {
			if (tgids[i] != last) /* threads of one process follow each other */
				killed += kill_condemned(e, tgids[i]) > 0;
			last = tgids[i];
		}
	}
	return n < 0 ? -errno : killed;
}
