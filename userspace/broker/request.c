/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/request.h"

#include <errno.h>
#include <string.h>

#include "broker/text.h"

struct member {
	const char *name;
	const char *type_name;
	json_type type;
	bool required;
	size_t max; /* bytes of a string; 0: limited by the body alone */
};

static const struct member grant_members[] = {
	{"policy", "an object", JSON_OBJECT, true, 0},
	{"purpose", "a string", JSON_STRING, false, REQUEST_PURPOSE_MAX},
	{"ttl", "a string", JSON_STRING, false, 16},
	{"workdir", "a string", JSON_STRING, false, REQUEST_WORKDIR_MAX},
	{"argv", "an array of strings", JSON_ARRAY, false, 0},
	{"proof", "an object", JSON_OBJECT, false, 0},
};

static const struct member ssh_members[] = {
	{"type", "a string", JSON_STRING, true, 0},
	{"statement", "a string", JSON_STRING, true, STATEMENT_MAX},
	{"signature", "a string", JSON_STRING, true, SSHSIG_TEXT_MAX},
	{"principal", "a string", JSON_STRING, false, REQUEST_NAME_MAX},
};

static const struct member oidc_members[] = {
	{"type", "a string", JSON_STRING, true, 0},
	{"statement", "a string", JSON_STRING, true, STATEMENT_MAX},
	{"id_token", "a string", JSON_STRING, true, JWS_TEXT_MAX},
};

static const struct {
	const char *type;
	const struct member *members;
	size_t count;
} proofs[] = {
	{"ssh", ssh_members, sizeof(ssh_members) / sizeof(ssh_members[0])},
	{"oidc", oidc_members, sizeof(oidc_members) / sizeof(oidc_members[0])},
};

static const struct member narrower_members[] = {
	{"policy", "an object", JSON_OBJECT, false, 0},
	{"purpose", "a string", JSON_STRING, false, REQUEST_PURPOSE_MAX},
	{"ttl", "a string", JSON_STRING, false, 16},
	{"workdir", "a string", JSON_STRING, false, REQUEST_WORKDIR_MAX},
	{"argv", "an array of strings", JSON_ARRAY, false, 0},
	{"ticket", "true, or left out", JSON_TRUE, false, 0},
	{"thread", "true, or left out", JSON_TRUE, false, 0},
};

static const struct member renewal_members[] = {
	{"policy", "an object", JSON_OBJECT, false, 0},
	{"ttl", "a string", JSON_STRING, false, 16},
	{"proof", "an object", JSON_OBJECT, false, 0},
};

static const struct {
	const struct member *members;
	size_t count;
} kinds[REQUEST_KINDS] = {
	[REQUEST_GRANT] = {grant_members, sizeof(grant_members) / sizeof(grant_members[0])},
	[REQUEST_RENEWAL] = {renewal_members, sizeof(renewal_members) / sizeof(renewal_members[0])},
	[REQUEST_NARROWER] = {narrower_members, sizeof(narrower_members) / sizeof(narrower_members[0])},
};

static const struct member policy_members[] = {
	{"name", "a string", JSON_STRING, true, REQUEST_NAME_MAX},
	{"text", "a string", JSON_STRING, false, 0},
};

static const struct member *member_find(const struct member *members, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(members[i].name, name) == 0)
			return &members[i];
	return NULL;
}

static int member_check(const struct member *m, const json_t *value, struct answer *a)
{
	if (json_typeof(value) != m->type)
		return answer_problem(a, PROBLEM_BAD_REQUEST, "\"%s\" must be %s", m->name, m->type_name);
	if (m->type != JSON_STRING)
		return 0;
	if (json_string_length(value) == 0)
		return answer_problem(a, PROBLEM_BAD_REQUEST, "\"%s\" is empty", m->name);
	if (m->max && json_string_length(value) > m->max)
		return answer_problem(a, PROBLEM_BAD_REQUEST, "\"%s\" has %zu bytes; the limit is %zu",
				      m->name, json_string_length(value), m->max);
	return 0;
}

/* Leaving out an unknown member in silence would drop a limit that the caller believes to have set. */
static int members_check(json_t *object, const struct member *members, size_t count, struct answer *a)
{
	const char *name;
	json_t *value;

	json_object_foreach (object, name, value) {
		const struct member *m = member_find(members, count, name);
		int err;

		if (!m)
			return answer_problem(a, PROBLEM_BAD_REQUEST, "unknown member \"%s\"", name);
		err = member_check(m, value, a);
		if (err)
			return err;
	}
	for (size_t i = 0; i < count; i++)
		if (members[i].required && !json_object_get(object, members[i].name))
			return answer_problem(a, PROBLEM_BAD_REQUEST, "\"%s\" is missing", members[i].name);
	return 0;
}

int request_ttl(const char *text, uint64_t *ns)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}};
	size_t digits = strspn(text, "0123456789");
	uint64_t n = 0;

	if (digits == 0 || digits > 9 || text[digits] == '\0' || text[digits + 1] != '\0')
		return -EINVAL;
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (uint64_t)(text[i] - '0');
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (text[digits] != units[i].unit)
			continue;
		n *= units[i].seconds;
		if (n == 0 || n > REQUEST_TTL_MAX / 1000000000)
			return -EINVAL;
		*ns = n * 1000000000;
		return 0;
	}
	return -EINVAL;
}

