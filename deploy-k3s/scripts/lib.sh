# shellcheck shell=bash
# What deploy.sh and rollback.sh share. Both set dry_run (yes or no), overlay and context first.
# shellcheck disable=SC2154 # they are the caller's

# die SENTENCE REMEDY: what failed, and what to do.
die() {
  printf 'error: %s\n' "$1" >&2
  if [ -n "${2:-}" ]; then printf '%s\n' "$2" >&2; fi
  exit 1
}

# usage_error SENTENCE: exit 2, as every command of the project.
usage_error() {
  printf 'error: %s\nSee: %s --help\n' "$1" "$0" >&2
  exit 2
}

step() { printf '== %s\n' "$*"; }

# k ARGS...: kubectl in the namespace; printed instead of run in a dry run.
k() {
  if [ "$dry_run" = yes ]; then
    printf '   %s' "${kubectl[*]}"
    printf ' %q' "$@"
    printf '\n'
    return 0
  fi
  "${kubectl[@]}" "$@"
}

# find_overlay: checks that the overlay exists, and sets folder, kubectl (the command with its context and
# namespace) and rollback (the command that undoes a roll-out).
find_overlay() {
  folder=$here/../overlays/$overlay
  if ! [ -f "$folder/kustomization.yaml" ]; then usage_error "there is no overlay '$overlay' in deploy-k3s/overlays."; fi
  local namespace
  namespace=$(sed -n 's/^namespace: *//p' "$folder/kustomization.yaml")
  if [ -z "$namespace" ]; then die "overlay $overlay names no namespace." "Add 'namespace: ...' to its kustomization.yaml."; fi
  kubectl=(kubectl ${context:+--context "$context"} --namespace "$namespace")
  # shellcheck disable=SC2034 # read by deploy.sh
  rollback="deploy-k3s/scripts/rollback.sh --overlay $overlay${context:+ --context $context}"
  if [ "$dry_run" = no ] && ! command -v kubectl >/dev/null 2>&1; then
    die "kubectl is not on PATH." "Install kubectl, or look at the commands with --dry-run."
  fi
}

check_seconds() {
  if ! [[ $1 =~ ^[1-9][0-9]*$ ]]; then usage_error "--timeout takes whole seconds, not '$1'."; fi
}
