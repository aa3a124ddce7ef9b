#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Chains: ours by jwcrypto, jwcrypto's by `deputy token verify`. TAP on stdout.
# usage: chain.sh [PATH-OF-DEPUTY]
set -u

. "$(dirname "$0")/tap"
deputy=$(realpath "${1:-$root/build/deputy}")
unset DEPUTY_SOCKET

# verify EXIT NAME ARGS...: without a daemon to ask
verify() {
	local want=$1 name=$2
	shift 2
	try "$deputy" --socket /nonexistent token verify "$@"
	exits "$want" "$name"
}

printer=$(built tests/unit/token/test_chain) && /usr/bin/python3 -c 'import jwcrypto' 2>/dev/null ||
	skip "needs python3-jwcrypto and the unit tests built"

# ---- ours, by jwcrypto ----
: >"$dir/out"
"$printer" --print >"$dir/ours.json" 2>"$dir/err"
[ "$("$here/jwcrypto-chain" verify "$dir/ours.json" 2>"$dir/err")" = 3 ]
ok $? "jwcrypto verifies our links"
python3 - "$dir" <<'END'
import json, sys
made = json.load(open(sys.argv[1] + "/ours.json"))
json.dump(made["jwks"], open(sys.argv[1] + "/ours.jwks", "w"))
open(sys.argv[1] + "/ours", "w").write("".join("~" + link for link in made["links"]))
open(sys.argv[1] + "/first", "w").write(made["links"][0])
made["links"][1] = made["links"][2]
json.dump(made, open(sys.argv[1] + "/spliced.json", "w"))
END
! "$here/jwcrypto-chain" verify "$dir/spliced.json" >/dev/null 2>&1
ok $? "and not a link at another's place"

# ---- and by the command ----
verify 0 "our chain as an argument" --keys "$dir/ours.jwks" "$(cat "$dir/ours")"
has out "uid:1000  (proven by method ssh-sk, signer SHA256:abc)" "the owner and how he was proven"
has out "      └─ gb  fix-issue/tests  5" "the second link beneath the first"
has out "         └─ gc  fix-issue/tests/unit  5" "and the third beneath that"
has out "scopes: proven" "tables that are the same are proven"
verify 0 "our chain as a file" --jwks "$dir/ours.jwks" "$dir/ours"
verify 0 "one link by itself" --keys "$dir/ours.jwks" "$(cat "$dir/first")"
has out "└─ ga  fix-issue" "is drawn too"
verify 0 "as JSON" --json --keys "$dir/ours.jwks" "$dir/ours"
python3 -c 'import json,sys; d = json.load(open(sys.argv[1])); assert [l["jti"] for l in d["links"]] == ["ga", "gb", "gc"]
assert d["scopes"] == "proven" and d["act"] == {"sub": "agent:gc", "act": {"sub": "agent:gb", "act": {"sub": "agent:ga"}}}' \
	"$dir/out"
ok $? "with claims, scopes and act"
verify 77 "cut at the root's side" --keys "$dir/ours.jwks" "~$(cut -d'~' -f3- "$dir/ours")"
has err "link 1: signed, it says, by another key" "and told why"
verify 77 "cut in the middle" --keys "$dir/ours.jwks" "~$(cut -d'~' -f2,4 "$dir/ours")"
has err "link 2: signed, it says, by another key" "at the second link"
verify 0 "cut at the end: the parent's own chain" --keys "$dir/ours.jwks" "~$(cut -d'~' -f2,3 "$dir/ours")"
verify 77 "one letter changed" --keys "$dir/ours.jwks" "$(sed 's/.$//' "$dir/ours")"
verify 77 "nine links" --keys "$dir/ours.jwks" "~a~b~c~d~e~f~g~h~i"
has err "1 to 8 links" "are too many"

# ---- jwcrypto's, by the command ----
"$here/jwcrypto-chain" make "$dir"
verify 0 "a chain made by jwcrypto" --keys "$dir/jwks" "$dir/chain"
has out "└─ gchild  fix-issue" "is drawn"
verify 77 "by another host's keys" --keys "$dir/ours.jwks" "$dir/chain"
"$here/jwcrypto-chain" make "$dir" --wider
verify 77 "with a purpose that only begins like its parent's" --keys "$dir/jwks" "$dir/chain"
has err "link 2: its purpose is no refinement" "is told"

finish
