/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of config.c and config_issuers.c that both need. */
#ifndef DEPUTY_CONFIG_PRIVATE_H
#define DEPUTY_CONFIG_PRIVATE_H

#include <yaml.h>

#include "daemon/config.h"

struct config_text {
	const char *path; /* of the file, for what is said of it */
	yaml_document_t *doc;
};

/* "PATH:LINE:COLUMN: ABOUT: WHAT" on stderr. Returns -EINVAL. */
int config_complain(const struct config_text *text, const yaml_mark_t *at, const char *what,
		    const char *about);

/* A scalar's text; NULL: the node is none. */
const char *config_scalar(const yaml_node_t *node);

/* "90s", "10m", "2h": 0 to `most` seconds. -EINVAL: anything else. */
int config_seconds(const char *text, uint64_t most, uint64_t *seconds);

/* The value of `issuers`. Says what is wrong with it. -EINVAL, -ENOMEM; on error *issuers is untouched. */
int config_issuers(const struct config_text *text, const yaml_node_t *list, struct oidc_issuers **issuers);

#endif
