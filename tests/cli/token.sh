#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `deputy token exchange`, `introspect` and `proof` against the real broker. TAP on stdout.
# usage: token.sh [PATH-OF-DEPUTY]
set -u

. "$(dirname "$0")/tap"
deputy=$(realpath "${1:-$root/build/deputy}")
trap 'exec 7>&-; wait; rm -rf "$dir"' EXIT

serve=$(built tests/interop/oauth/serve) && [ "$(id -u)" -eq 0 ] ||
	skip "needs root, and tests/interop/oauth/serve built"
mkfifo "$dir/ask" "$dir/answer"
"$serve" <"$dir/ask" >"$dir/answer" &
exec 7>"$dir/ask" 8<"$dir/answer"
read -r line <&8
DEPUTY_SOCKET=$(sed 's/.*"socket": "\([^"]*\)".*/\1/' <<<"$line")
grant=$(sed 's/.*"grant": "\([^"]*\)".*/\1/' <<<"$line")
sed 's/.*"chain": "\([^"]*\)".*/\1/' <<<"$line" >"$dir/chain"
export DEPUTY_SOCKET
as() { echo "$1" >&7 && read -r _ <&8 && read -r _ <&8; }

token() { # token EXIT NAME ARGS...
	local want=$1 name=$2
	shift 2
	try "$deputy" token "$@"
	exits "$want" "$name"
}
keep() { cp "$dir/out" "$dir/$1"; }

openssl genpkey -algorithm ed25519 -out "$dir/key" 2>/dev/null
openssl genpkey -algorithm ed25519 -out "$dir/other" 2>/dev/null
openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out "$dir/p256" 2>/dev/null

token 77 "an access token without a key" exchange --grant "$grant" --audience https://api.example
has err "send a DPoP proof" "says what is missing"
token 0 "with one" exchange --grant "$grant" --audience https://api.example --scope fix-issue/tests --key "$dir/key"
keep at
token 0 "is good" introspect "$dir/at"
has out '"scope":"fix-issue/tests"' "for the part of the purpose that was asked"
has out '"cnf":{"jkt":' "and bound"
token 0 "and well signed" verify "$dir/at"
token 0 "still good" introspect "$dir/at"
token 77 "exchanged by another key" exchange --subject "$dir/at" --audience b --key "$dir/other"
token 77 "exchanged for more" exchange --subject "$dir/at" --audience b --scope fix-issue --key "$dir/key"
token 0 "exchanged by its own" exchange --subject "$dir/at" --audience b --key "$dir/key"
token 66 "a key of another kind" exchange --grant "$grant" --audience b --key "$dir/p256"
has err "no Ed25519 key" "is told"

token 0 "a token for a single use, by the chain" exchange --subject "$dir/chain" --audience a --single-use
keep once
token 0 "is good once" introspect "$dir/once"
token 77 "and not twice" introspect "$dir/once"
has out '{"active":false}' "as any other that is not"

token 0 "a transaction token" exchange --grant "$grant" --type txn --request-details '{"do":"buy"}'
keep txn
token 0 "is replaced" exchange --type txn --subject "$dir/txn" --scope fix-issue/pay --json
has out '"issued_token_type":"urn:ietf:params:oauth:token-type:txn_token"' "by another"
token 65 "but is no access token" exchange --subject "$dir/txn" --audience a --single-use
token 0 "and well signed" verify "$dir/txn"

token 65 "under no grant there is none of one's own" exchange --audience a --single-use
as agent
token 0 "under one it need not be named" exchange --audience a --single-use
as nobody

# shellcheck disable=SC2016
token 0 "a command has the token" exchange --grant "$grant" --audience a --key "$dir/key" -- \
	sh -c 'echo "$DEPUTY_TOKEN" >"$1"; exec "$2" token introspect "$1"' sh "$dir/theirs" "$deputy"
has out '"active":true' "while it runs"
token 77 "and nobody has after" introspect "$dir/theirs"

token 0 "a proof for a request" proof --key "$dir/key" --method POST --url https://api.example/x "$dir/at"
[ "$(cut -d. -f1 "$dir/out" | tr '_-' '/+' | base64 -d 2>/dev/null | grep -c '"typ": *"dpop+jwt"')" = 1 ]
ok $? "is of its type"

token 65 "no audience" exchange --grant "$grant" --single-use
token 77 "more than the purpose" exchange --grant "$grant" --audience a --single-use --scope all
token 77 "a rule that it has not" exchange --grant "$grant" --audience a --single-use --rule 'allow all'
token 64 "another type" exchange --grant "$grant" --type id
token 64 "two subjects" exchange --grant "$grant" --subject "$dir/at"
token 64 "no token" introspect

finish
