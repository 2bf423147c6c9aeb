#!/usr/bin/env bash
# Finds the servers and tools that building and testing need, and installs what is missing.
#   setup.sh            install with apt (as root or by sudo) or brew
#   setup.sh --ensure   the same, but only where it asks nobody: apt as root, or in CI by sudo
#   setup.sh --check    only say what is missing
# Exit: 0 all is there, 1 something is missing; what to install is then the last line.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mode=install
case "${1:-}" in
  '') ;;
  --ensure) mode=ensure ;;
  --check) mode=check ;;
  *) echo "usage: scripts/setup.sh [--ensure|--check]" >&2; exit 2 ;;
esac

# have PROGRAM: looks on PATH and where servers lie that are not on it: Debian's folders, Homebrew's, and the
# caller's own. Looked up anew each time: an installation brings new folders.
have() {
  local dir search=$PATH:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin:/usr/local/bin:${HONEYDUE_BIN_DIRS:-}
  for dir in /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin; do
    if [ -d "$dir" ]; then search=$search:$dir; fi
  done
  PATH=$search command -v "$1" >/dev/null 2>&1
}

# Prints "apt-package brew-package" for each program that is missing.
missing() {
  local program apt brew
  while read -r program apt brew; do
    have "$program" || echo "$apt $brew"
  done <<'TABLE'
postgres postgresql postgresql@16
initdb postgresql postgresql@16
pgbouncer pgbouncer pgbouncer
redis-server redis-server redis
psql postgresql-client postgresql@16
make make make
git git git
gcc gcc gcc
jq jq jq
curl curl curl
ps procps procps
shellcheck shellcheck shellcheck
TABLE
  if have apt-get && [ -f /etc/debian_version ] && ! [ -f /etc/ssl/certs/ca-certificates.crt ]; then
    echo 'ca-certificates ca-certificates'
  fi
  # The race detector links against libc.
  if have apt-get && ! [ -e /usr/include/stdlib.h ]; then echo 'libc6-dev libc6-dev'; fi
}

check_go() {
  if ! command -v go >/dev/null 2>&1; then
    echo "setup: Go is missing. Install the version that go.mod names from https://go.dev/dl/ and put it on PATH." >&2
    exit 1
  fi
  if ! go list -m >/dev/null 2>&1; then
    echo "setup: $(go version) can't read go.mod, which asks for go $(sed -n 's/^go //p' go.mod). Install that version or newer." >&2
    exit 1
  fi
}

# Debian starts a server as soon as it is installed; a policy-rc.d that answers 101 prevents it.
# The lab starts its own, on free ports.
apt_install() {
  local as_root=("$@") policy=/usr/sbin/policy-rc.d made=no
  if ! [ -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
    made=yes
  fi
  local rc=0
  "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}" || rc=$?
  if [ "$made" = yes ]; then "${as_root[@]}" rm -f "$policy"; fi
  return "$rc"
}

check_go
rows=$(missing | sort -u)
if [ -z "$rows" ]; then
  if [ "$mode" != ensure ]; then echo "setup: everything is there"; fi
  exit 0
fi
# Package names hold no spaces, and macOS's bash has no mapfile.
# shellcheck disable=SC2207
apt_packages=($(cut -d' ' -f1 <<<"$rows" | sort -u)) brew_packages=($(cut -d' ' -f2 <<<"$rows" | sort -u))

if have apt-get; then
  packages=("${apt_packages[@]}")
  by_hand="sudo apt-get install --no-install-recommends ${packages[*]}"
  if [ "$mode" != check ] && [ "$(id -u)" -eq 0 ]; then
    apt_install env
  elif [ "$mode" = install ] && command -v sudo >/dev/null 2>&1; then
    apt_install sudo
  elif [ "$mode" = ensure ] && [ "${CI:-}" = true ] && sudo -n true 2>/dev/null; then
    apt_install sudo -n
  fi
elif have brew; then
  packages=("${brew_packages[@]}")
  by_hand="brew install ${packages[*]}"
  if [ "$mode" = install ]; then brew install "${packages[@]}"; fi
else
  by_hand="with your package manager: PostgreSQL 15 or newer (server), PgBouncer, Redis 7, make, git, gcc, jq, shellcheck"
fi

if [ -n "$(missing)" ]; then
  echo "setup: missing: $(missing | cut -d' ' -f1 | sort -u | paste -sd' ' -)." >&2
  echo "Install: $by_hand (or run: make setup)" >&2
  exit 1
fi
echo "setup: installed ${packages[*]}"
