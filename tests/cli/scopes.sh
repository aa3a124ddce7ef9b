#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `deputy token verify --policy`: chains of the real broker are proven to narrow, forged ones are not. TAP on stdout.
# usage: scopes.sh [PATH-OF-DEPUTY]
set -u

. "$(dirname "$0")/tap"
deputy=$(realpath "${1:-$root/build/deputy}")
trap 'exec 7>&-; wait; rm -rf "$dir"' EXIT

serve=$(built tests/interop/oauth/serve) && [ "$(id -u)" -eq 0 ] && /usr/bin/python3 -c 'import jwcrypto' 2>/dev/null ||
	skip "needs root, python3-jwcrypto, and tests/interop/oauth/serve built"
mkfifo "$dir/ask" "$dir/answer"
"$serve" <"$dir/ask" >"$dir/answer" &
exec 7>"$dir/ask" 8<"$dir/answer"
read -r line <&8
as() { echo "$1" >&7 && read -r _ <&8 && read -r _ <&8; }
member() { python3 -c 'import json, sys; sys.stdout.write(json.loads(sys.argv[1])[sys.argv[2]])' "$1" "$2"; }
socket=$(member "$line" socket)

verify() { # verify EXIT NAME ARGS...: without a daemon to ask
	local want=$1 name=$2
	shift 2
	try "$deputy" --socket /nonexistent token verify --keys "$dir/keys" "$@"
	exits "$want" "$name"
}
# delegate SLOT FILE [MEMBERS]: the chain of a grant that the agent of a slot delegates, into FILE
delegate() {
	as "agent $1"
	curl -sf --unix-socket "$socket" -d "{${3:-}}" -H 'Content-Type: application/json' http://d/v1/delegate >"$dir/$2.json" 2>"$dir/err"
	ok $? "$2 is delegated"
	as nobody
	member "$(cat "$dir/$2.json")" token >"$dir/$2"
}
text() { python3 -c 'import json, sys; print(json.dumps(open(sys.argv[1]).read()))' "$1"; }

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
has out "scopes: proven" "needs no policy for its proof"
mkdir "$dir/gone" && cd "$dir/gone" && rmdir "$dir/gone"
verify 0 "from a folder that is no more" "$dir/same"
cd "$dir" || exit 1
verify 0 "a chain of others" "$dir/last"
has out "scopes: named, not proven" "is not proven by itself"
verify 0 "with the policies of both" "${both[@]}" "$dir/last"
has out "scopes: proven" "it is, below a copy of the parent's and above one"
verify 0 "as JSON" --json "${both[@]}" "$dir/last"
has out '"scopes":"proven"' "too"
verify 0 "with more workdirs than its own" --workdir /v "${both[@]}" "$dir/reader"
has out "scopes: proven" "each is tried"

# ---- what is missing ----
verify 65 "without the parent's policy" --policy "$dir/reader.yaml" --workdir /w "$dir/last"
has err "link 1: none of the policies here has its digest, sha256:$(sha256sum <"$dir/coder.yaml" | cut -d' ' -f1)" "it is told"
verify 65 "without the child's" --policy "$dir/coder.yaml" --workdir /w "$dir/last"
has err "link 3: none of the policies here has its digest, sha256:$(sha256sum <"$dir/reader.yaml" | cut -d' ' -f1)" "it is told"
verify 65 "in another workdir" --policy "$dir/reader.yaml" --policy "$dir/coder.yaml" --workdir /v "$dir/last"
has err "link 1: $dir/coder.yaml compiles to another table here" "it is told"
sed 's/ttl/tll/' "$dir/coder.yaml" >"$dir/mistaken.yaml"
verify 65 "with a policy that is none" "${both[@]}" --policy "$dir/mistaken.yaml" "$dir/last"
has err "mistaken.yaml:" "the place is told"
verify 66 "with a policy that is not there" "${both[@]}" --policy "$dir/absent.yaml" "$dir/last"
"$deputy" --socket "$socket" token exchange --grant "$(member "$line" grant)" --audience a --single-use >"$dir/at"
verify 0 "an access token" "$dir/at"
verify 64 "with a policy" "${both[@]}" "$dir/at"
has err "--policy is for chains; this is a token, at+jwt" "is told"

# ---- what no broker makes: a host's key signs a wider child ----
"$here/jwcrypto-chain" make "$dir" --scopes "$dir/last" 1 3
cp "$dir/jwks" "$dir/keys"
verify 0 "a narrower child, signed by another library" "${both[@]}" "$dir/chain"
has out "scopes: proven" "is proven"
"$here/jwcrypto-chain" make "$dir" --scopes "$dir/last" 3 1
cp "$dir/jwks" "$dir/keys"
verify 0 "a wider child, without its policies" "$dir/chain"
has out "scopes: named, not proven" "is not proven"
verify 77 "with its policies" "${both[@]}" "$dir/chain"
has err "link 2: its scopes are wider than its parent's: write /w" "an example is told"
has err "coder.yaml:" "and the rule"

finish
