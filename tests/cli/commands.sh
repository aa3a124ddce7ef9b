#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every command of the deputy program against a fake daemon: output, exit code, messages. TAP on stdout.
# usage: commands.sh [PATH-OF-DEPUTY]
set -u

. "$(dirname "$0")/tap"
deputy=$(realpath "${1:-$root/build/deputy}")
socket=$dir/sock
log=$dir/requests
unset DEPUTY_SOCKET NO_COLOR

"$here/fake-deputyd" "$socket" "$log" &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$dir"' EXIT
for _ in $(seq 100); do [ -S "$socket" ] && break; sleep 0.05; done
cd "$dir" || exit 1

# run ARGS...: leaves $code, $out, $err; requests go to $log
run() {
	: >"$log"
	try "$deputy" --socket "$socket" "$@"
	out=$(cat out) err=$(cat err)
}

out_has() { has out "$@"; } # TEXT NAME
err_has() { has err "$@"; }
asked() { has requests "$@"; }

for p in good refused broken foreign many down garbage hangup; do echo "name: $p" >$p.yaml; done
printf '\377' >bytes.yaml

# ---- usage ----
run
exits 64 "no command"
run frobnicate
exits 64 "unknown command"
err_has 'no command "frobnicate"' "unknown command is named"
run --help
exits 0 "--help"
out_has "revoke" "--help lists commands"
run --version
exits 0 "--version"
out_has "deputy " "--version prints it"
for c in run delegate ticket ls tree show revoke why trace "policy check" "policy explain" "policy within" "token verify" "token export" "token exchange" "token introspect" "token proof" "key ls" "key rotate" doctor; do
	# shellcheck disable=SC2086
	run $c --help
	exits 0 "$c --help"
	# shellcheck disable=SC2086
	run $c --no-such-option
	exits 64 "$c --no-such-option"
done
run ls surplus
exits 64 "ls with an argument"
run show
exits 64 "show without ID"
run revoke
exits 64 "revoke without ID"
run revoke gmfz --mode maybe
exits 64 "revoke with a wrong mode"
run why me
exits 64 "why of no number"
run why 1 2
exits 64 "why of two"
run trace --tail
exits 64 "an option without its value"
err_has "needs a value" "the missing value is named"

