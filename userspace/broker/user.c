/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/user.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "broker/request.h"

void user_find(uid_t uid, struct user *user)
{
	const struct passwd *pw = getpwuid(uid); /* one thread */

	user->home[0] = '\0';
	snprintf(user->name, sizeof(user->name), "%u", (unsigned)uid);
	if (!pw)
		return;
	/* A name cut short would be another user's, and so might one of digits be, to a policy's "uid:". */
	if (strlen(pw->pw_name) < sizeof(user->name) && pw->pw_name[strspn(pw->pw_name, "0123456789")])
		strcpy(user->name, pw->pw_name);
	if (strlen(pw->pw_dir) < sizeof(user->home) && request_path_ok(pw->pw_dir))
		strcpy(user->home, pw->pw_dir);
}
