/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that end with a task where a socket has no pidfd for its peer, as before Linux 6.5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "token_client.h"

#define ONCE	     SELF "&audience=a&single_use=true"
#define SO_PEERPIDFD 77

/* This process and all that it starts: getsockopt(2) knows no SO_PEERPIDFD. */
static void forget_peerpidfd(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getsockopt, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SO_PEERPIDFD, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOPROTOOPT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), value;
	socklen_t len = sizeof(value);

	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &value, &len), -1);
	assert_int_equal(errno, ENOPROTOOPT);
}

static void by_number(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], *token[2];
	pid_t pid[2];

	s->peer_real = true;
	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", id);
	stage_caller(s, 1, GEN, 1);
	for (int i = 0; i < 2; i++) {
		pid[i] = client_asker(s, ONCE, &token[i]);
		assert_true(*token[i]);
	}
	client_end(pid[0]);
	assert_false(client_active(s, token[0]));
	assert_true(client_active(s, token[1]));
	client_end(pid[1]);
	free(token[0]);
	free(token[1]);
}

/* The number is another process' by now, as the warden sees it: nothing may be bound to that. */
static void another_process(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];
	struct reply r;

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", id);
	client_post(s, 1, ALICE, ONCE, NULL, &r);
	client_expect(&r, 400, "invalid_request");
	client_post(s, 1, ALICE, ONCE "&bound_to=grant", NULL, &r);
	client_expect(&r, 200, "");
}

static int setup(void **state)
{
	(void)state;
	forget_peerpidfd();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(by_number, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(another_process, stage_setup, stage_teardown),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