# ---- run ----
run run --policy good.yaml --purpose fix-issue -- sh -c 'echo "$DEPUTY_GRANT"; exit 7'
exits 7 "run ends with the command's code"
[ "$out" = gmfzwk43uorsxg5a ]
ok $? "the command is told its grant"
asked '"text": "name: good\n"' "the policy's text is sent"
asked "\"workdir\": \"$dir\"" "the working directory is sent"
asked '"argv": ["sh", "-c"' "argv is sent"
run run --policy good.yaml --purpose p --ttl 90s --workdir /usr/../tmp -- true --policy x
exits 0 "options after the command are the command's"
asked '"ttl": "90s"' "the TTL is sent"
asked '"workdir": "/tmp"' "the working directory is made canonical"
run run --policy installed --purpose p -- true
exits 0 "an installed policy"
asked '"policy": {"name": "installed"}' "is sent by name"
run run --policy refused.yaml --purpose x -- touch ran
exits 77 "refused"
err_has 'policy coder has no purpose "x"' "the reason is printed"
err_has "it has: fix-issue" "and its details"
run run --policy foreign.yaml --purpose x -- touch ran
exits 77 "forbidden"
run run --policy broken.yaml --purpose x -- touch ran
exits 65 "bad policy"
err_has "broken.yaml:3:1: unknown key" "with file, line and column"
run run --policy many.yaml --purpose x -- touch ran
exits 75 "too many grants"
run run --policy down.yaml --purpose x -- touch ran
exits 69 "daemon cannot"
run run --policy garbage.yaml --purpose x -- touch ran
exits 76 "an answer without a grant"
run run --policy hangup.yaml --purpose x -- touch ran
exits 76 "an answer cut off"
run run --policy ./absent.yaml --purpose x -- touch ran
exits 66 "no such policy file"
run run --policy bytes.yaml --purpose x -- touch ran
exits 65 "a policy that is no text"
run run --policy good.yaml --purpose x --workdir /nonexistent -- touch ran
exits 66 "no such working directory"
run run --policy good.yaml --purpose x --keep-fd 77 -- touch ran
exits 64 "a descriptor that is not open"
run run --policy good.yaml -- touch ran
exits 64 "run without purpose"
run run --policy good.yaml --purpose x
exits 64 "run without command"
[ ! -e ran ]
ok $? "none of these ran the command"
run ticket --scope good.yaml --purpose part --ttl 90s -- sub-agent
exits 0 "a ticket"
[ "$out" = gaaaaaaaaaaaaaaa ]
ok $? "is printed"
asked '"ticket": true' "it is asked for"
asked '"argv": ["sub-agent"]' "with what it is for"
run --json ticket
out_has '"ticket"' "a ticket in JSON"
run delegate --ttl 1m -- true
exits 0 "delegate"
asked '"ttl": "1m"' "a part is asked for"
run delegate --ticket gaaaaaaaaaaaaaaa -- sh -c 'echo "$DEPUTY_GRANT"'
exits 0 "delegate by ticket"
[ "$out" = gaaaaaaaaaaaaaaa ]
ok $? "the command is told its grant"
asked '"path": "/v1/tickets/gaaaaaaaaaaaaaaa", "body": null' "the ticket is redeemed"
run delegate --ticket gbbb/../gaaaaaaaaaaaaaaa -- touch ran
exits 75 "a ticket that was redeemed"
asked '"path": "/v1/tickets/gbbb%2F..%2Fgaaaaaaaaaaaaaaa"' "a ticket is one component"
run delegate --ticket gaaaaaaaaaaaaaaa --ttl 1m -- touch ran
exits 64 "a ticket and terms"
[ ! -e ran ]
ok $? "neither ran the command"
run run --policy good.yaml --purpose p -- no-such-command
exits 127 "command not found"
[ ! -s "$log" ]
ok $? "no grant is asked for it"
run run --policy good.yaml --purpose p -- /etc/passwd
exits 126 "command not executable"
printf '#!/nonexistent/interpreter\n' >script && chmod +x script
run run --policy good.yaml --purpose p -- ./script
exits 127 "interpreter not found"
printf 'not a program\n' >text && chmod +x text
run run --policy good.yaml --purpose p -- ./text
exits 126 "exec format error"
: >"$log"
"$deputy" --socket "$socket" run --policy good.yaml --purpose p --keep-fd 5 --keep-fd 8 -- \
	ls /proc/self/fd 5</dev/null 6</dev/null 8</dev/null >out 2>err
code=$?
[ "$(grep -cE '^(0|1|2|5|8)$' out)" -eq 5 ] && ! grep -qE '^(6|7|9|10)$' out
ok $? "only stdio and the kept descriptors are left"
run run --policy good.yaml --purpose p -- grep NoNewPrivs /proc/self/status
out_has "NoNewPrivs:	1" "no_new_privs is set"
DEPUTY_SOCKET=$socket "$deputy" run --policy good.yaml --purpose p -- true >out 2>err
code=$?
exits 0 "DEPUTY_SOCKET"

