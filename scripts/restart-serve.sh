#!/usr/bin/env bash
# Stops the server whose process id is in PIDFILE, if there is one, waits until it is gone, and starts another in
# the background. Returns at once after that; poll /readyz to know when the server is ready.
#   restart-serve.sh PIDFILE LOG COMMAND...
set -euo pipefail

if [ "$#" -lt 3 ]; then echo "usage: scripts/restart-serve.sh PIDFILE LOG COMMAND..." >&2; exit 2; fi
pidfile=$1 log=$2
shift 2

if [ -s "$pidfile" ]; then
  pid=$(cat "$pidfile")
  kill -TERM "$pid" 2>/dev/null || true
  # 30 s: serve's drain takes 20 at most.
  for _ in $(seq 300); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  if kill -0 "$pid" 2>/dev/null; then
    echo "restart-serve: process $pid did not end 30 s after SIGTERM; see $log" >&2
    exit 1
  fi
  rm -f "$pidfile"
fi
nohup "$@" >>"$log" 2>&1 </dev/null &
echo "$!" >"$pidfile"
