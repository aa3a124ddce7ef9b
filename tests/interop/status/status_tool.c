/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deputy's side of tests/interop/status, with a key that anybody may know.
 *   status_tool issue BITS COUNT [INDEX=VALUE]...   prints {"jwks": ..., "token": ...}, the rest 0
 *   status_tool read < FILE                         of {"bits", "lst"} prints the values, [0, 1, ...]
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "token/status_list.h"

static struct secret_key *tool_key(void)
{
	static const unsigned char seed[KEY_SEED_BYTES] = "an open secret";
	struct secret_key *key;

	if (sodium_init() < 0 || key_from_seed(seed, &key))
		abort();
	return key;
}

static int tool_fill(struct status_list *list, int argc, char **argv)
{
	int err = 0;

	for (int i = 0; i < argc && !err; i++) {
		char *value;
		unsigned long index = strtoul(argv[i], &value, 10);

		err = *value == '=' ? status_list_set(list, index, (unsigned)atoi(value + 1)) : -EINVAL;
	}
	return err;
}

static int tool_print(const struct status_list *list)
{
	struct secret_key *key = tool_key();
	int64_t now = time(NULL);
	const struct status_list_terms terms = {"https://deputy.invalid/v1/status-list", now, now + 300, 15};
	json_auto_t *out = NULL;
	char *text = NULL;
	int err = status_list_sign(key, &terms, list, &text);

	if (!err) {
		out = json_pack("{s:o, s:s}", "jwks", key_set(key_public(key)), "token", text);
		err = json_dumpf(out, stdout, 0) ? -EIO : 0;
	}
	free(text);
	key_free(key);
	return err;
}

static int tool_issue(int argc, char **argv)
{
	struct status_list list;
	int err = argc < 2 ? -EINVAL
			   : status_list_new((unsigned)atoi(argv[0]), (size_t)atoi(argv[1]), 0, &list);

	if (err)
		return err;
	err = tool_fill(&list, argc - 2, argv + 2);
	if (!err)
		err = tool_print(&list);
	status_list_clear(&list);
	return err;
}

static int tool_read(void)
{
	json_auto_t *object = json_loadf(stdin, JSON_REJECT_DUPLICATES, NULL), *values = json_array();
	struct status_list list;
	unsigned value;
	int err = status_list_decode(object, &list);

	if (err)
		return err;
	for (size_t i = 0; status_list_get(&list, i, &value) == 0; i++)
		json_array_append_new(values, json_integer(value));
	status_list_clear(&list);
	return json_dumpf(values, stdout, JSON_COMPACT) ? -EIO : 0;
}

int main(int argc, char **argv)
{
	int err = -EINVAL;

	if (argc > 1 && strcmp(argv[1], "issue") == 0)
		err = tool_issue(argc - 2, argv + 2);
	else if (argc == 2 && strcmp(argv[1], "read") == 0)
		err = tool_read();
	if (err)
		fprintf(stderr, "status_tool: %s\n", strerror(-err));
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