bool request_path_ok(const char *path)
{
	const char *p = path;

	if (strcmp(path, "/") == 0)
		return true;
	while (*p == '/') {
		size_t n = strcspn(++p, "/");

		if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += n;
	}
	return p != path && *p == '\0';
}

/* What is kept of a command line, for people: never what runs. */
static int request_argv(const json_t *argv, json_t **kept, struct answer *a)
{
	size_t room = REQUEST_ARGV_BYTES, i;
	json_t *entry;
	json_auto_t *copy = json_array();

	json_array_foreach (argv, i, entry) {
		size_t len = json_string_length(entry);

		if (!json_is_string(entry))
			return answer_problem(a, PROBLEM_BAD_REQUEST, "\"argv\" must be an array of strings");
		if (i >= REQUEST_ARGV_MAX || room == 0)
			continue; /* still checked */
		len = text_cut(json_string_value(entry), len, room);
		json_array_append_new(copy, json_stringn(json_string_value(entry), len));
		room -= len;
		if (len < json_string_length(entry))
			room = 0;
	}
	*kept = json_incref(copy);
	return 0;
}

static int request_policy(json_t *policy, struct grant_request *r, struct answer *a)
{
	const json_t *text = json_object_get(policy, "text");
	int err = !policy ? 0
			  : members_check(policy, policy_members,
					  sizeof(policy_members) / sizeof(policy_members[0]), a);

	if (err || !policy)
		return err;
	r->name = json_string_value(json_object_get(policy, "name"));
	for (const char *p = r->name; *p; p++) /* it is printed in front of every error and rule */
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return answer_problem(a, PROBLEM_BAD_REQUEST, "\"name\" holds a control character");
	r->text = json_string_value(text);
	r->text_len = json_string_length(text);
	return 0;
}

static int proof_members(json_t *proof, struct answer *a)
{
	const char *type = json_string_value(json_object_get(proof, "type"));

	for (size_t i = 0; type && i < sizeof(proofs) / sizeof(proofs[0]); i++)
		if (strcmp(proofs[i].type, type) == 0)
			return members_check(proof, proofs[i].members, proofs[i].count, a);
	return answer_problem(a, PROBLEM_BAD_REQUEST, "\"type\" of a proof must be \"ssh\" or \"oidc\"");
}

static int request_proof(json_t *proof, struct grant_proof *p, struct answer *a)
{
	const json_t *statement = json_object_get(proof, "statement");
	const json_t *signature = json_object_get(proof, "signature");
	const json_t *id_token = json_object_get(proof, "id_token");
	int err = proof_members(proof, a);

	if (err)
		return err;
	*p = (struct grant_proof){
		.statement = json_string_value(statement),
		.statement_len = json_string_length(statement),
		.signature = json_string_value(signature),
		.signature_len = json_string_length(signature),
		.principal = json_string_value(json_object_get(proof, "principal")),
		.id_token = json_string_value(id_token),
		.id_token_len = json_string_length(id_token),
	};
	return 0;
}

static int request_fill(struct grant_request *r, enum request_kind kind, struct answer *a)
{
	const char *ttl = json_string_value(json_object_get(r->root, "ttl"));
	int err;

	if (!json_is_object(r->root))
		return answer_problem(a, PROBLEM_BAD_REQUEST, "the body must be a JSON object");
	err = members_check(r->root, kinds[kind].members, kinds[kind].count, a);
	if (!err)
		err = request_policy(json_object_get(r->root, "policy"), r, a);
	if (!err && json_object_get(r->root, "proof"))
		err = request_proof(json_object_get(r->root, "proof"), &r->proof, a);
	if (err)
		return err;
	r->purpose = json_string_value(json_object_get(r->root, "purpose"));
	r->workdir = json_string_value(json_object_get(r->root, "workdir"));
	if (r->workdir && !request_path_ok(r->workdir))
		return answer_problem(
			a, PROBLEM_BAD_REQUEST,
			"\"workdir\" must be absolute, without empty, \".\" or \"..\" components");
	if (ttl && request_ttl(ttl, &r->ttl_ns))
		return answer_problem(a, PROBLEM_BAD_REQUEST,
				      "\"ttl\" must be like 30s, 10m or 2h, up to 366 days");
	r->ticket = json_object_get(r->root, "ticket");
	r->thread = json_object_get(r->root, "thread");
	if (r->ticket && r->thread)
		return answer_problem(a, PROBLEM_BAD_REQUEST,
				      "a \"ticket\" is for another process, a \"thread\" for this one");
	return request_argv(json_object_get(r->root, "argv"), &r->argv, a);
}

int request_decode(const char *body, size_t size, enum request_kind kind, struct grant_request *request,
		   struct answer *answer)
{
	struct grant_request r = {0};
	json_error_t e;
	int err;

	r.root = json_loadb(body, size, JSON_REJECT_DUPLICATES, &e);
	if (!r.root)
		return answer_problem(answer, PROBLEM_BAD_REQUEST, "the body is not JSON: %d:%d: %s", e.line,
				      e.column, e.text);
	err = request_fill(&r, kind, answer);
	if (err) {
		request_free(&r);
		return err;
	}
	*request = r;
	return 0;
}

void request_free(struct grant_request *request)
{
	json_decref(request->argv);
	json_decref(request->root);
	*request = (struct grant_request){0};
}
