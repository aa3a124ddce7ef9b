/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define NOBODY 65534

int privileges_drop(const char *user)
{
	const struct rlimit none = {0, 0};
	const struct passwd *pw = getpwnam(user);
	uid_t uid = pw ? pw->pw_uid : NOBODY;
	gid_t gid = pw ? pw->pw_gid : NOBODY;

	if (!pw)
		fprintf(stderr, "deputyd: no user `%s` on this host: running as nobody\n", user);
	if (!uid) {
		fprintf(stderr, "deputyd: user `%s` is root: name another in the configuration\n", user);
		return -EPERM;
	}
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0) ||
	    setrlimit(RLIMIT_CORE, &none))
		return -errno;
	return setuid(0) == 0 ? -EPERM : 0; /* it must not come back */
}
