#!/bin/sh
# test_dashboard.sh: the dashboard in a real browser, against a cluster of its own.
#
#   test_dashboard.sh             installs what is missing, then tests
#   test_dashboard.sh --if-there  tests where Node.js, npm and Chromium are; else says what is not
#   test_dashboard.sh down|up     stops and starts the cluster, for the test itself
#
# The last line is `N passed, N failed`. Screenshots are left in .run/screenshots.
set -eu
. "$(dirname "$0")/lib.sh"
name=dashboard-test
here=$ROOT/tests/dashboard

case ${1:-} in
	down)
		use_pg && find_dir $name
		as_server "$BIN/pg_ctl" -D "$DIR/data" -m fast -w stop >/dev/null
		exit 0
		;;
	up)
		use_pg && find_dir $name
		as_server "$BIN/pg_ctl" -D "$DIR/data" -l "$DIR/log" -w start >/dev/null
		exit 0
		;;
	--if-there)
		if [ "${CI:-}" = true ]; then
			"$ROOT/scripts/setup.sh" test-dashboard || {
				echo "skipped: what the browser test needs could not be installed"
				exit 0
			}
		fi
		for need in node npm chromium; do
			command -v $need >/dev/null || {
				echo "skipped: no $need here (make test-dashboard installs it)"
				exit 0
			}
		done
		"$ROOT/scripts/npm.sh" || {
			echo "skipped: npm ci failed"
			exit 0
		}
		;;
	'') "$ROOT/scripts/setup.sh" test-dashboard ;;
	*) die "usage: test_dashboard.sh [--if-there]" ;;
esac

"$ROOT/scripts/setup.sh" build
"$ROOT/scripts/npm.sh"
use_pg || die "no pg_config at $PG_CONFIG"
say "building the pages"
node "$ROOT/dashboard/build.js"
say "a cluster with the company of the demonstration"
trap '"$ROOT/scripts/cluster.sh" stop $name' EXIT
trap 'exit 1' INT TERM
"$ROOT/scripts/cluster.sh" start $name autovacuum=off >/dev/null
find_dir $name
. "$DIR/env"
play() {
	psql -X -q -v ON_ERROR_STOP=1 -d "$1" -f "$2" >/dev/null
}
createdb calib
createdb bare
psql -X -q -d calib -c 'CREATE EXTENSION calib'
psql -X -q -d bare -c 'CREATE EXTENSION calib'
play calib "$ROOT/demo/01_company.sql"
play calib "$ROOT/demo/02_jobs.sql"
play calib "$here/fixture.sql"
play calib "$ROOT/dashboard/demo.sql"
psql -X -q -d bare -c "INSERT INTO calib.duty (role_name, duty) VALUES ('dashboard_bare', 'viewer')"
say "the browser"
mkdir -p "$ROOT/.run/screenshots"
node "$here/browser.mjs" "$ROOT"
