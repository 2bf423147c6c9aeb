#!/usr/bin/env bash
# Proves that the linter enforces the layers: plants every import from one package to another in a temporary
# module, runs the linter with the project's own rules, and requires depguard to refuse exactly the imports
# of the same or a higher layer.
#   check-imports.sh LINTER...   the command that runs golangci-lint
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

if [ "$#" -eq 0 ]; then echo "usage: scripts/check-imports.sh LINTER..." >&2; exit 2; fi
# A relative -modfile would be searched in the temporary module.
linter=("${@/-modfile=/-modfile=$root/}")

# package: the packages that it may import.
layers='
link:
report:
telemetry:
config:
household:
store: household link report telemetry
cache: household link report telemetry
lab: household link report telemetry
api: household link report telemetry store cache lab
probe: household link report telemetry store cache lab api
bench: household link report telemetry store cache lab api
warmup: household link report telemetry store cache lab api
verify: household link report telemetry store cache lab api
'
# A package inside one of these, and what it may import.
inner='
probe/facts: link store cache
probe/check: store cache probe/facts
probe/collect: link store cache api probe/facts probe/check probe/collect/dial probe/collect/kube probe/collect/redis probe/collect/app
probe/collect/dial: link store cache probe/facts probe/check
probe/collect/kube: probe/facts probe/check probe/collect/dial
probe/collect/redis: link cache probe/facts probe/check probe/collect/dial
probe/collect/app: link cache api probe/facts probe/check probe/collect/dial
probe/render: report probe/facts probe/check
bench/stats:
'
# A library and its owner: the import path, then the only package that may import it.
owners='
github.com/jackc/pgx/v5/pgxpool store
github.com/gin-gonic/gin api
github.com/danielgtaylor/huma/v2 api
github.com/caarlos0/env/v11 config
github.com/olekukonko/tablewriter report
'

packages=$(sed -n 's/^\([a-z]*\):.*/\1/p' <<<"$layers")
shopt -s nullglob
for dir in internal/*/; do
  package=$(basename "$dir")
  if [ "$package" = cli ]; then continue; fi
  if ! grep -qx "$package" <<<"$packages"; then
    echo "check-imports: internal/$package has no layer. Add it here, in .golangci.yml and in docs/architecture.md." >&2
    exit 1
  fi
done

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp .golangci.yml "$copy/"
printf 'module github.com/honeydue/honeydue\n\ngo 1.26\n' >"$copy/go.mod"

# plant DIR IMPORT: a package in DIR that imports IMPORT.
plant() {
  mkdir -p "$copy/$1"
  printf '// Package planted has one import.\npackage planted\n\nimport _ "%s" // planted\n' "$2" >"$copy/$1/planted.go"
}
for package in $packages; do
  mkdir -p "$copy/internal/$package"
  printf '// Package %s is empty.\npackage %s\n' "$package" "$package" >"$copy/internal/$package/empty.go"
done

wrong=() right=()
while IFS=: read -r from allowed; do
  [ -n "$from" ] || continue
  for to in $packages; do
    if [ "$from" = "$to" ]; then continue; fi
    plant "internal/$from/to_$to" "github.com/honeydue/honeydue/internal/$to"
    case " $allowed " in
      *" $to "*) right+=("internal/$from/to_$to/planted.go") ;;
      *) wrong+=("internal/$from/to_$to/planted.go") ;;
    esac
  done
  # labtest is for tests only; tests may use it from layer 2 up.
  if [ "$from" != lab ]; then
    plant "internal/$from/to_labtest" github.com/honeydue/honeydue/internal/lab/labtest
    wrong+=("internal/$from/to_labtest/planted.go")
  fi
  n=0
  while read -r library owner; do
    [ -n "$library" ] || continue
    n=$((n + 1))
    plant "internal/$from/to_library$n" "$library"
    if [ "$from" = "$owner" ]; then right+=("internal/$from/to_library$n/planted.go"); else wrong+=("internal/$from/to_library$n/planted.go"); fi
  done <<<"$owners"
done <<<"$layers"
# The command line: the root imports its commands, a command imports what all of them share, main imports cli alone.
shared="app exit term" commands=""
for dir in internal/cli/*cmd/; do commands+=" $(basename "$dir")"; done
for package in $shared $commands; do
  mkdir -p "$copy/internal/cli/$package"
  printf '// Package %s is empty.\npackage %s\n' "$package" "$package" >"$copy/internal/cli/$package/empty.go"
done
printf '// Package cli is empty.\npackage cli\n' >"$copy/internal/cli/empty.go"
# expect right|wrong DIR IMPORT: plants it and records what is expected.
expect() {
  plant "$2" "github.com/honeydue/honeydue/internal/$3"
  if [ "$1" = right ]; then right+=("$2/planted.go"); else wrong+=("$2/planted.go"); fi
}
inside=$(sed -n 's/^\([a-z/]*\):.*/\1/p' <<<"$inner")
for package in $inside; do
  mkdir -p "$copy/internal/$package"
  printf '// Package %s is empty.\npackage %s\n' "${package##*/}" "${package##*/}" >"$copy/internal/$package/empty.go"
