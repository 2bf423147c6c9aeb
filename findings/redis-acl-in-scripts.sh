#!/usr/bin/env bash
# What an ACL forbids, Redis refuses with the error code NOPERM and the name of the command. Within a script the code is
# ERR, and neither the command nor the key is named: a client that looks for NOPERM does not see that a right is missing.
# Only ACL LOG names them.
# Needs redis-server and redis-cli on the PATH.
set -euo pipefail
dir=$(mktemp -d)
port=$((20000 + RANDOM % 12000))
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no --dir "$dir" >/dev/null 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
cli() { redis-cli -p "$port" "$@" 2>&1; }
for _ in $(seq 100); do cli ping >/dev/null && break; sleep 0.1; done
redis-server --version
cli acl setuser app on '>pw' '~app:*' '+@all' -del >/dev/null

changed=0
# see WHAT CODE NAMED REDIS-COMMAND...: the reply begins with CODE and has the word NAMED in it ("!del" = has not).
see() {
  local reply
  reply=$(cli --user app --pass pw --no-auth-warning "${@:4}" | tr '\n' ' ')
  printf '%-28s %s\n' "$1:" "$reply"
  [[ $reply == "$2 "* ]] || changed=1
  case $3 in
    '!'*) [[ ${reply,,} != *"${3#!}"* ]] || changed=1 ;;
    *) [[ ${reply,,} == *"$3"* ]] || changed=1 ;;
  esac
}
see "DEL, a forbidden command" NOPERM del del app:1
see "the same in a script" ERR '!del' eval "return redis.call('DEL', KEYS[1])" 1 app:1
see "GET of a forbidden key" NOPERM key get other:1
see "the same in a script" ERR '!other:1' eval "return redis.call('GET', 'other:1')" 0
log=$(cli acl log 10 | tr '\n' ' ')
echo "ACL LOG: $(grep -o 'context [a-z]* object [a-z:0-9]*' <<<"$log" | tr '\n' ';')"
[[ $log == *"context lua object del"* && $log == *"context lua object other:1"* ]] || changed=1
if [ "$changed" = 1 ]; then
  echo "CHANGED: a script's error has another code or names what is missing"
  exit 1
fi
echo "as found: a right that a script lacks is an ERR without a name"
