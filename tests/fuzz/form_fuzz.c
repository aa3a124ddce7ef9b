/* SPDX-License-Identifier: Apache-2.0 */
/* form_decode() on any body: whatever it reads, escaped anew, is read the same. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/form.h"
#include "common/utf8.h"
#include "copy.h"

static size_t escape(const char *text, char *out)
{
	size_t n = 0;

	for (; *text; text++)
		n += (size_t)sprintf(out + n, "%%%02X", (unsigned char)*text);
	return n;
}

static void check(const struct form *f, size_t size)
{
	char *body = malloc(3 * size + 2 * FORM_PAIRS_MAX + 1);
	struct form_error e;
	struct form again;
	size_t n = 0;

	for (size_t i = 0; i < f->count; i++) {
		if (!utf8_valid(f->pair[i].value, f->pair[i].value_len) ||
		    strlen(f->pair[i].value) != f->pair[i].value_len || !f->pair[i].value_len)
			abort();
		n += (size_t)sprintf(body + n, "%s", i ? "&" : "");
		n += escape(f->pair[i].name, body + n);
		body[n++] = '=';
		n += escape(f->pair[i].value, body + n);
	}
	if (n <= FORM_BODY_MAX) {
		if (form_decode(body, n, "r audience", &again, &e) || again.count != f->count)
			abort();
		for (size_t i = 0; i < f->count; i++)
			if (strcmp(again.pair[i].name, f->pair[i].name) != 0 ||
			    strcmp(again.pair[i].value, f->pair[i].value) != 0)
				abort();
		form_free(&again);
	}
	free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *body = copy_of(data, size);
	struct form_error e = {0};
	struct form f;

	if (form_decode(body, size, "r audience", &f, &e) == 0) {
		check(&f, size);
		form_free(&f);
	} else if (!e.what || e.at > size) {
		abort();
	}
	free(body);
	return 0;
}
