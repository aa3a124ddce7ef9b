# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced: Debian's archive, of any suite, as this machine is configured to reach it. Whoever sources it has a say().

fail() { say "$@"; exit 1; }

# Which suite has the newest of a kernel version.
kernel_suite() {
    case $1 in
        6.1) echo bookworm ;;
        6.12) echo bookworm-security ;;
        7.3) echo trixie-backports ;;
        *) fail "which suite has $1? Name it" ;;
    esac
}

# The configured sources, one "URI RELEASE" a line.
configured_sources() {
    # shellcheck disable=SC2016 # these are apt's variables
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$3 == "main" { print $1, $2 }' | sort -u
}

# Security updates live in an archive of their own; every other suite is beside the machine's own.
archive_uri() {
    local suite=$1 codename
    # shellcheck disable=SC1091 # every Debian has it
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    case $suite in *-security) codename+=-security ;; esac
    configured_sources | awk -v release="$codename" '$2 == release { print $1; exit }'
}

archive_keyring() {
    local file
    for file in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
        if [ -r "$file" ]; then
            echo "$file"
            return
        fi
    done
    fail "no Debian archive keys: install debian-archive-keyring"
}

# apt with a state of its own, so that the machine's lists and sources stay as they are.
write_apt_conf() {
    local dir=$1 uri=$2 suite=$3
    mkdir -p "$dir"/{lists,archives}/partial
    : >"$dir/status"
    echo "deb [arch=amd64 signed-by=$(archive_keyring)] $uri $suite main" >"$dir/sources.list"
    cat >"$dir/conf" <<END
Dir::Etc::SourceList "$dir/sources.list";
Dir::Etc::SourceParts "-";
Dir::State "$dir";
Dir::State::Lists "$dir/lists";
Dir::State::Status "$dir/status";
Dir::Cache "$dir";
APT::Sandbox::User "root";
APT::Architecture "amd64";
#clear APT::Architectures;
APT::Architectures { "amd64"; };
Acquire::Languages "none";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
END
}

update_lists() {
    local dir=$1 suite=$2
    if ! apt-get -c "$dir/conf" -qq --error-on=any update >"$dir/log" 2>&1; then
        cat "$dir/log" >&2
        say "apt cannot read $suite (above). Is the archive reachable: does 'apt-get update' work?"
        fail "If it says NO_PUBKEY, the keys are too old: apt-get install debian-archive-keyring"
    fi
}

# After this, `apt-get -c DIR/conf` knows SUITE.
open_suite() {
    local dir=$1 suite=$2 uri
    uri=$(archive_uri "$suite")
    [ -n "$uri" ] || fail "no apt source of this machine serves its own release, so $suite cannot be found beside it"
    write_apt_conf "$dir" "$uri" "$suite"
    update_lists "$dir" "$suite"
}
