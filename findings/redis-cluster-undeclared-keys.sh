#!/usr/bin/env bash
# A Redis Cluster of one node, which owns every slot, still refuses a script that declares two keys of different slots, as
# documented. The same script without declared keys, or with one of the two, runs. With "#!lua" in its first line it is
# refused again, and MGET is refused in every form, with different errors.
# Needs redis-server and redis-cli (7.0 or newer) on the PATH.
set -euo pipefail
dir=$(mktemp -d)
port=$((10000 + RANDOM % 9000)) # and port + 10000 for the cluster
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no --dir "$dir" --cluster-enabled yes >/dev/null 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
cli() { redis-cli -p "$port" "$@" 2>&1; }
for _ in $(seq 100); do cli ping >/dev/null && break; sleep 0.1; done
redis-server --version
cli cluster addslotsrange 0 16383 >/dev/null
for _ in $(seq 100); do cli cluster info | grep -q cluster_state:ok && break; sleep 0.1; done
cli set a 1 >/dev/null
cli set b 2 >/dev/null

changed=0
# see WHAT WANTED REDIS-COMMAND...: WANTED is how the reply, in one line, begins.
see() {
  local reply
  reply=$(cli "${@:3}" | tr '\n' ' ')
  printf '%-30s %s\n' "$1:" "$reply"
  [[ $reply == "$2"* ]] || changed=1
}
see "slot of a" "15495" cluster keyslot a
see "slot of b" "3300" cluster keyslot b
see "two GETs, both keys declared" "CROSSSLOT" eval "return {redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])}" 2 a b
see "two GETs, one key declared" "1 2" eval "return {redis.call('GET', KEYS[1]), redis.call('GET', 'b')}" 1 a
see "two GETs, none declared" "1 2" eval "return {redis.call('GET', 'a'), redis.call('GET', 'b')}" 0
see "the same with #!lua" "ERR Script attempted to access keys that do not hash" eval $'#!lua\nreturn {redis.call("GET", "a"), redis.call("GET", "b")}' 0
see "MGET" "CROSSSLOT" mget a b
see "MGET in a script" "ERR Script attempted to access a non local key" eval "return redis.call('MGET', 'a', 'b')" 0
if [ "$changed" = 1 ]; then
  echo "CHANGED: the cluster refuses or accepts otherwise"
  exit 1
fi
echo "as found: only the script that hides its keys runs; the error of MGET names a key that is not local, on the only node"
