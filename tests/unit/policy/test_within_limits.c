/* SPDX-License-Identifier: Apache-2.0 */
/* The proof at its edges: names as long as they can be, work past the limit, tables that are none. */
#include <errno.h>
#include <time.h>

#include "policy/within.h"
#include "test_compile_sample.h"

#define SECONDS 60 /* for a limit; a hundredth of a shared processor is no reason to fail */

static void literal(struct sample *s, enum rule_verdict verdict, const char *name, size_t len)
{
	char text[2 * NAME_BYTES + 8] = "/";
	size_t used = 1;

	for (size_t i = 0; i < len; i++) {
		if (strchr("*?[]{}\\$", name[i]))
			text[used++] = '\\';
		text[used++] = name[i];
	}
	text[used] = '\0';
	sample_path_ops(s, verdict, 1u << OP_READ, text);
}

#define HALF 127

/* Prefix and suffix leave room for one byte: a parent that names every such name allows what the glob does.
 */
static void test_room_for_one(void **state)
{
	struct sample child = {0}, parent = {0};
	char glob[NAME_BYTES + 2] = "/", name[NAME_BYTES];
	static struct policy_wider w;

	(void)state;
	memset(glob + 1, 'p', HALF);
	glob[1 + HALF] = '*';
	memset(glob + 2 + HALF, 'q', HALF);
	sample_path_ops(&child, RULE_ALLOW, 1u << OP_READ, glob);
	memset(name, 'p', HALF);
	memset(name + HALF, 'q', HALF);
	literal(&parent, RULE_ALLOW, name, 2 * (size_t)HALF);
	memset(name + HALF + 1, 'q', HALF);
	for (unsigned c = 1; c < 256; c++) {
		name[HALF] = (char)c;
		if (c != '/' && c != '!')
			literal(&parent, RULE_ALLOW, name, NAME_BYTES);
	}
	sample_compile(&child);
	sample_compile(&parent);
	assert_int_equal(policy_within(&child.table[0], parent.table, &w), -EACCES);
	assert_int_equal(w.object[1 + HALF], '!');
	assert_int_equal(strlen(w.object), 1 + NAME_BYTES);
	name[HALF] = '!';
	literal(&parent, RULE_ALLOW, name, NAME_BYTES);
	table_free(parent.table);
	sample_compile(&parent);
	assert_int_equal(policy_within(child.table, parent.table, &w), 0);
	sample_free(&child);
	sample_free(&parent);
}

/* One byte of the name is left open and all 254 are named: what is left has two and more. */
static void test_one_byte_names(void **state)
{
	struct sample child = {0}, parent = {0};
	static struct policy_wider w;

	(void)state;
	sample_path(&child, "allow read /d/*");
	for (unsigned c = 1; c < 256; c++) {
		char name[] = {'d', '/', '\\', (char)c, 0};

		if (!strchr("*?[]{}\\$", name[3]))
			memmove(name + 2, name + 3, 2);
		if (c == '/' || c == '.')
			continue;
		name[1] = '/';
		char text[8];

		snprintf(text, sizeof(text), "/%s", name);
		sample_path_ops(&parent, RULE_ALLOW, 1u << OP_READ, text);
	}
	sample_compile(&child);
	sample_compile(&parent);
	assert_int_equal(policy_within(child.table, parent.table, &w), -EACCES);
	assert_string_equal(w.op, "read");
	assert_int_equal(strlen(w.object), strlen("/d/xx"));
	sample_free(&child);
	sample_free(&parent);
}

