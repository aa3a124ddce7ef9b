/* SPDX-License-Identifier: Apache-2.0 */
/* What on this host is Deputy's own, to be closed to every agent whatever its policy grants. */
#ifndef DEPUTY_OWN_H
#define DEPUTY_OWN_H

#include "daemon/config.h"
#include "daemon/enforce.h"
#include "daemon/keystore.h"
#include "daemon/site.h"

#define CONFIG_DIR  "/etc/deputy"
#define CONFIG_FILE CONFIG_DIR "/deputyd.yaml"

/* Wards all of it. What is not there is left out, except directories in which something would be believed:
 * those are made. 0 or -errno, said on stderr. */
int own_ward(struct enforce *enforce, const struct site *site, const struct keystore *keys,
	     const struct config *config, const char *config_file);

/* Wards the file of the signing keys once more: each rotation writes another, which may get a second name
 * too. What fails is said on stderr, and leaves it closed as what lies in the state directory. */
void own_ward_keys(struct enforce *enforce, const struct keystore *keys);

#endif