done
while IFS=: read -r from allowed; do
  [ -n "$from" ] || continue
  for to in $packages $inside; do
    if [ "$from" = "$to" ]; then continue; fi
    case " $allowed " in
      *" $to "*) expect right "internal/$from/to_${to//\//_}_" "$to" ;;
      *) expect wrong "internal/$from/to_${to//\//_}_" "$to" ;;
    esac
  done
done <<<"$inner"
for to in $packages; do
  expect wrong "cmd/honeydue/to_$to" "$to"
  expect wrong "internal/$to/to_cli" cli
  expect wrong "internal/$to/to_app" cli/app
  expect wrong "internal/cli/exit/to_$to" "$to"
  if [ "$to" = report ]; then expect right "internal/cli/term/to_$to" "$to"; else expect wrong "internal/cli/term/to_$to" "$to"; fi
  for from in cli cli/app ${commands// / cli/}; do expect right "internal/$from/to_$to" "$to"; done
done
expect right cmd/honeydue/to_cli cli
for to in $shared; do expect right "internal/cli/to_$to" "cli/$to"; done
for from in $commands; do
  expect right "internal/cli/to_${from}_" "cli/$from" # its name must not end like a command's
  for to in $shared; do expect right "internal/cli/$from/to_$to" "cli/$to"; done
  for to in $commands; do
    if [ "$from" != "$to" ]; then expect wrong "internal/cli/$from/to_$to" "cli/$to"; fi
  done
  for low in $shared; do expect wrong "internal/cli/$low/to_$from" "cli/$from"; done
done
for to in exit term; do expect right "internal/cli/app/to_$to" "cli/$to"; done
for from in exit term; do expect wrong "internal/cli/$from/to_app" cli/app; done
plant internal/bench/to_flags github.com/spf13/cobra
wrong+=(internal/bench/to_flags/planted.go)

# On a new machine this downloads and builds the linter, which the run below, without a proxy, could not.
"${linter[@]}" version >/dev/null

status=0
(cd "$copy" && GOFLAGS=-mod=mod GOPROXY=off "${linter[@]}" run --enable-only depguard --output.text.path "$copy/found" ./...) >"$copy/log" 2>&1 || status=$?
# 1 is golangci-lint's "issues found": the only expected outcome.
if [ "$status" -ne 1 ] || [ ! -s "$copy/found" ]; then
  echo "check-imports: the linter ended with $status instead of finding the planted imports:" >&2
  cat "$copy/log" "$copy/found" >&2 2>/dev/null || true
  exit 1
fi

failures=0
for file in "${wrong[@]}"; do
  if ! grep -q "^$file:.*(depguard)$" "$copy/found"; then
    echo "check-imports: not refused: $file: $(grep '^import' "$copy/$file")" >&2
    failures=$((failures + 1))
  fi
done
for file in "${right[@]}"; do
  if grep -q "^$file:.*(depguard)$" "$copy/found"; then
    echo "check-imports: refused, but allowed: $(grep "^$file:" "$copy/found")" >&2
    failures=$((failures + 1))
  fi
done
if [ "$failures" -ne 0 ]; then exit 1; fi
echo "check-imports: depguard refused all ${#wrong[@]} forbidden imports and none of the ${#right[@]} allowed ones"
