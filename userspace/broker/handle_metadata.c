/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/handlers.h"
#include "broker/http.h"
#include "broker/swap.h"
#include "proof/jws_alg.h"

#define LIST_ROOM 3

static const struct {
	const char *name, *path;
} urls[] = {
	{"token_endpoint", "/v1/token"},
	{"jwks_uri", "/v1/keys"},
	{"introspection_endpoint", "/v1/introspect"},
	{"revocation_endpoint", "/v1/revoke"},
	{"status_list_aggregation_endpoint", "/v1/status-lists"},
};

/* There is no authorization endpoint, so no response type. `none`: a caller on the socket is known by its
 * kernel tag or user, and no secret would add to that. */
static const struct {
	const char *name, *values[LIST_ROOM];
} lists[] = {
	{"response_types_supported", {NULL}},
	{"grant_types_supported", {GRANT_TYPE_EXCHANGE}},
	{"token_endpoint_auth_methods_supported", {"none"}},
	{"introspection_endpoint_auth_methods_supported", {"none"}},
	{"revocation_endpoint_auth_methods_supported", {"none"}},
	{"authorization_details_types_supported", {DETAIL_RULE}}, /* RFC 9396 section 10 */
	{"requested_token_types_supported", {TYPE_ACCESS, TYPE_TXN}},
};

static json_t *metadata_list(const char *const values[LIST_ROOM])
{
	json_t *list = json_array();

	for (size_t i = 0; i < LIST_ROOM && values[i]; i++)
		json_array_append_new(list, json_string(values[i]));
	return list;
}

static json_t *metadata_algs(void)
{
	json_t *list = json_array();
	const char *alg;

	for (size_t i = 0; (alg = jws_alg_name(i)); i++)
		json_array_append_new(list, json_string(alg));
	return list;
}

/* RFC 8414 section 2; RFC 9449 section 5.1. */
int handle_metadata(struct exchange *x)
{
	const char *issuer = x->broker->options.issuer;
	json_t *m = json_pack("{s:s, s:o}", "issuer", issuer, "dpop_signing_alg_values_supported",
			      metadata_algs());

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		json_object_set_new(m, urls[i].name, json_sprintf("%s%s", issuer, urls[i].path));
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		json_object_set_new(m, lists[i].name, metadata_list(lists[i].values));
	return answer_json(&x->answer, 200, m);
}