/* A long way to the first difference: the end of the path is shown. */
static void test_cut(void **state)
{
	struct sample child = {0}, parent = {0};
	char text[NAME_BYTES * 20 + 64] = "", *end = text;
	struct policy_answer a;
	static struct policy_wider w;

	(void)state;
	for (int i = 0; i < 20; i++) {
		*end++ = '/';
		memset(end, 'n', NAME_BYTES);
		end += NAME_BYTES;
	}
	sample_path_ops(&child, RULE_ALLOW, 1u << OP_READ, text);
	sample_path(&parent, "allow metadata /"
			     "**");
	sample_compile(&child);
	sample_compile(&parent);
	assert_int_equal(policy_explain_path(child.table, OP_READ, text, &a), 0);
	assert_int_equal(a.action, ACT_ALLOW);
	assert_int_equal(policy_within(child.table, parent.table, &w), -EACCES);
	assert_true(w.cut);
	assert_string_equal(w.op, "read");
	assert_string_equal(w.object, end - strlen(w.object));
	assert_true(strlen(w.object) >= WITHIN_OBJECT - NAME_BYTES - 2);
	sample_free(&child);
	sample_free(&parent);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int timed(const struct sample *child, const struct sample *parent, const char *what)
{
	static struct policy_wider w;
	double before = seconds();
	int ret = policy_within(child->table, parent->table, &w);

	print_message("%s: %d after %.4f s\n", what, ret, seconds() - before);
	assert_true(seconds() - before < SECONDS);
	return ret;
}

/* Each of the child's states with as many of the parent's edges as there are. */
static void test_work(void **state)
{
	struct sample child = {0}, parent = {0};
	char text[2048];

	(void)state;
	sample_path(&parent, "allow read,list /"
			     "**");
	for (int i = 0; i < 400; i++) {
		snprintf(text, sizeof(text), "/**/%0240d", i);
		sample_path_ops(&parent, RULE_DENY, 1u << OP_WRITE, text);
		parent.purpose.rules.paths[i + 1].ops = 1u << OP_LIST;
	}
	for (int i = 0; i < 200; i++) {
		size_t used = (size_t)snprintf(text, sizeof(text), "/c%d", i);

		for (int j = 0; j < 100; j++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "/x%d", j);
		sample_path_ops(&child, RULE_ALLOW, 1u << OP_READ, text);
	}
	sample_compile(&child);
	sample_compile(&parent);
	assert_int_equal(timed(&child, &parent, "work"), -E2BIG);
	sample_free(&child);
	sample_free(&parent);
}

/* What policies of a thousand rules take. */
static void test_large(void **state)
{
	struct sample child = {0}, parent = {0};
	char text[128];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "/home/u%d/**", i);
		sample_path_ops(&parent, RULE_ALLOW, 1u << OP_READ, text);
		snprintf(text, sizeof(text), "/home/u%d/work/*.c", i);
		sample_path_ops(&child, RULE_ALLOW, 1u << OP_READ, text);
	}
	sample_path(&parent, "deny read **"
			     "/.ssh/"
			     "**");
	sample_path(&parent, "deny read **"
			     "/*.pem");
	sample_compile(&child);
	sample_compile(&parent);
	assert_int_equal(timed(&child, &parent, "large"), 0);
	assert_int_equal(timed(&parent, &parent, "with itself"), 0);
	assert_int_equal(timed(&parent, &child, "the other way"), -EACCES);
	sample_free(&child);
	sample_free(&parent);
}

/* Eight globs a side with much in common: every prefix meets every suffix. */
static void test_globs(void **state)
{
	struct sample child = {0}, parent = {0};
	char text[NAME_BYTES + 8];

	(void)state;
	for (int i = 1; i <= (int)TABLE_GLOBS; i++) {
		char name[NAME_BYTES + 1] = "";

		memset(name, 'a', 12 * (size_t)i);
		snprintf(text, sizeof(text), "/**/%s*%s", name, name);
		sample_path_ops(&child, i & 1 ? RULE_ALLOW : RULE_DENY, 1u << OP_READ, text);
		snprintf(text, sizeof(text), "/**/%sa*a%s", name, name);
		sample_path_ops(&parent, i & 1 ? RULE_ALLOW : RULE_DENY, 1u << OP_READ, text);
	}
	sample_path(&child, "allow metadata /"
			    "**");
	sample_path(&parent, "allow metadata /"
			     "**");
	sample_compile(&child);
	sample_compile(&parent);
	assert_int_equal(timed(&child, &parent, "globs"), -EACCES);
	assert_int_equal(timed(&child, &child, "globs with themselves"), 0);
	sample_free(&child);
	sample_free(&parent);
}

/* Whatever a cell is overwritten with, the answer is one of those, and nothing outside is read (ASan). */
static void test_broken(void **state)
{
	struct sample child = {0}, parent = {0};
	static const uint32_t words[] = {0, 1, 2, 0xff, 0xffff, 0xffffff00, 0xffffffff};
	static struct policy_wider w;

	(void)state;
	sample_path(&child, "allow read /a/b*c/"
			    "**");
	sample_path(&child, "deny read /a/bxc/d");
	sample_path(&parent, "allow read /a/"
			     "**");
	sample_addr(&child, RULE_ALLOW, 15, (struct cell_addr){0, 5}, (struct cell_addr){0, 9},
		    &(struct port_range){3, 4}, 1);
	sample_addr(&parent, RULE_ALLOW, 15, (struct cell_addr){0, 5}, (struct cell_addr){1, 9},
		    &(struct port_range){3, 9}, 1);
	sample_compile(&child);
	sample_compile(&parent);
	assert_int_equal(policy_within(child.table, parent.table, &w), 0);
	for (struct table *t = child.table; t; t = t == child.table ? parent.table : NULL) {
		for (uint32_t i = 0; i < 4 * t->count; i++) {
			uint32_t *word = (uint32_t *)t->cells + i, kept = *word;

			for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
				int ret;

				*word = words[k];
				ret = policy_within(child.table, parent.table, &w);
				assert_true(!ret || ret == -EACCES || ret == -EINVAL || ret == -E2BIG);
			}
			*word = kept;
		}
	}
	assert_int_equal(policy_within(child.table, parent.table, &w), 0);
	child.table->count--;
	assert_int_equal(policy_within(child.table, parent.table, &w), -EINVAL);
	assert_int_equal(policy_within(parent.table, child.table, &w), -EINVAL);
	child.table->count++;
	sample_free(&child);
	sample_free(&parent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_room_for_one), cmocka_unit_test(test_one_byte_names),
		cmocka_unit_test(test_cut),	     cmocka_unit_test(test_work),
		cmocka_unit_test(test_large),	     cmocka_unit_test(test_globs),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
