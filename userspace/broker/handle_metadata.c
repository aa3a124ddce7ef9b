/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/handlers.h"
#include "broker/http.h"
#include "broker/swap.h"
#include "proof/jws_alg.h"

static json_t *metadata_url(const struct broker *b, const char *path)
{
	return json_sprintf("%s%s", b->options.issuer, path);
}

/*
 * RFC 8414 section 2. There is no authorization endpoint, so no response type. `none`: a caller on the socket
 * is known by its kernel tag or user, and no secret would add to that.
 */
int handle_metadata(struct exchange *x)
{
	const struct broker *b = x->broker;
	json_t *m = json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:o, s:[], s:[s], s:[s], s:[s], s:[s], s:[s], s:[s]}", "issuer",
		b->options.issuer, "token_endpoint", metadata_url(b, "/v1/token"), "jwks_uri",
		metadata_url(b, "/v1/keys"), "introspection_endpoint", metadata_url(b, "/v1/introspect"),
		"revocation_endpoint", metadata_url(b, "/v1/revoke"), "status_list_aggregation_endpoint",
		metadata_url(b, "/v1/status-lists"), "response_types_supported", "grant_types_supported",
		GRANT_TYPE_EXCHANGE, "token_endpoint_auth_methods_supported", "none",
		"introspection_endpoint_auth_methods_supported", "none",
		"revocation_endpoint_auth_methods_supported", "none", "authorization_details_types_supported",
		DETAIL_RULE, "requested_token_types_supported", TYPE_ACCESS);
	const char *alg;

	if (!m)
		return answer_json(&x->answer, 200, NULL);
	json_array_append_new(json_object_get(m, "requested_token_types_supported"), json_string(TYPE_TXN));
	json_object_set_new(m, "dpop_signing_alg_values_supported", json_array());
	for (size_t i = 0; (alg = jws_alg_name(i)); i++)
		json_array_append_new(json_object_get(m, "dpop_signing_alg_values_supported"),
				      json_string(alg));
	return answer_json(&x->answer, 200, m);
}
