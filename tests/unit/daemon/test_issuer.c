/* SPDX-License-Identifier: Apache-2.0 */
/* `issuer` in deputyd.yaml. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/issuer.h"
#include "daemon/config.h"

static int read_text(const char *text, struct config *c)
{
	char path[] = "/tmp/deputy-config-XXXXXX";
	int fd = mkstemp(path), err;

	assert_true(fd >= 0 && dprintf(fd, "%s", text) >= 0);
	close(fd);
	err = config_read(path, true, c);
	unlink(path);
	return err;
}

static void issuer(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(read_text("", &c), 0);
	assert_string_equal(c.issuer, ISSUER_DEFAULT);
	config_free(&c);
	assert_int_equal(read_text("issuer: https://tokens.example:8443\n", &c), 0);
	assert_string_equal(c.issuer, "https://tokens.example:8443");
	config_free(&c);
	assert_int_equal(read_text("issuer: https://tokens.example/\n", &c), -EINVAL);
	assert_int_equal(read_text("issuer: http://tokens.example\n", &c), -EINVAL);
	assert_int_equal(read_text("issuer: [https://tokens.example]\n", &c), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(issuer)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
