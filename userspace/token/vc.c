/* SPDX-License-Identifier: Apache-2.0 */
#include "token/vc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "token/data_integrity.h"
#include "token/date_time.h"
#include "token/did_key.h"

#define AGENT	  "agent:"
#define AGENT_LEN (sizeof(AGENT) - 1)

static const char context_v2[] = "https://www.w3.org/ns/credentials/v2";
static const char context_terms[] = "https://www.w3.org/ns/credentials/undefined-terms/v2";
static const char type_base[] = "VerifiableCredential", type_ours[] = "DelegationChainCredential";

/* ---- what is a chain ---- */

static bool link_whole(const struct vc_link *l)
{
	return l->id && l->purpose && l->policy && l->policy_digest && l->table && l->token &&
	       l->not_before >= 0 && l->not_before < l->expires;
}

static bool link_within(const struct vc_link *l, const struct vc_link *parent)
{
	if (!parent)
		return !l->parent;
	return l->parent && strcmp(l->parent, parent->id) == 0 && l->not_before >= parent->not_before &&
	       l->expires <= parent->expires;
}

static bool assurance_ok(const json_t *assurance)
{
	json_t *object = (json_t *)assurance, *value; /* the iterator's prototype asks for it */
	const char *name;

	if (!json_is_string(json_object_get(assurance, "method")) ||
	    json_object_size(assurance) > VC_ASSURANCE_MAX)
		return false;
	json_object_foreach (object, name, value)
		if (!json_is_string(value))
			return false;
	return true;
}

static bool chain_ok(const struct vc_chain *c)
{
	if (!c->owner || !assurance_ok(c->assurance) || !c->count || c->count > VC_LINKS_MAX)
		return false;
	for (size_t i = 0; i < c->count; i++)
		if (!link_whole(&c->links[i]) || !link_within(&c->links[i], i ? &c->links[i - 1] : NULL))
			return false;
	return true;
}

/* ---- to JSON ---- */

/* json_pack() releases what is left when one of its parts is NULL. */
static json_t *agent_json(const char *id)
{
	return id ? json_sprintf(AGENT "%s", id) : json_null();
}

static json_t *link_json(const struct vc_link *l)
{
	char from[DATE_TIME_LEN + 1], until[DATE_TIME_LEN + 1];

	if (date_time_format(l->not_before, from) || date_time_format(l->expires, until))
		return NULL;
	return json_pack("{s:o, s:s, s:o, s:{s:s, s:s}, s:s, s:s, s:s, s:s}", "id", agent_json(l->id),
			 "purpose", l->purpose, "parent", agent_json(l->parent), "policy", "name", l->policy,
			 "digest", l->policy_digest, "table", l->table, "validFrom", from, "validUntil",
			 until, "token", l->token);
}

static json_t *links_json(const struct vc_chain *c)
{
	json_auto_t *list = json_array();

	for (size_t i = 0; i < c->count; i++)
		if (json_array_append_new(list, link_json(&c->links[i])))
			return NULL;
	return json_incref(list);
}

static json_t *subject_json(const struct vc_chain *c)
{
	return json_pack("{s:o, s:s, s:O, s:o}", "id", agent_json(c->links[c->count - 1].id), "owner",
			 c->owner, "assurance", c->assurance, "links", links_json(c));
}

/* NULL: a text that is not UTF-8, a time out of range, or no memory. */
static json_t *credential_json(const struct vc_chain *c, const struct public_key *issuer)
{
	const struct vc_link *last = &c->links[c->count - 1];
	char did[DID_KEY_LEN + 1], from[DATE_TIME_LEN + 1], until[DATE_TIME_LEN + 1];

	did_key_encode(issuer, did);
	if (date_time_format(last->not_before, from) || date_time_format(last->expires, until))
		return NULL;
	return json_pack("{s:[s, s], s:[s, s], s:s, s:s, s:s, s:o}", "@context", context_v2, context_terms,
			 "type", type_base, type_ours, "issuer", did, "validFrom", from, "validUntil", until,
			 "credentialSubject", subject_json(c));
}

