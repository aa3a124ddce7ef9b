/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/record_link.h"
#include "common/cleanup.h"
#include "common/shared.h"
#include "token/jwt.h"

/* No JWS signs a message that begins so: '/' is no character of base64url. */
static const char magic[16] = "deputy/record/1";

struct head {
	char magic[sizeof(magic)];
	uint32_t json; /* bytes of JSON; the labels follow */
	uint32_t labels;
};

#define HEAD_AT KEY_SIGN_BYTES
#define JSON_AT (HEAD_AT + sizeof(struct head))

/* ---- the members that are strings in the grant itself ---- */

#define FIELD(name) {#name, offsetof(struct grant, name), sizeof(((struct grant *)0)->name)}

static const struct {
	const char *name;
	size_t at;
	size_t size;
} strings[] = {FIELD(id), FIELD(parent), FIELD(chain)};

static const struct {
	const char *name;
	enum grant_text which;
} texts[] = {
	{"owner", GRANT_OWNER},	  {"assurance", GRANT_ASSURANCE},
	{"user", GRANT_USER},	  {"purpose", GRANT_PURPOSE},
	{"policy", GRANT_POLICY}, {"digest", GRANT_DIGEST},
	{"table", GRANT_TABLE},	  {"key", GRANT_KEY},
	{"file", GRANT_FILE},
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static json_t *record_json(const struct grant *g)
{
	json_t *o = json_pack(
		"{s:s*, s:O*, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:i, s:i, s:i, s:i, s:I, s:I, s:i, s:I, s:b}",
		"workdir", *g->workdir ? g->workdir : NULL, "proof", g->proof, "argv", grant_argv(g), "links",
		grant_lines(g), "uid", (json_int_t)g->uid, "cost", (json_int_t)g->cost, "not_before",
		(json_int_t)g->not_before, "expires", (json_int_t)g->expires, "deadline",
		(json_int_t)g->deadline, "slot", (json_int_t)g->slot, "gen", (json_int_t)g->gen, "kill",
		g->kill, "state", (int)g->state, "depth", (int)g->depth, "children", (int)g->children,
		"audit", (int)g->audit, "began", (json_int_t)g->began, "before", (json_int_t)g->before,
		"renewals", (int)g->renewals, "proven", (json_int_t)g->proven, "installed", g->installed);

	int err = o ? record_links_write(g, o) : -ENOMEM;

	for (size_t i = 0; !err && i < COUNT(strings); i++)
		err = json_object_set_new(o, strings[i].name, json_string((const char *)g + strings[i].at));
	for (size_t i = 0; !err && i < COUNT(texts); i++)
		err = json_object_set_new(o, texts[i].name, json_string(grant_text_of(g, texts[i].which)));
	if (!err)
		return o;
	json_decref(o);
	return NULL;
}

int record_encode(const struct secret_key *key, const struct grant *g, char **bytes, size_t *size)
{
	json_auto_t *o = record_json(g);
	size_t json = o ? json_dumpb(o, NULL, 0, JSON_COMPACT) : 0, all = JSON_AT + json + g->labels_size;
	struct head head = {.json = (uint32_t)json, .labels = (uint32_t)g->labels_size};
	char *out;

	if (!json)
		return -ENOMEM;
	if (all > RECORD_BYTES)
		return -EFBIG;
	out = malloc(all);
	if (!out)
		return -ENOMEM;
	memcpy(head.magic, magic, sizeof(magic));
	memcpy(out + HEAD_AT, &head, sizeof(head));
	json_dumpb(o, out + JSON_AT, json, JSON_COMPACT);
	if (g->labels_size)
		memcpy(out + JSON_AT + json, g->labels, g->labels_size);
	key_sign(key, out + HEAD_AT, all - HEAD_AT, (unsigned char *)out);
	*bytes = out;
	*size = all;
	return 0;
}

/* ---- back ---- */

/* Of a daemon before 0.2.0, which knew no other proof of an owner, no other key and no renewal. */
static const char *text_default(enum grant_text which, const struct public_key *key)
{
	switch (which) {
	case GRANT_ASSURANCE:
		return "peer";
	case GRANT_KEY:
		return key->kid;
	case GRANT_FILE:
		return "";
	default:
		return NULL;
	}
}

static int text_read(const struct public_key *key, const json_t *o, size_t i, struct grant *g)
{
	const json_t *value = json_object_get(o, texts[i].name);
	enum grant_text which = texts[i].which;
	const char *text = value ? json_string_value(value) : text_default(which, key);

	return text && strlen(text) < grant_text_room(which) ? grant_say(g, which, text) : -EBADMSG;
}

static int string_read(const json_t *o, size_t i, struct grant *g)
{
	const json_t *value = json_object_get(o, strings[i].name);
	size_t len = json_string_length(value);

	if (!json_is_string(value) || len >= strings[i].size)
		return -EBADMSG;
	memcpy((char *)g + strings[i].at, json_string_value(value), len + 1);
	return 0;
}

static int number_read(const json_t *o, const char *name, uint64_t most, uint64_t *number)
{
	const json_t *value = json_object_get(o, name);

	*number = (uint64_t)json_integer_value(value);
	return json_is_integer(value) && json_integer_value(value) >= 0 && *number <= most ? 0 : -EBADMSG;
}

/* Not in records of before 0.2.0, nor in those of its first days. */
static int proven_read(const json_t *o, struct grant *g)
{
	uint64_t proven = 0;

	if (json_object_get(o, "proven") && number_read(o, "proven", JWT_TIME_MAX, &proven))
		return -EBADMSG;
	g->proven = (int64_t)proven;
	return 0;
}

/* Of such a daemon, again: its grants began when their one and only life did. */
static int renewals_read(const json_t *o, struct grant *g)
{
	uint64_t life = (uint64_t)(g->expires - g->not_before) * 1000000000, renewals = 0;

	g->began = g->deadline > life ? g->deadline - life : 0;
	if (json_object_get(o, "renewals") && (number_read(o, "renewals", INT32_MAX, &renewals) ||
					       number_read(o, "began", INT64_MAX, &g->began) ||
					       number_read(o, "before", INT64_MAX, &g->before)))
		return -EBADMSG;
	g->renewals = (unsigned)renewals;
	g->installed = json_is_true(json_object_get(o, "installed"));
	return 0;
}

static int numbers_read(const json_t *o, struct grant *g)
{
	uint64_t uid, cost, not_before, expires, slot, gen, state, depth, children, audit;

	if (number_read(o, "uid", UINT32_MAX, &uid) || number_read(o, "cost", INT64_MAX, &cost) ||
	    number_read(o, "not_before", JWT_TIME_MAX, &not_before) ||
	    number_read(o, "expires", JWT_TIME_MAX, &expires) ||
	    number_read(o, "deadline", INT64_MAX, &g->deadline) ||
	    number_read(o, "slot", SLOTS_MAX - 1, &slot) || number_read(o, "gen", UINT32_MAX, &gen) ||
	    number_read(o, "state", GRANT_STATES - 1, &state) || number_read(o, "depth", CHAIN_MAX, &depth) ||
	    number_read(o, "children", INT32_MAX, &children) || number_read(o, "audit", INT32_MAX, &audit))
		return -EBADMSG;
	g->uid = (uid_t)uid;
	g->cost = cost;
	g->not_before = (int64_t)not_before;
	g->expires = (int64_t)expires;
	g->slot = (uint32_t)slot;
	g->gen = (uint32_t)gen;
	g->state = (enum grant_state)state;
	g->depth = (unsigned)depth;
	g->children = (unsigned)children;
	g->audit = (unsigned)audit;
	g->kill = json_is_true(json_object_get(o, "kill"));
	return renewals_read(o, g) ?: proven_read(o, g);
}

/* The last is the grant's own. */
static int lines_read(const json_t *lines, struct grant *g)
{
	_cleanup_free_ char *above = NULL;
	size_t count = json_array_size(lines), size = 0, i;
	const json_t *line;
	char *p;

	json_array_foreach (lines, i, line) {
		if (!json_is_string(line))
			return -EBADMSG;
		size += strlen(json_string_value(line)) + 1;
	}
	if (!count)
		return 0;
	p = above = malloc(size);
	g->line = strdup(json_string_value(json_array_get(lines, count - 1)));
	if (!above || !g->line)
		return -ENOMEM;
	for (i = 0; i + 1 < count; i++)
		p = stpcpy(p, json_string_value(json_array_get(lines, i))) + 1;
	g->lines = shared_bytes(above, (size_t)(p - above));
	return g->lines ? 0 : -ENOMEM;
}

static int argv_read(const json_t *argv, struct grant *g)
{
	_cleanup_free_ char *text = json_dumps(argv, JSON_COMPACT);

	return text ? grant_say(g, GRANT_ARGV, text) : -ENOMEM;
}

static int members_read(const json_t *o, struct grant *g)
{
	const char *workdir = json_string_value(json_object_get(o, "workdir")) ?: "";
	const json_t *argv = json_object_get(o, "argv"), *links = json_object_get(o, "links");
	json_t *proof = json_object_get(o, "proof");

	if (!json_is_array(argv) || !json_is_array(links) || (proof && !json_is_object(proof)))
		return -EBADMSG;
	g->proof = json_incref(proof);
	return argv_read(argv, g) ?: lines_read(links, g) ?: grant_say(g, GRANT_WORKDIR, workdir) ?: record_links_read(o, g);
}

static int grant_read(const struct public_key *signer, const char *json, const struct head *head,
		      struct grant *g)
{
	json_auto_t *o = json_loadb(json, head->json, JSON_REJECT_DUPLICATES, NULL);
	int err = json_is_object(o) ? 0 : -EBADMSG;

	for (size_t i = 0; !err && i < COUNT(strings); i++)
		err = string_read(o, i, g);
	for (size_t i = 0; !err && i < COUNT(texts); i++)
		err = text_read(signer, o, i, g);
	if (!err)
		err = numbers_read(o, g);
	if (!err)
		err = members_read(o, g);
	if (!err && head->labels && json[head->json + head->labels - 1])
		err = -EBADMSG;
	return err ?: grant_label(g, json + head->json, head->labels);
}

/* A record does not name its key: nothing is looked at before it is known to be ours. */
static const struct public_key *record_signer(const struct key_ring *keys, const char *bytes, size_t size)
{
	for (size_t i = 0; size >= JSON_AT && i < keys->count; i++)
		if (!key_verify(&keys->keys[i].key, bytes + HEAD_AT, size - HEAD_AT,
				(const unsigned char *)bytes))
			return &keys->keys[i].key;
	return NULL;
}

int record_decode(const struct key_ring *keys, const char *bytes, size_t size, struct grant **grant)
{
	const struct public_key *signer = record_signer(keys, bytes, size);
	struct head head;
	struct grant *g;
	int err;

	if (!signer)
		return -EKEYREJECTED;
	memcpy(&head, bytes + HEAD_AT, sizeof(head));
	if (memcmp(head.magic, magic, sizeof(magic)) || (uint64_t)head.json + head.labels != size - JSON_AT)
		return -EBADMSG;
	g = grant_new();
	if (!g)
		return -ENOMEM;
	err = grant_read(signer, bytes + JSON_AT, &head, g);
	if (err)
		grant_free(g);
	else
		*grant = g;
	return err;
}
