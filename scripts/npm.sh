#!/bin/sh
# npm.sh: dashboard/node_modules as package-lock.json says, where it is not there yet.
# Fails where npm or its registry is out of reach.
set -eu
. "$(dirname "$0")/lib.sh"
here=$ROOT/dashboard
made=$here/node_modules/.calib-lock

cmp -s "$here/package-lock.json" "$made" && exit 0
command -v npm >/dev/null || die "npm is not here (scripts/setup.sh dashboard installs it)"
say "npm ci"
mkdir -p "$ROOT/.run"
# No package's script is run: none of these needs one.
(cd "$here" && npm ci --ignore-scripts --no-audit --no-fund --omit-lockfile-registry-resolved >"$ROOT/.run/npm.log" 2>&1) || {
	cat "$ROOT/.run/npm.log" >&2
	die "npm ci failed"
}
cp "$here/package-lock.json" "$made"
