#!/usr/bin/env bash
# Verifies the product on real servers: a lab with a 110 ms link, migrated and seeded, the API served over it,
# and warm-up, probe and load test against it. Prints their reports, stops everything, and exits with the worst code:
# 0 success, 1 could not complete, 3 a target missed or a finding, 4 inconclusive, 5 the measurement is invalid.
#
#   scripts/verify.sh [--keep]     --keep leaves the folder with every log and report behind
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

keep=no
case "${1:-}" in
  '') ;;
  --keep) keep=yes ;;
  *) echo "usage: scripts/verify.sh [--keep]" >&2; exit 2 ;;
esac

honeydue=$PWD/bin/honeydue
if ! [ -x "$honeydue" ]; then
  echo "verify: bin/honeydue is not built. Run: make verify" >&2
  exit 1
fi

# free_port: a port that nothing listens on. If another process takes it before serve does, serve fails and reports it.
free_port() {
  local port
  for _ in $(seq 50); do
    port=$((20000 + RANDOM % 10000))
    if ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return; fi
  done
  echo "verify: no free port was found between 20000 and 30000" >&2
  return 1
}

rtt=110ms
addr=127.0.0.1:$(free_port)
admin=127.0.0.1:$(free_port)
work=$(mktemp -d "${TMPDIR:-/tmp}/honeydue-verify.XXXXXX")
# The lab's servers run as another user when this one is root: they have to get into the folder.
chmod 711 "$work"
# Every process below carries this, so that a leftover can be recognized among other processes.
export HONEYDUE_VERIFY=$work
lab=$work/lab
pidfile=$work/serve.pid
serve=("$honeydue" serve --addr "$addr" --admin-addr "$admin" --drain-delay 0s)
lab_is_up=no
worst=0

# macOS has no timeout: there each command's own bounds have to do.
if ! command -v timeout >/dev/null 2>&1; then timeout() { shift; "$@"; }; fi

say() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }

# note CODE: keeps the most important exit code: 5 before 1 before 3 before 4. A code that no command of ours
# has (of a timeout or a signal) is a failure.
note() {
  local code=$1 known
  case "$code" in 0 | 2 | 3 | 4 | 5) ;; *) code=1 ;; esac
  for known in 2 5 1 3 4 0; do
    if [ "$known" = "$worst" ] || [ "$known" = "$code" ]; then
      worst=$known
      # With its status said: inside a trap a bare return gives the status from before the trap.
      return 0
    fi
  done
}

# left_behind: the processes of this run that are still there, one a line.
left_behind() {
  local pid dir
  if [ -d /proc/self ]; then
    for dir in /proc/[0-9]*; do
      pid=${dir#/proc/}
      if [ "$pid" = $$ ] || [ "$pid" = "$BASHPID" ] || [ "$(ps -o ppid= -p "$pid" 2>/dev/null | tr -d ' ')" = "$BASHPID" ]; then continue; fi
      if [[ "$(readlink "$dir/cwd" 2>/dev/null)" == "$work"* ]] ||
        grep -qsF "$work" "$dir/cmdline" "$dir/environ" 2>/dev/null; then
        ps -o pid=,args= -p "$pid" || true
      fi
    done
  else
    pgrep -fl "$work" || true
  fi
}

stop() {
  local status=$?
  trap - EXIT INT TERM
  if [ "$status" -ne 0 ]; then note "$status"; fi
  if [ -s "$pidfile" ]; then
    local pid
    pid=$(cat "$pidfile")
    kill -TERM "$pid" 2>/dev/null || true
    for _ in $(seq 150); do kill -0 "$pid" 2>/dev/null || break; sleep 0.2; done
    kill -KILL "$pid" 2>/dev/null && note 1
  fi
  if [ "$lab_is_up" = yes ]; then
    "$honeydue" lab down --data "$lab" >>"$work/lab.log" 2>&1 || note 1
  fi
  local rest='' _
  for _ in $(seq 50); do
    rest=$(left_behind)
    [ -n "$rest" ] || break
    sleep 0.2
  done
  if [ -n "$rest" ]; then
    printf 'verify: processes were left behind:\n%s\n' "$rest" >&2
    note 1
  else
    echo "verify: no process was left behind"
  fi
  if [ "$keep" = yes ] || [ "$worst" -eq 1 ]; then
    echo "verify: logs and reports are in $work"
  else
    rm -rf "$work"
  fi
  printf 'verify: exit code %d after %d s\n' "$worst" "$SECONDS"
  exit "$worst"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# fail SENTENCE LOG: what could not be done, and the end of its log.
fail() {
  echo "verify: $1" >&2
  if [ -s "${2:-}" ]; then tail -n 20 "$2" >&2; fi
  exit 1
}

say "lab: Postgres, PgBouncer and Redis behind a link of $rtt"
lab_is_up=yes
timeout 90 "$honeydue" lab up --detach --rtt "$rtt" --data "$lab" 2>&1 | tee "$work/lab.log" || fail "the lab did not start." "$work/lab.log"
env=$("$honeydue" lab env --data "$lab") || fail "the lab does not say how it is reached."
eval "$env"

say "migrate, seed"
timeout 60 "$honeydue" migrate up || fail "the migration failed."
timeout 120 "$honeydue" seed --users 3000 --residences-per-user 2 --tasks-per-residence 10 --completions-per-task 3 \
  --tokens "$work/tokens" || fail "the seed failed."

say "serve on $addr"
scripts/restart-serve.sh "$pidfile" "$work/serve.log" "${serve[@]}"
ready=no
for _ in $(seq 150); do
  if curl -fsS -m 2 "http://$addr/readyz" >"$work/readyz.json" 2>/dev/null; then ready=yes; break; fi
  kill -0 "$(cat "$pidfile")" 2>/dev/null || break
  sleep 0.2
done
# Another server's answer on that port is not ours.
kill -0 "$(cat "$pidfile")" 2>/dev/null || ready=no
[ "$ready" = yes ] || fail "serve did not become ready." "$work/serve.log"
cat "$work/readyz.json"
echo

# report NAME COMMAND...: runs a command that reports, keeps what it printed, and notes its exit code.
report() {
  local name=$1 status=0
  shift
  say "$name"
  "$@" | tee "$work/$name.txt" || status=$?
  note "$status"
}

# Few users only: the load test's cold phase needs users that no cache has seen.
HONEYDUE_TOKEN=$(head -n 1 "$work/tokens" | cut -d ' ' -f 2) \
  report warmup timeout 60 "$honeydue" warmup --target "http://$addr" --users 50
report probe timeout 90 "$honeydue" probe --target "http://$addr" --tokens "$work/tokens" --metrics-url "http://$admin"
report loadtest timeout 420 "$honeydue" loadtest --target "http://$addr" --tokens "$work/tokens" --rtt "$rtt" \
  --metrics-url "http://$admin/metrics" --state "$work/state" \
  --restart-cmd "scripts/restart-serve.sh $pidfile $work/serve.log ${serve[*]}"

say "verdicts"
sed -n '3p' "$work/probe.txt"
echo
awk '/^phase +verdict/, /^$/' "$work/loadtest.txt"
awk '/^Thresholds/, /^Each is claimed/' "$work/loadtest.txt"
echo
awk '/^Our own targets/, /^R is/' "$work/loadtest.txt"
echo
