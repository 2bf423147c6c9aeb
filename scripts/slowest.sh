#!/usr/bin/env bash
# slowest.sh COMMAND...: runs COMMAND, passes its output on, and ends with the ten packages that took go test longest.
set -euo pipefail

log=$(mktemp)
trap 'rm -f "$log"' EXIT
code=0
"$@" 2>&1 | tee "$log" || code=$?

slowest=$(awk '($1 == "ok" || $1 == "FAIL") && $3 ~ /^[0-9.]+s$/ { printf "%8.1f s  %s\n", $3, $2 }' "$log" | sort -rn | awk 'NR <= 10')
if [[ -n $slowest ]]; then
  printf '\nthe slowest packages:\n%s\n' "$slowest"
fi
exit "$code"
