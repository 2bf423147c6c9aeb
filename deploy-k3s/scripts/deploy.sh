#!/usr/bin/env bash
# Rolls a version of honeydue out to k3s: settings, migration, pods, warm-up.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

help() {
  cat <<'TXT'
usage: deploy.sh --tag TAG [--overlay NAME] [--context NAME] [--timeout SECONDS] [--dry-run]

Rolls a version out, in this order, and stops at the first step that fails:
  1. settings, Redis and network policies
  2. the migration Job, on the direct database endpoint
  3. the Deployment; an old pod goes only when a new one is ready
  4. the warm-up Job

  --tag TAG           the image tag to roll out (required)
  --overlay NAME      a folder of deploy-k3s/overlays (production)
  --context NAME      a context of your kubeconfig (the current one)
  --timeout SECONDS   for the roll-out, and for each Job (600)
  --dry-run           print the commands; nothing is asked of a cluster
  --help              this text

Exit: 0 rolled out and warm, 1 a step failed (the message says what to do), 2 usage.
TXT
}

tag='' overlay=production context='' timeout=600 dry_run=no
while [ "$#" -gt 0 ]; do
  case "$1" in
    --tag | --overlay | --context | --timeout)
      if [ "$#" -lt 2 ]; then usage_error "$1 needs a value."; fi
      declare "${1#--}=$2"
      shift 2
      ;;
    --dry-run) dry_run=yes; shift ;;
    --help | -h) help; exit 0 ;;
    *) usage_error "unknown argument $1." ;;
  esac
done
if [ -z "$tag" ]; then usage_error "--tag is missing."; fi
if ! [[ $tag =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ ]]; then usage_error "'$tag' is not an image tag."; fi
check_seconds "$timeout"
find_overlay

# The tag is set in the rendered file: the overlay in the repository stays as it is.
rendered=$(mktemp)
trap 'rm -f "$rendered"' EXIT
step "render overlay $overlay with tag $tag"
if [ "$dry_run" = yes ]; then
  printf '   kubectl kustomize deploy-k3s/overlays/%s | sed s/set-by-deploy.sh/%s/ > RENDERED\n' "$overlay" "$tag"
else
  kubectl kustomize "$folder" | sed "s/:set-by-deploy\.sh\$/:$tag/" >"$rendered" ||
    die "the overlay $overlay can't be rendered." "To see the error, run: kubectl kustomize deploy-k3s/overlays/$overlay"
  if ! grep -q ":$tag\$" "$rendered"; then
    die "the overlay $overlay has no image with the tag set-by-deploy.sh." "Give its honeydue image 'newTag: set-by-deploy.sh'."
  fi
fi
file=$rendered
if [ "$dry_run" = yes ]; then file=RENDERED; fi

# apply STEP: the objects with that label.
apply() { k apply -f "$file" -l "honeydue.app/step=$1"; }

# run_job STEP: a Job is immutable, so the last one goes first. Waits until it has completed or failed.
run_job() {
  local job=honeydue-$1 deadline=$((SECONDS + timeout)) state
  k delete job "$job" --ignore-not-found --wait=true || return 1
  apply "$1" || return 1
  if [ "$dry_run" = yes ]; then
    k wait --for=condition=complete "job/$job" "--timeout=${timeout}s"
    return 0
  fi
  while [ "$SECONDS" -lt "$deadline" ]; do
    state=$("${kubectl[@]}" get job "$job" -o 'jsonpath={.status.conditions[?(@.status=="True")].type}') || return 1
    case " $state " in
      *' Complete '*) return 0 ;;
      *' Failed '*) break ;;
    esac
    sleep 2
  done
  "${kubectl[@]}" logs "job/$job" --tail=40 >&2 || true
  return 1
}

step "1. settings, Redis and network policies"
apply config || die "the settings were not applied." "Nothing was rolled out. Fix the error that kubectl printed above, and deploy again."
if [ "$dry_run" = yes ]; then
  k get secret honeydue
else
  k get secret honeydue >/dev/null ||
    die "there is no Secret honeydue in the namespace." "Fill in deploy-k3s/secret.template.yaml outside the repository and apply it."
fi

step "2. migration on the direct endpoint"
run_job migrate ||
  die "the migration failed or did not end within $timeout s; its last lines are above." \
    "The running version is untouched. Look with: ${kubectl[*]} logs job/honeydue-migrate"

step "3. roll-out"
apply app || die "the Deployment was not applied." "Fix the error that kubectl printed above, and deploy again."
k rollout status deployment/honeydue "--timeout=${timeout}s" ||
  die "the new pods were not ready within $timeout s; the old ones still serve." "Roll back with: $rollback"

step "4. warm-up"
run_job warmup ||
  die "version $tag is live, but the warm-up failed; first requests may be slow." \
    "Try again with: ${kubectl[*]} exec deployment/honeydue -- honeydue warmup --target http://honeydue
Or roll back with: $rollback"

step "done"
if [ "$dry_run" = no ]; then printf 'honeydue %s is live and warm. To roll back: %s\n' "$tag" "$rollback"; fi
