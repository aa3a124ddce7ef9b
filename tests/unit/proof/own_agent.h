/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_TEST_OWN_AGENT_H
#define DEPUTY_TEST_OWN_AGENT_H

/* Runs a real ssh-agent(1) without keys on a socket in this folder, and SSH_AUTH_SOCK is its. 0 once it
 * answers. */
int own_agent_start(const char *dir);
void own_agent_stop(void);

#endif
