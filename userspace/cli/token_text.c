/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/token_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/files.h"
#include "token/chain.h"

/* No text of ours is the name of a file that is there: tokens begin so, and chains with '~'. */
static bool is_text(const char *arg)
{
	return *arg == '~' || !strncmp(arg, "eyJ", 3) || access(arg, F_OK);
}

int token_text(const char *arg, char **text)
{
	size_t len;
	int err = 0;

	if (strcmp(arg, "-") == 0 || !is_text(arg))
		err = file_read(arg, CHAIN_TEXT_MAX + 2, text, &len);
	else if (!(*text = strdup(arg)))
		err = -ENOMEM;
	if (err)
		return err;
	(*text)[strcspn(*text, "\r\n")] = '\0';
	return 0;
}
