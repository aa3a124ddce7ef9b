/* SPDX-License-Identifier: Apache-2.0 */
#include "own_agent.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/ssh_agent.h"

static pid_t agent;

int own_agent_start(const char *dir)
{
	char path[128];
	int fd, err = -1;

	snprintf(path, sizeof(path), "%s/agent", dir);
	setenv("SSH_AUTH_SOCK", path, 1);
	agent = fork();
	if (agent == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		execlp("ssh-agent", "ssh-agent", "-D", "-a", path, NULL);
		_exit(127);
	}
	for (int i = 0; i < 500 && err; i++) {
		usleep(10000);
		err = agent_connect(NULL, &fd);
	}
	if (!err)
		close(fd);
	return err;
}

void own_agent_stop(void)
{
	kill(agent, SIGTERM);
	waitpid(agent, NULL, 0);
}
