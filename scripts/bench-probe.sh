#!/usr/bin/env bash
# Measures how long a healthy probe takes over a link of 110 ms, without and with a running server. Another build of
# honeydue, if one is given, is measured in the same run, in turn.
#
#   scripts/bench-probe.sh [OTHER_BINARY]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

builds=("$PWD/bin/honeydue" "$@")
honeydue=${builds[0]}
for build in "${builds[@]}"; do
  if ! [ -x "$build" ]; then
    echo "bench-probe: $build is not there or can't be run. Run: make build" >&2
    exit 1
  fi
done

rounds=5
work=$(mktemp -d "${TMPDIR:-/tmp}/honeydue-bench-probe.XXXXXX")
# The lab's servers run as another user when this one is root: they have to get into the folder.
chmod 711 "$work"
addr=127.0.0.1:$((20000 + RANDOM % 10000))
server=
end() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" || true
  fi
  "$honeydue" lab down --data "$work/lab" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap end EXIT

"$honeydue" lab up --data "$work/lab" --rtt 110ms --detach >/dev/null 2>&1
eval "$("$honeydue" lab env --data "$work/lab")"
"$honeydue" migrate up >/dev/null
"$honeydue" seed --users 300 --tasks-per-residence 40 --tokens "$work/tokens" >/dev/null
"$honeydue" serve --addr "$addr" --admin-addr 127.0.0.1:0 --drain-delay 0s >"$work/serve.log" 2>&1 &
server=$!
for _ in $(seq 300); do
  if [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$addr/readyz" || true)" = 200 ]; then break; fi
  sleep 0.1
done

# seconds BUILD FLAG...: one probe.
seconds() {
  local build=$1
  shift
  "$build" probe -o json "$@" 2>/dev/null | sed -n 's/^ *"duration_ms": \([0-9.]*\),*$/\1/p' | head -1 | awk '{printf "%.2f\n", $1 / 1000}'
}

# median of the numbers on stdin, and all of them.
summary() { sort -n | awk '{v[NR] = $1; all = all " " $1} END {printf "%6.2f s  (%s)\n", v[int((NR + 1) / 2)], substr(all, 2)}'; }

for what in healthy "healthy, with --target"; do
  flags=()
  if [ "$what" != healthy ]; then flags=(--target "http://$addr" --tokens "$work/tokens"); fi
  for _ in $(seq "$rounds"); do
    for n in "${!builds[@]}"; do seconds "${builds[$n]}" "${flags[@]}" >>"$work/$n.$what"; done
  done
  for n in "${!builds[@]}"; do printf '%-24s %-50s %s\n' "$what" "${builds[$n]}" "$(summary <"$work/$n.$what")"; done
done
