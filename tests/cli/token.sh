#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `deputy token exchange`, `introspect` and `proof` against the real broker. TAP on stdout.
# usage: token.sh [PATH-OF-DEPUTY]
set -u

here=$(cd "$(dirname "$0")" && pwd)
deputy=$(realpath "${1:-$here/../../build/deputy}")
dir=$(mktemp -d)
tests=0 failed=0 code=0
trap 'exec 7>&-; wait; rm -rf "$dir"' EXIT

serve=
for p in "$here"/../../build/{san/,}tests/interop/oauth/serve; do [ -x "$p" ] && serve=$p && break; done
if [ -z "$serve" ] || [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root, and tests/interop/oauth/serve built"
	exit 0
fi
mkfifo "$dir/in" "$dir/out"
"$serve" <"$dir/in" >"$dir/out" &
exec 7>"$dir/in" 8<"$dir/out"
read -r line <&8
DEPUTY_SOCKET=$(sed 's/.*"socket": "\([^"]*\)".*/\1/' <<<"$line")
grant=$(sed 's/.*"grant": "\([^"]*\)".*/\1/' <<<"$line")
sed 's/.*"chain": "\([^"]*\)".*/\1/' <<<"$line" >"$dir/chain"
export DEPUTY_SOCKET
as() { echo "$1" >&7 && read -r _ <&8 && read -r _ <&8; }

ok() { # ok STATUS NAME
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
	else
		failed=$((failed + 1))
		echo "not ok $tests - $2"
		sed 's/^/# /' "$dir/o" "$dir/e"
	fi
}
token() { # token EXIT NAME ARGS...
	local want=$1 name=$2
	shift 2
	"$deputy" token "$@" >"$dir/o" 2>"$dir/e" </dev/null
	code=$?
	[ "$code" -eq "$want" ]
	ok $? "$name: exit code $want"
}
has() { # has o|e TEXT NAME
	grep -qF -- "$2" "$dir/$1"
	ok $? "$3"
}
keep() { cp "$dir/o" "$dir/$1"; }

openssl genpkey -algorithm ed25519 -out "$dir/key" 2>/dev/null
openssl genpkey -algorithm ed25519 -out "$dir/other" 2>/dev/null
openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out "$dir/p256" 2>/dev/null

token 77 "an access token without a key" exchange --grant "$grant" --audience https://api.example
has e "send a DPoP proof" "says what is missing"
token 0 "with one" exchange --grant "$grant" --audience https://api.example --scope fix-issue/tests --key "$dir/key"
keep at
token 0 "is good" introspect "$dir/at"
has o '"scope":"fix-issue/tests"' "for the part of the purpose that was asked"
has o '"cnf":{"jkt":' "and bound"
token 0 "and well signed" verify "$dir/at"
token 0 "still good" introspect "$dir/at"
token 77 "exchanged by another key" exchange --subject "$dir/at" --audience b --key "$dir/other"
token 77 "exchanged for more" exchange --subject "$dir/at" --audience b --scope fix-issue --key "$dir/key"
token 0 "exchanged by its own" exchange --subject "$dir/at" --audience b --key "$dir/key"
token 66 "a key of another kind" exchange --grant "$grant" --audience b --key "$dir/p256"
has e "no Ed25519 key" "is told"

token 0 "a token for a single use, by the chain" exchange --subject "$dir/chain" --audience a --single-use
keep once
token 0 "is good once" introspect "$dir/once"
token 77 "and not twice" introspect "$dir/once"
has o '{"active":false}' "as any other that is not"

token 0 "a transaction token" exchange --grant "$grant" --type txn --request-details '{"do":"buy"}'
keep txn
token 0 "is replaced" exchange --type txn --subject "$dir/txn" --scope fix-issue/pay --json
has o '"issued_token_type":"urn:ietf:params:oauth:token-type:txn_token"' "by another"
token 65 "but is no access token" exchange --subject "$dir/txn" --audience a --single-use
token 0 "and well signed" verify "$dir/txn"

token 65 "under no grant there is none of one's own" exchange --audience a --single-use
as agent
token 0 "under one it need not be named" exchange --audience a --single-use
as nobody

# shellcheck disable=SC2016
token 0 "a command has the token" exchange --grant "$grant" --audience a --key "$dir/key" -- \
	sh -c 'echo "$DEPUTY_TOKEN" >"$1"; exec "$2" token introspect "$1"' sh "$dir/theirs" "$deputy"
has o '"active":true' "while it runs"
token 77 "and nobody has after" introspect "$dir/theirs"

token 0 "a proof for a request" proof --key "$dir/key" --method POST --url https://api.example/x "$dir/at"
[ "$(cut -d. -f1 "$dir/o" | tr '_-' '/+' | base64 -d 2>/dev/null | grep -c '"typ": *"dpop+jwt"')" = 1 ]
ok $? "is of its type"

token 65 "no audience" exchange --grant "$grant" --single-use
token 77 "more than the purpose" exchange --grant "$grant" --audience a --single-use --scope all
token 77 "a rule that it has not" exchange --grant "$grant" --audience a --single-use --rule 'allow all'
token 64 "another type" exchange --grant "$grant" --type id
token 64 "two subjects" exchange --grant "$grant" --subject "$dir/at"
token 64 "no token" introspect

echo "1..$tests"
[ "$failed" -eq 0 ]
