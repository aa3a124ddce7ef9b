/* SPDX-License-Identifier: Apache-2.0 */
/* An issuer's keys from a file, and what becomes of them as the file changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forge.h"
#include "proof/oidc_keys.h"

static char dir[] = "/tmp/test_oidc_keys.XXXXXX", path[64];
static struct oidc_issuer issuer;

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/keys.json", dir);
	oidc_issuer_defaults(&issuer);
	issuer.jwks = strdup(path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	oidc_issuer_free(&issuer);
	forge_free_keys();
	unlink(path);
	return rmdir(dir);
}

static void put(const char *text, size_t len)
{
	FILE *f;

	unlink(path);
	f = fopen(path, "we");
	fwrite(text, 1, len, f);
	fclose(f);
	assert_int_equal(chmod(path, 0644), 0);
}

static void put_key(const char *kid)
{
	char *set = forge_set(forge_key("ES256"), kid, NULL);

	put(set, strlen(set));
	free(set);
}

static void fails(int err, const char *what)
{
	struct why why = {""};

	assert_int_equal(oidc_keys_read(&issuer, &why), err);
	if (!strstr(why.text, what))
		fail_msg("%s, and not %s", why.text, what);
	assert_int_equal(issuer.keys.count, 0); /* none of before */
	assert_null(issuer.keys_text);
}

static void works(const char *kid)
{
	struct why why = {""};

	assert_int_equal(oidc_keys_read(&issuer, &why), 0);
	assert_int_equal(issuer.keys.count, 1);
	assert_non_null(jwk_set_find(&issuer.keys, kid));
}

static void changes(void **state)
{
	const struct jwk *first;

	(void)state;
	put_key("k1");
	works("k1");
	first = issuer.keys.keys;
	works("k1");
	assert_ptr_equal(issuer.keys.keys, first); /* the same text: the same keys */
	put_key("k2");				   /* as long, and within one tick of the clock */
	works("k2");
}

static void mistakes(void **state)
{
	static const char empty[] = "{\"keys\": []}", cut[] = "{\"keys\": [";
	static const char others[] = "{\"keys\": [{\"kty\": \"oct\", \"k\": \"AAAA\"}]}";
	char *big = calloc(1, JWK_SET_TEXT_MAX + 2);

	(void)state;
	put_key("k1");
	works("k1");
	put(empty, strlen(empty));
	fails(-ENOKEY, "no key that we verify with, of 0");
	put_key("k1");
	works("k1");
	put(others, strlen(others));
	fails(-EPERM, "");
	put(cut, strlen(cut));
	fails(-EBADMSG, "not a JWK Set");
	memset(big, ' ', JWK_SET_TEXT_MAX + 1);
	put(big, JWK_SET_TEXT_MAX + 1);
	fails(-EMSGSIZE, "longer than");
	put(big, JWK_SET_TEXT_MAX);
	fails(-EBADMSG, "not a JWK Set");
	free(big);
	put_key("k1");
	works("k1");
}

static void whose(void **state)
{
	(void)state;
	put_key("k1");
	works("k1");
	chmod(path, 0664);
	fails(-EPERM, "nobody else's to write");
	chmod(path, 0646);
	fails(-EPERM, "nobody else's to write");
	chmod(path, 0600);
	works("k1");
	assert_int_equal(chown(path, 1234567, 0), 0);
	fails(-EPERM, "must be root's");
	assert_int_equal(chown(path, 0, 1234567), 0);
	works("k1");
}

static void no_file(void **state)
{
	(void)state;
	put_key("k1");
	works("k1");
	unlink(path);
	fails(-ENOENT, "No such file");
	assert_int_equal(mkfifo(path, 0644), 0);
	fails(-EINVAL, "no regular file"); /* and nobody waits */
	unlink(path);
	assert_int_equal(mkdir(path, 0755), 0);
	fails(-EINVAL, "no regular file");
	rmdir(path);
	put_key("k1");
	works("k1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(whose),
		cmocka_unit_test(no_file),
	};

	return cmocka_run_group_tests_name("proof/oidc_keys", tests, setup, teardown);
}
