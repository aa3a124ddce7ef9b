#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `deputy token verify --policy`: chains of the real broker are proven to narrow, forged ones are not. TAP on stdout.
# usage: scopes.sh [PATH-OF-DEPUTY]
set -u

here=$(cd "$(dirname "$0")" && pwd)
deputy=$(realpath "${1:-$here/../../build/deputy}")
dir=$(mktemp -d)
tests=0 failed=0 code=0
trap 'exec 7>&-; wait; rm -rf "$dir"' EXIT

serve=
for p in "$here"/../../build/{san/,}tests/interop/oauth/serve; do [ -x "$p" ] && serve=$p && break; done
if [ -z "$serve" ] || [ "$(id -u)" -ne 0 ] || ! /usr/bin/python3 -c 'import jwcrypto' 2>/dev/null; then
	echo "1..0 # SKIP needs root, python3-jwcrypto, and tests/interop/oauth/serve built"
	exit 0
fi
mkfifo "$dir/in" "$dir/out"
"$serve" <"$dir/in" >"$dir/out" &
exec 7>"$dir/in" 8<"$dir/out"
read -r line <&8
as() { echo "$1" >&7 && read -r _ <&8 && read -r _ <&8; }
member() { python3 -c 'import json, sys; sys.stdout.write(json.loads(sys.argv[1])[sys.argv[2]])' "$1" "$2"; }
socket=$(member "$line" socket)

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
verify() { # verify EXIT NAME ARGS...: without a daemon to ask
	local want=$1 name=$2
	shift 2
	"$deputy" --socket /nonexistent token verify --keys "$dir/keys" "$@" >"$dir/o" 2>"$dir/e" </dev/null
	code=$?
	[ "$code" -eq "$want" ]
	ok $? "$name: exit code $want"
}
has() { # has o|e TEXT NAME
	grep -qF -- "$2" "$dir/$1"
	ok $? "$3"
}
# delegate SLOT FILE [MEMBERS]: the chain of a grant that the agent of a slot delegates, into FILE
delegate() {
	as "agent $1"
	curl -sf --unix-socket "$socket" -d "{${3:-}}" -H 'Content-Type: application/json' http://d/v1/delegate >"$dir/$2.json" 2>"$dir/e"
	ok $? "$2 is delegated"
	as nobody
	member "$(cat "$dir/$2.json")" token >"$dir/$2"
}
text() { python3 -c 'import json, sys; print(json.dumps(open(sys.argv[1]).read()))' "$1"; }

: >"$dir/o"
member "$line" policy >"$dir/coder.yaml"
member "$line" chain >"$dir/root"
curl -sf --unix-socket "$socket" http://d/v1/keys >"$dir/keys"
sed 's/read, write/read/; s/delegate: .*/delegate: {depth: 1, children: 2}/' "$dir/coder.yaml" >"$dir/reader.yaml"
delegate 1 same '"purpose": "tests"'
delegate 2 reader "\"purpose\": \"fix-issue\", \"policy\": {\"name\": \"reader.yaml\", \"text\": $(text "$dir/reader.yaml")}"
delegate 3 last '"purpose": "unit"'

# ---- what the broker made ----
both=(--policy "$dir/reader.yaml" --policy "$dir/coder.yaml" --workdir /w --home /root --user root)
verify 0 "a chain of equal tables" "$dir/same"
has o "scopes: proven" "needs no policy for its proof"
verify 0 "a chain of others" "$dir/last"
has o "scopes: named, not proven" "is not proven by itself"
verify 0 "with the policies of both" "${both[@]}" "$dir/last"
has o "scopes: proven" "it is, below a copy of the parent's and above one"
verify 0 "as JSON" --json "${both[@]}" "$dir/last"
has o '"scopes":"proven"' "too"
verify 0 "with more workdirs than its own" --workdir /v "${both[@]}" "$dir/reader"
has o "scopes: proven" "each is tried"

# ---- what is missing ----
verify 65 "without the parent's policy" --policy "$dir/reader.yaml" --workdir /w "$dir/last"
has e "link 1: none of the policies here has its digest, sha256:$(sha256sum <"$dir/coder.yaml" | cut -d' ' -f1)" "it is told"
verify 65 "without the child's" --policy "$dir/coder.yaml" --workdir /w "$dir/last"
has e "link 3: none of the policies here has its digest, sha256:$(sha256sum <"$dir/reader.yaml" | cut -d' ' -f1)" "it is told"
verify 65 "in another workdir" --policy "$dir/reader.yaml" --policy "$dir/coder.yaml" --workdir /v "$dir/last"
has e "link 1: $dir/coder.yaml compiles to another table here" "it is told"
sed 's/ttl/tll/' "$dir/coder.yaml" >"$dir/mistaken.yaml"
verify 65 "with a policy that is none" "${both[@]}" --policy "$dir/mistaken.yaml" "$dir/last"
has e "mistaken.yaml:" "the place is told"
verify 66 "with a policy that is not there" "${both[@]}" --policy "$dir/absent.yaml" "$dir/last"
"$deputy" --socket "$socket" token exchange --grant "$(member "$line" grant)" --audience a --single-use >"$dir/at"
verify 0 "an access token" "$dir/at"
verify 64 "with a policy" "${both[@]}" "$dir/at"
has e "--policy is for chains; this is a token, at+jwt" "is told"

# ---- what no broker makes: a host's key signs a wider child ----
"$here/jwcrypto-chain" make "$dir" --scopes "$dir/last" 1 3
cp "$dir/jwks" "$dir/keys"
verify 0 "a narrower child, signed by another library" "${both[@]}" "$dir/chain"
has o "scopes: proven" "is proven"
"$here/jwcrypto-chain" make "$dir" --scopes "$dir/last" 3 1
cp "$dir/jwks" "$dir/keys"
verify 0 "a wider child, without its policies" "$dir/chain"
has o "scopes: named, not proven" "is not proven"
verify 77 "with its policies" "${both[@]}" "$dir/chain"
has e "link 2: its scopes are wider than its parent's: write /w" "an example is told"
has e "coder.yaml:" "and the rule"

echo "1..$tests"
[ "$failed" -eq 0 ]
