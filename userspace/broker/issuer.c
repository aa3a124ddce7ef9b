/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/issuer.h"

#include <string.h>

#define SCHEME "https://"

bool issuer_ok(const char *issuer)
{
	const char *host = issuer + strlen(SCHEME), *port;
	size_t n;

	if (strncmp(issuer, SCHEME, strlen(SCHEME)) || strlen(issuer) > ISSUER_MAX)
		return false;
	n = strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-");
	port = host + n;
	if (!n || host[0] == '.' || host[0] == '-' || host[n - 1] == '.' || host[n - 1] == '-')
		return false;
	return !*port || (*port == ':' && port[1] >= '1' && port[1] <= '9' && strlen(port) <= 6 &&
			  strspn(port + 1, "0123456789") == strlen(port + 1));
}

const char *issuer_domain(const char *issuer)
{
	return issuer + strlen(SCHEME);
}
