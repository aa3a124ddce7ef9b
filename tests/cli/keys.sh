#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What deputyd does with its keys when it starts: it opens them before it touches the kernel, of which there is none
# for it here. TAP on stdout.
# usage: keys.sh [PATH-OF-DEPUTYD]
set -u

. "$(dirname "$0")/tap"
deputyd=$(realpath "${1:-$root/build/deputyd}")
[ "$(id -u)" -eq 0 ] || skip "not root"
unset CREDENTIALS_DIRECTORY NOTIFY_SOCKET
mkdir -p "$dir/etc" "$dir/credentials"
key=$dir/state/key seal=$dir/etc/seal.key
# Where nothing can be pinned: it ends there, whatever the kernel has.
configure() { printf 'pin_dir: %s/no/bpffs\n%s\n' "$dir" "${1:-}" >"$dir/etc/deputyd.yaml"; }

start() {
	try timeout 60 "$deputyd" --foreground --config "$dir/etc/deputyd.yaml" --state-dir "$dir/state" --runtime-dir "$dir/run"
}

says() { has err "$@"; }
# Past the keys it says nothing of them.
passes() { ! grep -qF -e "$key" -e "seal" "$dir/err"; ok $? "$1"; exits 69 "$1, as far as the kernel"; }
sealed() { [ "$(head -c 13 "$key")" = deputy/keys/1 ]; ok $? "$1"; }

configure
start
passes "first start"
sealed "the keys are sealed"
[ "$(stat -c '%a %u %s' "$seal")" = "400 0 32" ]
ok $? "the sealing key is root's alone"
sum=$(sha256sum "$key")
start
passes "again"
[ "$(sha256sum "$key")" = "$sum" ]
ok $? "with the same keys"

cp -a "$seal" "$dir/kept"
rm "$seal"
start
exits 69 "without the sealing key"
says "$seal: missing, and $key is sealed with it" "it names both files"
[ ! -e "$seal" ]
ok $? "and makes no other"
head -c 32 /dev/zero >"$seal"
chmod 400 "$seal"
start
exits 69 "with another"
says "$key: sealed with another key than that in $seal" "it says so"
cp -a "$dir/kept" "$seal"
start
passes "with the right one"

cp -a "$key" "$dir/kept-key"
truncate -s 100 "$key"
start
exits 69 "cut short"
says "$key: damaged or changed" "it says so"
[ "$(stat -c %s "$key")" -eq 100 ]
ok $? "and leaves it as it was"
cp -a "$dir/kept-key" "$key"
byte=$(od -An -tu1 -j90 -N1 "$key")
printf '%b' "$(printf '\\x%02x' $((byte ^ 1)))" | dd of="$key" bs=1 seek=90 conv=notrunc 2>/dev/null
start
exits 69 "a bit changed"
says "$key: damaged or changed" "it says so"
cp -a "$dir/kept-key" "$key"
chmod 640 "$key"
start
exits 69 "readable by others"
says "$key: must be a file that is root's alone" "it says so"
chmod 600 "$key"
chown 1 "$seal"
start
exits 69 "a sealing key of somebody else's"
says "$seal: must be a file that is root's alone" "it says so"
chown 0 "$seal"
start
passes "all as it was"

head -c 32 /dev/urandom >"$key"
start
exits 69 "an open seed, as far as the kernel"
says "$key: the signing key lay open here and is sealed now" "it is sealed, which is said"
sealed "in its place"
start
passes "a sealed seed"

configure "seal_key: $dir/state/seal.key"
start
exits 69 "a sealing key in the state directory"
says "may not lie in the state directory" "it says so"
configure "seal_key: $dir/elsewhere"
cp -a "$seal" "$dir/elsewhere"
rm "$seal"
start
passes "another place for it"
mv "$dir/elsewhere" "$dir/credentials/deputy.seal"
CREDENTIALS_DIRECTORY=$dir/credentials start
passes "a credential"
[ ! -e "$dir/elsewhere" ]
ok $? "no other is made"
rm "$dir/state/key"
for after in 0d 366d 30 30h -1d 1dd d; do
	configure "rotate_after: $after"
	start
	exits 78 "rotated after $after"
	says "rotate_after: 1d to 365d" "it says what would do"
done
for after in 1d 365d; do
	configure "rotate_after: $after"
	start
	passes "rotated after $after"
done

finish
