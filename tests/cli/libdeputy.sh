#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# libdeputy as others meet it: installed, found by pkg-config, linked to a program of theirs. TAP on stdout.
set -u

. "$(dirname "$0")/tap"

printer=$(built tests/unit/token/test_chain) || skip "needs the unit tests built"

make -C "$root" --no-print-directory install DESTDIR="$dir/root" PREFIX=/opt/deputy >"$dir/out" 2>&1
ok $? "make install"
libdir=$(dirname "$(find "$dir/root" -name libdeputy.so.0)")
export PKG_CONFIG_PATH=$libdir/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dir/root LD_LIBRARY_PATH=$libdir
pkg-config --exists --print-errors deputy 2>"$dir/out"
ok $? "pkg-config finds it"

cat >"$dir/service.c" <<'END'
#include <deputy.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct deputy_keys *keys;
	struct deputy_chain *chain;
	int err = argc == 4 ? deputy_keys_open(argv[1], argv[2], &keys) : -EINVAL;

	if (!err) {
		err = deputy_chain_open(keys, argv[3], &chain);
		if (!err)
			err = deputy_chain_check(chain);
		if (!err)
			printf("%s for %s\n", deputy_chain_get(chain, DEPUTY_GRANT), deputy_chain_get(chain, DEPUTY_OWNER));
		if (!err)
			deputy_chain_close(chain);
		deputy_keys_close(keys);
	}
	if (err)
		printf("%s\n", strerrorname_np(-err));
	return err != 0;
}
END
for language in c c++; do
	# shellcheck disable=SC2046
	gcc -x $language -D_GNU_SOURCE -Wall -Wextra -Werror "$dir/service.c" -o "$dir/service" -x none $(pkg-config --cflags --libs deputy) \
		>"$dir/out" 2>&1
	status=$?
	if [ $language = c++ ] && ! gcc -print-prog-name=cc1plus | grep -q /; then
		tests=$((tests + 1))
		echo "ok $tests - a program in C++ # SKIP no compiler for it here"
	else
		ok $status "a program in $language links to it"
	fi
done

# says WANT NAME ARGS...
says() {
	local want=$1 name=$2
	shift 2
	"$dir/service" "$@" >"$dir/out" 2>&1
	[ "$(cat "$dir/out")" = "$want" ]
	ok $? "$name: $want"
}

"$printer" --print 2>/dev/null >"$dir/made.json"
python3 - "$dir" <<'END'
import json, struct, sys, time
dir = sys.argv[1]
made = json.load(open(dir + "/made.json"))
open(dir + "/jwks", "w").write(json.dumps(made["jwks"]))
open(dir + "/chain", "w").write("".join("~" + link for link in made["links"]))
slots = bytearray(16 * 16384)
for i in range(3):
    struct.pack_into("<IIQ", slots, 16 * (100 + i), 1, 0, 2**62)
beat = time.clock_gettime_ns(time.CLOCK_BOOTTIME) + 60 * 10**9  # slow machines are alive too
def write(name):
    open(f"{dir}/{name}", "wb").write(struct.pack("<QQQQ", 0x3148434f50455044, 9, beat, 0) + bytes(32) + slots)
write("epochs")
struct.pack_into("<IIQ", slots, 16 * 101, 1, 1, 2**62)  # the middle one has ended
write("cut")
END
chmod 644 "$dir/epochs" "$dir/cut"
jwks=$(cat "$dir/jwks") chain=$(cat "$dir/chain")
says "gc for uid:1000" "a chain that stands" "$jwks" "$dir/epochs" "$chain"
says EKEYREVOKED "one whose middle link has ended" "$jwks" "$dir/cut" "$chain"
says ENOKEY "by no key" '{"keys":[]}' "$dir/epochs" "$chain"
says EBADMSG "no chain" "$jwks" "$dir/epochs" "${chain:1}"
says ENOENT "no daemon" "$jwks" "$dir/absent" "$chain"
chmod 666 "$dir/epochs"
says EPERM "epochs that anybody may write" "$jwks" "$dir/epochs" "$chain"

# ---- tickets, of a daemon that says what it is told to ----

cat >"$dir/redeem.c" <<'END'
#include <deputy.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	int err = argc == 3 ? deputy_ticket_redeem(argv[1], argv[2]) : 1;

	puts(err ? strerrorname_np(-err) : "redeemed");
	return err != 0;
}
END
# shellcheck disable=SC2046
gcc -D_GNU_SOURCE -Wall -Wextra -Werror "$dir/redeem.c" -o "$dir/service" $(pkg-config --cflags --libs deputy) >"$dir/out" 2>&1
ok $? "a program that redeems links to it"
"$root/tests/cli/fake-deputyd" "$dir/sock" "$dir/requests" &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$dir"' EXIT
for _ in $(seq 100); do [ -S "$dir/sock" ] && break; sleep 0.05; done
says redeemed "a ticket" "$dir/sock" gaaaaaaaaaaaaaaa
grep -qF '{"method": "POST", "path": "/v1/tickets/gaaaaaaaaaaaaaaa", "body": null}' "$dir/requests"
ok $? "is asked for by its name"
says EBUSY "one that was redeemed" "$dir/sock" gbbbbbbbbbbbbbbb
says ENOENT "one that is not there" "$dir/sock" nowhere
says EPROTO "an answer that is none" "$dir/sock" garbage
says EINVAL "no ticket" "$dir/sock" "a b"
says EINVAL "an empty one" "$dir/sock" ""
says EINVAL "a long one" "$dir/sock" "$(printf 'a%.0s' {1..65})"
says EBUSY "the longest" "$dir/sock" "$(printf 'a%.0s' {1..64})"
says ENOENT "nobody who listens" "$dir/absent" gaaaaaaaaaaaaaaa
says ENAMETOOLONG "a socket that cannot be" "$(printf '/%.0s' {1..108})" gaaaaaaaaaaaaaaa

# ---- delegation ----

cat >"$dir/delegate.c" <<'END'
#include <deputy.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	const char *words[] = {"make", NULL};
	struct deputy_narrower part = {.purpose = "review", .ttl = "1m", .argv = words};
	char grant[DEPUTY_GRANT_BYTES], said[DEPUTY_MESSAGE_BYTES] = "";
	int err = argc == 2 ? deputy_delegate(argv[1], &part, grant, said, sizeof(said)) : 1;

	puts(err ? strerrorname_np(-err) : grant);
	return err != 0;
}
END
# shellcheck disable=SC2046
gcc -D_GNU_SOURCE -Wall -Wextra -Werror "$dir/delegate.c" -o "$dir/service" $(pkg-config --cflags --libs deputy) >"$dir/out" 2>&1
ok $? "a program that delegates links to it"
says gaaaaaaaaaaaaaaa "a narrower grant" "$dir/sock"
grep -qF '{"method": "POST", "path": "/v1/delegate", "body": {"purpose": "review", "ttl": "1m", "argv": ["make"]}}' "$dir/requests"
ok $? "is asked for"
says ENOENT "nobody to delegate" "$dir/absent"

finish
