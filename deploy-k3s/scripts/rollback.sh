#!/usr/bin/env bash
# Puts the previous version of honeydue back, and warms it up.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

help() {
  cat <<'TXT'
usage: rollback.sh [--to-revision N] [--overlay NAME] [--context NAME] [--timeout SECONDS] [--dry-run]

Puts the Deployment back to its previous revision (with the settings it ran with), waits, and warms it up.
The database's schema stays: migrations are written so that the version before can run on them.

  --to-revision N     instead of the previous one; list them with: kubectl rollout history deployment/honeydue
  --overlay NAME      a folder of deploy-k3s/overlays (production)
  --context NAME      a context of your kubeconfig (the current one)
  --timeout SECONDS   for the roll-out (600)
  --dry-run           print the commands; nothing is asked of a cluster
  --help              this text

Exit: 0 rolled back and warm, 1 a step failed (the message says what to do), 2 usage.
TXT
}

to_revision='' overlay=production context='' timeout=600 dry_run=no
while [ "$#" -gt 0 ]; do
  case "$1" in
    --to-revision | --overlay | --context | --timeout)
      if [ "$#" -lt 2 ]; then usage_error "$1 needs a value."; fi
      name=${1#--}
      declare "${name//-/_}=$2"
      shift 2
      ;;
    --dry-run) dry_run=yes; shift ;;
    --help | -h) help; exit 0 ;;
    *) usage_error "unknown argument $1." ;;
  esac
done
if [ -n "$to_revision" ] && ! [[ $to_revision =~ ^[1-9][0-9]*$ ]]; then
  usage_error "--to-revision takes a number, not '$to_revision'."
fi
check_seconds "$timeout"
find_overlay

step "1. roll back"
k rollout undo deployment/honeydue ${to_revision:+"--to-revision=$to_revision"} ||
  die "the rollback was refused." "List the revisions with: ${kubectl[*]} rollout history deployment/honeydue"
k rollout status deployment/honeydue "--timeout=${timeout}s" ||
  die "the pods were not ready within $timeout s." "To see why, run: ${kubectl[*]} describe pods -l app.kubernetes.io/name=honeydue"

# In a pod of the version that serves now: the warm-up Job has the image of the version that was rolled back.
step "2. warm-up"
k exec deployment/honeydue -- honeydue warmup --target http://honeydue ||
  die "the rollback is live, but the warm-up failed; first requests may be slow." "Run the same command again: it is safe to repeat."

step "done"
