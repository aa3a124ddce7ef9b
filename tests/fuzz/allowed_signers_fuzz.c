/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as an allowed_signers file: within its limits, and what was read allows only the keys that are in
 * it. */
#include <errno.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "proof/allowed_signers.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return sodium_init() < 0 ? -1 : 0;
}

static void check_signer(const struct allowed_signers *s, const struct allowed_signer *a)
{
	const struct allowed_signer *found = NULL;

	if (!*a->principals || strlen(a->principals) > SIGNERS_LIST_MAX)
		abort();
	if (a->namespaces && (!*a->namespaces || strlen(a->namespaces) > SIGNERS_LIST_MAX))
		abort();
	if (a->after && a->before && a->before <= a->after)
		abort();
	allowed_signers_find(s, a->key, "grant@deputy", 1767225600, "alice@example.com", &found);
	if (found && !sshkey_equal(found->key, a->key))
		abort();
}

static void check_errors(const struct signers_errors *errors)
{
	char line[1024];

	if (!errors->count || errors->count > SIGNERS_ERRORS_MAX)
		abort();
	for (size_t i = 0; i < errors->count; i++)
		if (signers_error_format("file", &errors->list[i], line, sizeof(line)) ||
		    !errors->list[i].line || !errors->list[i].column)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = copy_of(data, size);
	struct signers_errors errors;
	struct allowed_signers s;
	int err;

	err = allowed_signers_parse(copy, size, &errors, &s);
	free(copy);
	if (err == -EINVAL)
		check_errors(&errors);
	if (err)
		return 0;
	for (size_t i = 0; i < s.count; i++)
		check_signer(&s, &s.list[i]);
	allowed_signers_free(&s);
	return 0;
}
