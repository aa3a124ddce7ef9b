#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `deputy log` on a directory: verify, prove, receipts, checkpoints. TAP on stdout.
# usage: log.sh [PATH-OF-DEPUTY]
set -u

. "$(dirname "$0")/tap"
deputy=$(realpath "${1:-$root/build/deputy}")
tool=$(built tests/interop/log/log_tool) || skip "tests/interop/log/log_tool is not built"

log() { # log EXIT NAME ARGS...
	local want=$1 name=$2
	shift 2
	try "$deputy" log "$@"
	exits "$want" "$name"
}

make_log() { rm -rf "$dir/log" && "$tool" "$dir/log" 40 15 >"$dir/keys"; }
make_log
key=$(sed -n 1p "$dir/keys") witness=$(sed -n 2p "$dir/keys")
echo "$key" >"$dir/key"
L=("--log" "$dir/log")
first=$dir/log/00000000000000000001.jsonl

log 0 "a sound log" verify "${L[@]}" --key "$key" --witness "$witness"
has out "records 1 to 43, lines from 1 on, in 3 segments" "says what it is"
has out "a witness has cosigned 43 records" "and how far a witness vouches"
log 0 "the key from a file" verify "${L[@]}" --key "$dir/key" --json
has out '"ok":true,"signatures_checked":true,"first":1,"next":44' "in JSON"
log 0 "without a key" verify "${L[@]}"
has out "signatures were not checked" "it says so"
log 65 "a key of another type" verify "${L[@]}" --key "$witness"
has err "a log's (Ed25519)" "is told"
log 65 "a key that is none" verify "${L[@]}" --key nothing
log 66 "no log there" verify --log "$dir"
log 66 "no directory there" verify --log "$dir/none"

log 0 "a receipt" prove 7 "${L[@]}"
cp "$dir/out" "$dir/receipt"
log 0 "the same as a tlog-proof" prove 7 "${L[@]}" --tlog-proof
cp "$dir/out" "$dir/proof"
has out "c2sp.org/tlog-proof@v1" "in its form"
log 66 "of no record" prove 44 "${L[@]}"
log 64 "of what is no number" prove 0 "${L[@]}"
mv "$dir/log" "$dir/elsewhere"
for form in receipt proof; do
	log 0 "the $form without the log" verify-receipt "$dir/$form" --key "$key" --witness "$witness"
	has out "record 7 of deputy/interop, among its first 43; cosigned by 1" "says what it proves"
	log 64 "and without a key" verify-receipt "$dir/$form"
done
log 0 "its record" verify-receipt "$dir/receipt" --key "$key" --json
has out '"record":{"seq":7,' "as JSON"
sed 's/alice/aliCe/' "$dir/receipt" >"$dir/bad"
log 65 "another record" verify-receipt "$dir/bad" --key "$key"
has err "does not lead from the record" "proves nothing"
sed 's/interop\\n43/interop\\n44/' "$dir/receipt" >"$dir/bad"
log 65 "another size" verify-receipt "$dir/bad" --key "$key"
has err "signature" "is not what was signed"
log 65 "another log's key" verify-receipt "$dir/receipt" --key "$(sed 's/.*/PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq\/LDE4izWy10TW/' "$dir/key")"
echo '{}' >"$dir/bad"
log 65 "no receipt" verify-receipt "$dir/bad" --key "$key"
mv "$dir/elsewhere" "$dir/log"

sed '/^$/{n;q}' "$dir/log/checkpoints" >"$dir/old" # the first: text, empty line, signature
log 0 "a checkpoint" checkpoint-check "$dir/old" --key "$key" "${L[@]}"
has out "deputy/interop: 16 records, as the log has them" "and the log agrees"
log 65 "without its witness" checkpoint-check "$dir/old" --key "$key" --witness "$witness"
log 0 "the log goes on from it" prove --since "$dir/old" --key "$key" "${L[@]}"
has out '"type":"deputy/consistency/1","old":16' "with a proof"
sed 's/interop/other/' "$dir/old" >"$dir/bad"
log 65 "of another log" checkpoint-check "$dir/bad" --key "$key"

sed -i '7s/alice/bob/' "$first"
log 65 "an altered record" verify "${L[@]}" --key "$key"
has out "00000000000000000001.jsonl:7: record 7: was altered" "is named"
log 65 "and not proven" prove 7 "${L[@]}"
has err "deputy log verify says why" "but told"
make_log && sed -i '5,6d' "$first"
log 65 "removed records" verify "${L[@]}" --key "$key" --json
has out '"kind":"removed","warning":false,"segment":1,"line":0,"seq":5,"to":6' "are named"
make_log && rm "$dir/log/00000000000000000033."*
log 65 "a log cut off" verify "${L[@]}" --key "$key"
has out "records 33 to 43: cut off: a checkpoint covers them" "is told"
log 65 "by an outside checkpoint too" checkpoint-check <(tail -n 7 "$dir/log/checkpoints" | head -n 6) --key "$key" "${L[@]}"

make_log && "$tool" "$dir/log" retain >/dev/null
log 0 "after retention" verify "${L[@]}" --key "$key"
has out "records 1 to 44, lines from 33 on, in 1 segments" "says what is gone"
log 0 "what is there is proven" prove 40 "${L[@]}"
log 66 "what is gone is not" prove 7 "${L[@]}"
log 0 "the log still goes on from its first checkpoint" prove --since "$dir/old" --key "$key" "${L[@]}"
rm "$dir"/log/0000000000000000000[1-9].hashes "$dir/log/00000000000000000017.hashes"
log 0 "without the old hashes" verify "${L[@]}" --key "$key"
log 0 "the rest is proven" prove 40 "${L[@]}"
log 69 "the beginning cannot be" prove --since "$dir/old" --key "$key" "${L[@]}"

finish