int vc_sign(const struct secret_key *key, const struct vc_chain *chain, int64_t created, json_t **credential)
{
	char method[DID_KEY_METHOD_LEN + 1];
	json_auto_t *document = NULL;

	if (!chain_ok(chain))
		return -EINVAL;
	document = credential_json(chain, key_public(key));
	if (!document)
		return -EINVAL;
	did_key_method(key_public(key), method);
	return data_integrity_sign(key, document, method, created, credential);
}

/* ---- and back ---- */

int vc_parse(const char *text, size_t len, json_t **credential)
{
	json_t *value;

	if (len > VC_MAX)
		return -EMSGSIZE;
	value = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(value)) {
		json_decref(value);
		return -EBADMSG;
	}
	*credential = value;
	return 0;
}

static bool agent_read(const json_t *value, const char **id)
{
	const char *text = json_string_value(value);

	if (!text || strncmp(text, AGENT, AGENT_LEN) != 0)
		return false;
	*id = text + AGENT_LEN;
	return true;
}

static bool link_read(const json_t *value, struct vc_link *l)
{
	const json_t *id, *parent;
	const char *from, *until;

	if (json_unpack((json_t *)value, "{s:o, s:s, s:o, s:{s:s, s:s}, s:s, s:s, s:s, s:s}", "id", &id,
			"purpose", &l->purpose, "parent", &parent, "policy", "name", &l->policy, "digest",
			&l->policy_digest, "table", &l->table, "validFrom", &from, "validUntil", &until,
			"token", &l->token))
		return false;
	return agent_read(id, &l->id) && (json_is_null(parent) || agent_read(parent, &l->parent)) &&
	       date_time_parse(from, &l->not_before) == 0 && date_time_parse(until, &l->expires) == 0;
}

/* Reads what the builder needs, and no more: whatever else is there or missing, the comparison finds. */
static bool chain_read(const json_t *credential, struct vc_chain *c, struct vc_link links[VC_LINKS_MAX])
{
	json_t *subject = json_object_get(credential, "credentialSubject"), *list;

	if (json_unpack(subject, "{s:s, s:o, s:o}", "owner", &c->owner, "assurance", &c->assurance, "links",
			&list))
		return false;
	c->links = links;
	c->count = json_array_size(list);
	if (c->count > VC_LINKS_MAX)
		return false;
	for (size_t i = 0; i < c->count; i++)
		if (!link_read(json_array_get(list, i), &links[i]))
			return false;
	return chain_ok(c);
}

/* Not one member more, less or other than we would have issued. */
static int credential_check(const json_t *credential, const struct vc_chain *c,
			    const struct public_key *issuer)
{
	json_auto_t *document = json_copy((json_t *)credential), *want = credential_json(c, issuer);

	if (!document || !want)
		return -ENOMEM;
	json_object_del(document, "proof");
	return json_equal(document, want) ? 0 : -EBADMSG;
}

static int issuer_check(const json_t *credential, const struct public_key *issuer)
{
	const json_t *value = json_object_get(credential, "issuer");
	const char *did = json_string_value(value), *named = data_integrity_method(credential);
	char method[DID_KEY_METHOD_LEN + 1];
	struct public_key key;

	if (!did || !named || did_key_decode(did, json_string_length(value), &key))
		return -EBADMSG;
	did_key_method(&key, method);
	if (strcmp(method, named) != 0)
		return -EBADMSG; /* signed by a key that the issuer does not name */
	return memcmp(key.bytes, issuer->bytes, sizeof(key.bytes)) == 0 ? 0 : -ENOKEY;
}

int vc_verify(const json_t *credential, const struct public_key *issuer, int64_t now)
{
	struct vc_link links[VC_LINKS_MAX] = {0};
	struct vc_chain chain = {0};
	int64_t created;
	int err = issuer_check(credential, issuer);

	if (!err)
		err = data_integrity_verify(credential, issuer, &created);
	if (err)
		return err;
	err = chain_read(credential, &chain, links) ? credential_check(credential, &chain, issuer) : -EBADMSG;
	if (err)
		return err;
	if (now >= links[chain.count - 1].expires)
		return -EKEYEXPIRED;
	return now < links[chain.count - 1].not_before ? -EAGAIN : 0;
}
