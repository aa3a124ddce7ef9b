# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced: a deputyd of one's own below a directory, for the story and the tests.

deputy_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# daemon_start DIR [PROFILES]: leaves DEPUTY_SOCKET and daemon_pid set. Prints why when it does not come up.
daemon_start() {
	local dir=$1 profiles=${2:-$deputy_root/policy/profiles} i
	mkdir -p "$dir"
	printf 'max_ttl: 30m\nprofile_dir: %s\n' "$profiles" >"$dir/deputyd.yaml"
	"$deputy_root/build/deputyd" --config "$dir/deputyd.yaml" --state-dir "$dir/state" --runtime-dir "$dir/run" --foreground \
		>"$dir/deputyd.log" 2>&1 &
	daemon_pid=$!
	export DEPUTY_SOCKET=$dir/run/deputy.sock
	for ((i = 0; i < 1200; i++)); do
		if [ -S "$DEPUTY_SOCKET" ] && "$deputy_root/build/deputy" ls >/dev/null 2>&1; then return 0; fi
		kill -0 "$daemon_pid" 2>/dev/null || break
		sleep 0.1
	done
	cat "$dir/deputyd.log" >&2
	return 1
}

# The daemon that tools/under-daemon started below DIR.
daemon_adopt() {
	daemon_pid=$(cat "$1/deputyd.pid")
	export DEPUTY_SOCKET=$1/run/deputy.sock
}

daemon_stop() {
	kill "$daemon_pid" 2>/dev/null || true
	while kill -0 "$daemon_pid" 2>/dev/null; do sleep 0.1; done
}
