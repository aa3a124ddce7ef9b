/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes of outside tokens (RFC 6749 section 3.3). Each is a purpose: names joined by '/', and "fix/tests" is
 * a part of "fix". So whatever a scope says, it says no more than the purpose of the grant behind it.
 */
#ifndef DEPUTY_SCOPE_H
#define DEPUTY_SCOPE_H

#define SCOPE_TEXT_MAX 511u /* bytes of a list */
#define SCOPES_MAX     16u  /* in a list */

/*
 * What is asked for (NULL: as much as there may be), when all that there is to give is within each of two
 * lists: `have` and `purpose`. `scope` has room for SCOPE_TEXT_MAX + 1 bytes.
 *   -EINVAL  not a list of scopes, or past the limits
 *   -EACCES  wider, or nothing is within both
 */
int scope_narrow(const char *asked, const char *have, const char *purpose, char *scope);

#endif
