#!/usr/bin/env bash
# Searches the tree and the history for secrets. First it proves that the search works: a key made up on
# the spot has to be found, or a broken rule set would pass for a clean repository.
#   secrets.sh GITLEAKS...   the command that runs gitleaks
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "$#" -eq 0 ]; then echo "usage: scripts/secrets.sh GITLEAKS..." >&2; exit 2; fi
scan=("$@")
flags=(--no-banner --redact --config .gitleaks.toml --log-level warn)

planted=$(mktemp -d)
trap 'rm -rf "$planted"' EXIT
# Written in two halves, so that this file holds no key.
printf 'aws_access_key_id = "%s%s"\n' AKIA "$(LC_ALL=C tr -dc 'A-Z2-7' </dev/urandom | head -c 16 || true)" >"$planted/canary.txt"
status=0
"${scan[@]}" dir "$planted" "${flags[@]}" >/dev/null 2>&1 || status=$?
if [ "$status" -ne 1 ]; then
  echo "secrets: gitleaks did not find the planted key (exit $status). Check .gitleaks.toml." >&2
  exit 1
fi

# What git tracks, not what the build left behind.
tree=$planted/tree
mkdir "$tree"
git ls-files -z | tar --null --files-from=- -cf - | tar -xf - -C "$tree"
"${scan[@]}" dir "$tree" "${flags[@]}"
"${scan[@]}" git . "${flags[@]}"
echo "secrets: the planted key was found; nothing else, in $(git ls-files | wc -l) files and $(git rev-list --count HEAD) commits"
