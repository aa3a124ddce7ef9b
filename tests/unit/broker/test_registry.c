/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/grants.h"

static struct registry *registry;

static int setup(void **state)
{
	(void)state;
	registry = malloc(sizeof(*registry));
	registry_init(registry);
	return sodium_init() < 0;
}

static int teardown(void **state)
{
	(void)state;
	registry_clear(registry);
	free(registry);
	return 0;
}

static struct grant *add(const char *id, uid_t uid, uint32_t slot, uint32_t gen)
{
	struct grant *g = grant_new();

	if (id)
		snprintf(g->id, sizeof(g->id), "%s", id);
	g->uid = uid;
	g->slot = slot;
	g->gen = gen;
	g->cost = 100;
	registry_add(registry, g);
	return g;
}

static bool of_uid(const struct grant *g, const void *uid)
{
	return g->uid == *(const uid_t *)uid;
}

static int find(const char *id, uid_t uid, struct grant **g)
{
	return registry_find(registry, id, of_uid, &uid, g);
}

static void names(void **state)
{
	struct grant *g[2] = {grant_new(), grant_new()};

	(void)state;
	assert_int_equal(strlen(g[0]->id), 17);
	assert_int_equal(g[0]->id[0], 'g');
	assert_int_equal(strspn(g[0]->id + 1, "abcdefghijklmnopqrstuvwxyz234567"), 16);
	assert_string_not_equal(g[0]->id, g[1]->id);
	grant_free(g[0]);
	grant_free(g[1]);
	grant_free(NULL);
}

static void finding(void **state)
{
	struct grant *a = add("gaaaa2", 1, 1, 1), *b = add("gaaaa3", 1, 2, 1), *c = add("gaaab4", 2, 3, 1);
	struct grant *g = NULL;

	(void)state;
	assert_int_equal(find("gaa", 1, &g), -ENOENT); /* shorter than GRANT_PREFIX_MIN */
	assert_int_equal(find("", 1, &g), -ENOENT);
	assert_int_equal(find("gaaa", 1, &g), -EEXIST);
	assert_int_equal(find("gaaaa", 1, &g), -EEXIST);
	assert_int_equal(find("gaaaa2", 1, &g), 0);
	assert_ptr_equal(g, a);
	assert_int_equal(find("gaaaa3", 1, &g), 0);
	assert_ptr_equal(g, b);
	/* hidden grants make no prefix ambiguous */
	assert_int_equal(find("gaaa", 2, &g), 0);
	assert_ptr_equal(g, c);
	assert_int_equal(find("gaaaa2", 2, &g), -ENOENT);
	assert_int_equal(find("gaaaa2x", 1, &g), -ENOENT);
	assert_int_equal(find("gaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1, &g), -ENOENT);
}

static void tags(void **state)
{
	struct grant *g = add(NULL, 1, 5, 9);

	(void)state;
	assert_ptr_equal(registry_by_tag(registry, 5, 9), g);
	assert_null(registry_by_tag(registry, 5, 8));
	assert_null(registry_by_tag(registry, 4, 9));
	assert_null(registry_by_tag(registry, 0, 0));
	assert_null(registry_by_tag(registry, SLOTS_MAX, 9));
	assert_null(registry_by_tag(registry, UINT32_MAX, 9));
	registry_end(registry, g);
	assert_null(registry_by_tag(registry, 5, 9));
}

static void usage(void **state)
{
	size_t grants, bytes;
	struct grant *g = add(NULL, 1, 1, 1);

	(void)state;
	add(NULL, 1, 2, 1);
	add(NULL, 2, 3, 1);
	registry_usage(registry, 1, &grants, &bytes);
	assert_int_equal(grants, 2);
	assert_int_equal(bytes, 200);
	g->state = GRANT_REVOKED; /* still holds its slot */
	assert_int_equal(registry_live(registry), 2);
	registry_end(registry, g);
	registry_usage(registry, 1, &grants, &bytes);
	assert_int_equal(grants, 1);
}

/* The oldest ended ones are forgotten, whether they are many or large; those that hold a slot never are. */
static void forgetting(void **state)
{
	struct grant *live = add("glive", 1, 1, 1), *g;

	(void)state;
	for (unsigned i = 0; i < GRANTS_ENDED_MAX + 10; i++) {
		char id[ID_BYTES];

		snprintf(id, sizeof(id), "g%08u", i);
		registry_end(registry, add(id, 1, 2, i));
	}
	assert_int_equal(registry->ended_count, GRANTS_ENDED_MAX);
	assert_int_equal(HASH_COUNT(registry->by_id), GRANTS_ENDED_MAX + 1);
	assert_int_equal(find("g00000009", 1, &g), -ENOENT);
	assert_int_equal(find("g00000010", 1, &g), 0);
	g = add("glarge", 1, 3, 1);
	g->labels_size = GRANTS_ENDED_BYTES - 1;
	registry_end(registry, g);
	assert_int_equal(registry->ended_count, 1);
	assert_int_equal(find("glarge", 1, &g), 0);
	registry_end(registry, add("gsmall", 1, 3, 2));
	assert_int_equal(find("glarge", 1, &g), -ENOENT);
	assert_int_equal(find("gsmall", 1, &g), 0);
	assert_int_equal(find("glive", 1, &g), 0);
	assert_ptr_equal(g, live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test_setup_teardown(finding, setup, teardown),
		cmocka_unit_test_setup_teardown(tags, setup, teardown),
		cmocka_unit_test_setup_teardown(usage, setup, teardown),
		cmocka_unit_test_setup_teardown(forgetting, setup, teardown),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
