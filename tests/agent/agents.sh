# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Where the real agents are kept, which versions, and what they need. Sourced, not run.
# shellcheck disable=SC2034  # the scripts that source this use the names

PI_PACKAGE=@mariozechner/pi-coding-agent
PI_VERSION=0.73.1
PI_NODE=20.6.0
CODEX_PACKAGE=@openai/codex
CODEX_VERSION=0.169.0
# Dependencies newer than this day are not taken: it pins all of them without a lock file.
AGENTS_BEFORE=2026-11-20

agents_cache() {
	printf '%s/agents\n' "${DEPUTY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/deputy}"
}

# The version is in the path, so that another pin never meets an old install.
agent_prefix() {
	case $1 in
	pi) printf '%s/pi-%s\n' "$(agents_cache)" "$PI_VERSION" ;;
	codex) printf '%s/codex-%s\n' "$(agents_cache)" "$CODEX_VERSION" ;;
	esac
}

agent_program() {
	case $1 in
	pi) printf '%s/node_modules/%s/dist/cli.js\n' "$(agent_prefix pi)" "$PI_PACKAGE" ;;
	# npm names the directory after the machine; the binary itself needs no node.
	codex) find "$(agent_prefix codex)/node_modules/@openai" -path '*/bin/codex' -type f \
		-perm -u+x -print -quit 2>/dev/null ;;
	esac
}

version_at_least() {
	[ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

# Prints what this machine lacks to run the agent; nothing when it lacks nothing.
agent_lacks() {
	local have
	[ "$1" = pi ] || return 0
	have=$(node --version 2>/dev/null | tr -d v)
	if [ -z "$have" ] || ! version_at_least "$have" "$PI_NODE"; then
		printf 'pi needs node >= %s; this machine has %s\n' "${PI_NODE%.0}" "${have:-none}"
	fi
}

agent_installed() {
	local program
	program=$(agent_program "$1")
	[ -n "$program" ] && [ -f "$program" ]
}
