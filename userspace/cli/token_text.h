/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_CLI_TOKEN_TEXT_H
#define DEPUTY_CLI_TOKEN_TEXT_H

/* The token or chain that an argument is, or the first line of the file that it names, or for "-" of standard
 * input. The caller frees *text. -errno. */
int token_text(const char *arg, char **text);

#endif
