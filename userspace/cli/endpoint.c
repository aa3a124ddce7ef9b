/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/endpoint.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int port_parse(const char *text, uint16_t *port)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value > UINT16_MAX)
		return -EINVAL;
	*port = (uint16_t)value;
	return 0;
}

static int host_parse(char *host, struct in6_addr *six)
{
	size_t len = strlen(host);
	char mapped[80];

	if (host[0] == '[' && len > 1 && host[len - 1] == ']') {
		host[len - 1] = '\0';
		return inet_pton(AF_INET6, host + 1, six) == 1 ? 0 : -EINVAL;
	}
	if (strchr(host, ':'))
		return -EINVAL;
	snprintf(mapped, sizeof(mapped), "::ffff:%s", host);
	return inet_pton(AF_INET6, mapped, six) == 1 && strchr(host, '.') ? 0 : -EINVAL;
}

int endpoint_parse(const char *text, struct cell_addr *addr, uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	struct in6_addr six;
	uint64_t words[2];
	char host[64];

	if (!colon || (size_t)(colon - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	if (host_parse(host, &six) || port_parse(colon + 1, port))
		return -EINVAL;
	memcpy(words, &six, sizeof(words));
	*addr = (struct cell_addr){be64toh(words[0]), be64toh(words[1])};
	return 0;
}
