/* SPDX-License-Identifier: Apache-2.0 */
/* Output for people. What agents named themselves must not move the cursor of whoever reads about it. */
#ifndef DEPUTY_CLI_PRINT_H
#define DEPUTY_CLI_PRINT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/cli.h"

enum colour { PLAIN, RED, GREEN, YELLOW, DIM, BOLD };

/* Writes text with control characters, invisible reordering marks and bytes that are not UTF-8 as \xHH. */
void print_safe(FILE *out, const char *text, size_t len);
/* The same into new memory; NULL when there is none. */
char *print_safe_copy(const char *text);
/* Switches the terminal's colour; nothing when `on` is false. PLAIN ends it. */
void print_colour(FILE *out, bool on, enum colour colour);

/* A member as text, "" when it is absent or no string. */
const char *member_text(const json_t *object, const char *member);

/* A member as number, 0 when it is absent or no integer. */
long long member_number(const json_t *object, const char *member);

/* "4m12s", "2h05m", "3d04h"; at most 16 bytes with the NUL. */
void print_duration(int64_t seconds, char buf[16]);
/* Seconds from now to an RFC 3339 time in UTC; 0 when it is none. */
int64_t print_seconds_until(const char *time);

/* One line of JSON. Returns 0. */
int print_json(const json_t *json);

/* A table with columns as wide as they need to be; cells are copied. */
struct table_text;
struct table_text *table_text_new(size_t columns, const char *const *titles);
/* `columns` cells, NULL for empty. 0 or -ENOMEM. */
int table_text_row(struct table_text *t, const char *const *cells);
/* Prints and frees. `bold` titles. */
void table_text_print(struct table_text *t, bool bold);

#endif
