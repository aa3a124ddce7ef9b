/* SPDX-License-Identifier: Apache-2.0 */
#include "signing.h"

#include <sodium.h>
#include <sys/wait.h>

const struct made_key made_keys[] = {
	{"ed25519", "ed25519", ""},  {"p256", "ecdsa", "-b 256"}, {"p384", "ecdsa", "-b 384"},
	{"p521", "ecdsa", "-b 521"}, {"rsa", "rsa", "-b 2048"},
};
const size_t made_key_count = sizeof(made_keys) / sizeof(made_keys[0]);

int shell(const char *dir, const char *format, ...)
{
	char command[2048], line[4096];
	va_list args;
	int status;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	snprintf(line, sizeof(line), "cd '%s' && { %s; } >>log 2>&1 </dev/null", dir, command);
	status = system(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int signing_setup(void **state)
{
	char *dir = strdup("/tmp/deputy-proof-XXXXXX");

	if (sodium_init() < 0 || !mkdtemp(dir))
		return -1;
	for (size_t i = 0; i < made_key_count; i++)
		if (shell(dir, "ssh-keygen -q -N '' -C %s -f %s -t %s %s", made_keys[i].name,
			  made_keys[i].name, made_keys[i].type, made_keys[i].bits))
			return -1;
	*state = dir;
	return 0;
}

int signing_teardown(void **state)
{
	shell("/", "rm -rf '%s'", (char *)*state);
	free(*state);
	return 0;
}

char *slurp(const char *dir, const char *name, size_t *size)
{
	char path[512], *bytes = malloc(65536);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	assert_non_null(f);
	*size = fread(bytes, 1, 65535, f);
	bytes[*size] = '\0';
	fclose(f);
	return bytes;
}

void spill(const char *dir, const char *name, const void *bytes, size_t size)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

char *keygen_sign(const char *dir, const char *key, const char *hash, const char *message, size_t *len)
{
	spill(dir, "message", message, strlen(message));
	assert_int_equal(shell(dir,
			       "rm -f message.sig && ssh-keygen -Y sign -n " NAMESPACE
			       " -O hashalg=%s -f %s message",
			       hash, key),
			 0);
	return slurp(dir, "message.sig", len);
}

struct sshkey *load_key(const char *dir, const char *name)
{
	struct sshkey *key;
	char file[64], *line;
	size_t len;

	snprintf(file, sizeof(file), "%s.pub", name);
	line = slurp(dir, file, &len);
	assert_int_equal(sshkey_parse_line(line, len, &key), 0);
	free(line);
	return key;
}