# ---- ls, tree, show, revoke ----
run ls
exits 0 "ls"
out_has "gmfzwk43uorsxg5a" "ls lists"
out_has 'it'\''s \x1b[31mred' "ls shows no control characters"
run ls --all
asked "/v1/grants?all=1" "ls --all asks for all"
out_has "revoked" "ls --all shows the state"
run ls --json
python3 -c 'import json,sys; assert len(json.load(open("out"))["grants"]) == 2'
ok $? "ls --json is JSON"
run tree --all
exits 0 "tree"
[ "$(grep -n . out | sed 's/  */ /g' | cut -c1-24 | head -6 | tr '\n' '|')" = \
	"1:uid:1000 (alice)|2: policy coder sha256:0|3: gmfzwk43uorsxg5a fix-|4: gaaaaaaaaaaaaaaa sub |5:uid:1001 (bob)|6: policy coder sha256:0|" ]
ok $? "tree nests owner, policy, grant, child"
run show gmfz
exits 0 "show"
out_has "policy coder sha256:0123" "show has the chain"
out_has "coder.yaml:7 allow read" "show has the rules"
run show gmfz --token
[ "$out" = eyJ.payload.sig ]
ok $? "show --token prints the token and nothing else"
run show zzzz
exits 66 "show of an unknown grant"
err_has 'no grant "zzzz" of yours' "is said so"
run show 'a/../b?c'
asked '/v1/grants/a%2F..%2Fb%3Fc' "an ID cannot become a path"
run revoke gmfz --mode deny
exits 0 "revoke"
asked '"DELETE", "path": "/v1/grants/gmfz?mode=deny"' "revoke asks for it"
out_has "revoked gmfzwk43uorsxg5a" "revoke says what it revoked"
run revoke --owner uid:1000 --policy coder --policy-digest sha256:00 --purpose fix-issue --key SHA256:x --mode kill
exits 0 "revoke of what grants have in common"
asked '"POST", "path": "/v1/revocations"' "asks for it"
for m in '"owner": "uid:1000"' '"policy": "coder"' '"policy_digest": "sha256:00"' '"purpose": "fix-issue"' '"key": "SHA256:x"' '"mode": "kill"'; do
	asked "$m" "with $m"
done
out_has "revoked gmfzwk43uorsxg5a  fix-issue of alice and 2 beneath it" "says what ended"
out_has 'revoked gaaaaaaaaaaaaaaa  fix-issue of al\x1b[2Jice' "and moves no cursor"
run revoke --purpose fix-issue
asked '"body": {"purpose": "fix-issue"}' "what is not named is not sent"
run revoke --json --purpose fix-issue
out_has '"beneath":2' "revoke --json"
run revoke --owner uid:9
exits 66 "revoke of what no grant has"
err_has "no live grant of yours has owner uid:9" "says so"
run revoke --owner uid:5
exits 69 "revoke that fails for some"
err_has "1 of 3 grants could not be revoked" "says so"
err_has "gbbbbbbbbbbbbbbb: Input/output error" "and of which"
out_has "revoked gaaaaaaaaaaaaaaa" "and what ended all the same"
run revoke gmfz --owner uid:1000
exits 64 "revoke of an ID and of what grants have in common"
[ ! -s "$log" ]
ok $? "asks for nothing"
run revoke zzzz
exits 66 "revoke of an unknown grant"

# ---- why, trace ----
run why 4242
exits 0 "why PID"
asked "pid=4242" "why asks by PID"
out_has "/home/alice/.ssh/id" "why shows the last refusal"
out_has "base.yaml:31 deny read" "why shows the rule"
out_has "files: - {allow: [read], path: /home/alice/.ssh/id}" "why shows what would allow it"
run why '#2'
out_has "no rule names it" "why of default deny"
out_has "files: - {allow: [read], path: /etc/shadow}" "its rule"
run why 5
out_has 'network: - {allow: connect, cidr: 192.0.2.7/32, port: 443}' "why of a connection, by event number"
run why 4244
out_has "no policy can grant this" "why of what is guarded"
run why '#4'
out_has "allow" "why of an allowed event says so"
run why
[ "$(grep -c ^refused out)" -eq 5 ]
ok $? "why alone shows five"
run why --last 2
[ "$(grep -c ^refused out)" -eq 2 ]
ok $? "why --last 2"
run why 99999
exits 66 "why of an innocent process"
run why 4242 --json
python3 -c 'import json; r = json.load(open("out"))["refusals"]; assert r[0]["allow"].startswith("files:")'
ok $? "why --json"
run trace
exits 0 "trace"
[ "$(wc -l <out)" -eq 8 ]
ok $? "one line an event"
out_has "20:14:05.123 deny  file read /etc/shadow  EACCES  (no rule names it)  cat[4242]  gmfzwk43 alice" "readable"
out_has '/tmp/\x1b[2Jevil' "without control characters"
out_has "9 events lost: ring_full" "losses too"
run trace --json --verdict deny --grant gmfz --tail 2
asked "/v1/events?grant=gmfz&verdict=deny&tail=2" "filters are passed on"
[ "$(wc -l <out)" -eq 2 ] && python3 -c 'import json; [json.loads(l) for l in open("out")]'
ok $? "trace --json passes lines on"

# ---- token ----
run key ls
exits 0 "key ls"
asked '"GET", "path": "/v1/keys"' "it asks for the keys"
run key rotate
exits 0 "key rotate"
asked '"POST", "path": "/v1/keys/rotate"' "it asks for the next one"
out_has "current  second" "and prints which signs"
run key rotate now
exits 64 "key rotate takes nothing"
run key rotate --json
out_has '"deputy_state":"current"' "the set as JSON"
run token verify
exits 64 "token verify without one"
run token verify abc
exits 77 "token verify of no token"
run token verify --jwks absent abc
exits 66 "no key file"
run token verify --jwks good.yaml abc
exits 65 "no key set"

run token export gmfzwk43uorsxg5a
exits 64 "token export without a form"
run token export --vc gmfzwk43uorsxg5a
exits 0 "token export --vc"
out_has '"VerifiableCredential"' "token export --vc prints the credential"
asked '/v1/grants/gmfzwk43uorsxg5a/vc' "token export --vc asks for it"
run token export --vc
exits 64 "token export of none of two grants"
err_has "you see 2 live grants" "token export of none of two grants: why"
run token export --vc a b
exits 64 "token export of two"
run token export --vc nosuch
exits 66 "token export of no grant"
run token export --vc a/b
asked '/v1/grants/a%2Fb/vc' "token export escapes what it is given"

# ---- policy ----
cat >sound.yaml <<'END'
apiVersion: deputy/v1
name: coder
owner: {any_of: ["uid:0"]}
profiles: [own]
purposes:
  fix-issue:
    ttl: 15m
    files:
      - {allow: [read, write], path: "${workdir}/**"}
      - {deny: [read], path: "**/.env"}
    network:
      - {allow: connect, cidr: 192.0.2.0/24, port: 443}
END
mkdir profiles
printf 'apiVersion: deputy/v1\nprofile: own\nfiles: [{allow: [list], path: /srv}]\n' >profiles/own.yaml
sed 's/ttl/tll/' sound.yaml >mistaken.yaml
run policy check --profiles profiles sound.yaml
exits 0 "policy check of a sound policy"
run policy check sound.yaml
exits 65 "policy check without its profile"
run policy check --profiles profiles sound.yaml mistaken.yaml
exits 65 "policy check of a policy with a mistake"
err_has "mistaken.yaml:7:5: unknown key 'tll'" "which is told with line and column"
run policy check --profiles profiles absent.yaml
exits 66 "policy check of no file"
run policy check --json --profiles profiles mistaken.yaml
python3 -c 'import json; m = json.load(open("out"))["files"][0]; assert not m["ok"] and m["mistakes"][0]["line"] == 7'
ok $? "policy check --json"
explain="policy explain sound.yaml --profiles profiles --purpose fix-issue --workdir /w"
run $explain --op read /w/x
exits 0 "policy explain"
[ "$out" = "allow read      /w/x  (sound.yaml:9 allow read,write path \${workdir}/**)" ]
ok $? "names the rule that allows"
run $explain --op read /w/.env
out_has "deny  read      /w/.env  (sound.yaml:10 deny read path **/.env)" "and the one that denies"
run $explain /etc
[ "$(wc -l <out)" -eq 8 ] && ! grep -v '^deny .*(no rule names it)' out
ok $? "without --op every operation"
run $explain --op list /srv
out_has "own.yaml:3 allow list" "a profile's rule"
run $explain --connect 192.0.2.1:443
out_has "allow connect   192.0.2.1:443" "an address"
run $explain --connect 192.0.2.1:443 --udp
out_has "send      192.0.2.1:443" "by UDP"
run $explain --bind 192.0.2.1:443
out_has "deny  bind" "binding to it"
run $explain --capability CAP_CHOWN
[ "$out" = "deny  capability chown  (no rule names it)" ]
ok $? "a capability"
run $explain --user-namespaces
out_has "deny  create    user namespace" "user namespaces"
run $explain --capability fly
exits 64 "no such capability"
run $explain --socket icmp
out_has "deny  socket    icmp" "a kind of socket"
run $explain --socket tcp
exits 64 "what is no kind"
run $explain --connect 192.0.2.1
exits 64 "an address without a port"
run $explain --op fly /x
exits 64 "no such operation"
run $explain x
exits 64 "a relative path"
run $explain
exits 64 "neither path nor address"
run $explain --json --op read /w/x
python3 -c 'import json; a = json.load(open("out"))[0]; assert a["verdict"] == "allow" and a["op"] == "read"'
ok $? "policy explain --json"
run policy explain sound.yaml --profiles profiles --purpose other /x
exits 65 "no such purpose"

sed 's/read, write/read/; s/port: 443/port: 443, proto: tcp/' sound.yaml >narrow.yaml
within="policy within --profiles profiles --purpose fix-issue --workdir /w"
run $within narrow.yaml sound.yaml
exits 0 "policy within"
out_has "narrow.yaml is within sound.yaml" "and says so"
run $within sound.yaml narrow.yaml
exits 77 "policy within of what is wider"
out_has "write /w" "with an example"
out_has "sound.yaml:9 allow" "and the rule"
out_has "deny  (no rule names it)" "and what the parent says"
run $within --json sound.yaml narrow.yaml
python3 -c 'import json; a = json.load(open("out")); assert a["within"] is False and a["op"] == "write" and a["parent"] == "deny"'
ok $? "policy within --json of what is wider"
run $within --json narrow.yaml sound.yaml
python3 -c 'import json; assert json.load(open("out")) == {"within": True}'
ok $? "policy within --json"
sed 's/fix-issue/review/' narrow.yaml >review.yaml
run $within review.yaml sound.yaml
exits 65 "policy within without such a purpose"
err_has 'review.yaml: no purpose "fix-issue"' "is named"
run policy within --profiles profiles --workdir /w --purpose review --parent-purpose fix-issue review.yaml sound.yaml
exits 0 "policy within with a purpose each"
run $within sound.yaml mistaken.yaml
exits 65 "policy within a policy with a mistake"
run $within absent.yaml sound.yaml
exits 66 "policy within without a file"
run $within sound.yaml
exits 64 "policy within of one file"

# ---- doctor, with a daemon beside it that cannot start ----
mkdir bin
cp "$deputy" bin/deputy
printf '#!/bin/sh\necho "deputyd: cannot attach: Operation not permitted" >&2\nexit 69\n' >bin/deputyd
chmod +x bin/deputyd
bin/deputy doctor >out 2>err
code=$?
if [ -S /run/deputy/deputy.sock ]; then
	echo "# a daemon of this host answered"
else
	exits 69 "doctor where nothing can be enforced"
	err_has "deputyd: cannot attach: Operation not permitted" "the daemon's reason is printed"
	bin/deputy doctor --json >out 2>err
	python3 -c 'import json; d = json.load(open("out")); assert not d["enforced"] and "attach" in d["reason"]'
	ok $? "doctor --json"
	[ -z "$(find /tmp -maxdepth 1 -name 'deputy-doctor.*' -newer "$socket")" ]
	ok $? "nothing is left behind"
fi

# ---- no daemon ----
kill $server
wait $server 2>/dev/null
for c in ls tree "show gmfz" "revoke gmfz" why trace "run --policy good.yaml --purpose p -- touch ran"; do
	# shellcheck disable=SC2086
	run $c
	exits 69 "$c without a daemon"
done
err_has "no daemon at $socket: Connection refused" "the reason is printed"
[ ! -e ran ]
ok $? "and nothing ran"

finish
