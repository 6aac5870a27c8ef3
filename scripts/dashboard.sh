#!/bin/sh
# dashboard.sh: builds the dashboard and serves it on loopback, until it is stopped.
#
#   VIEWER=name      the demonstration's login to read as (dashboard, dashboard_east)
#   DATABASE=URI     another database than the demonstration's: its login needs duty viewer
#   PORT=n           where to listen
set -eu
. "$(dirname "$0")/lib.sh"
here=$ROOT/dashboard

"$ROOT/scripts/setup.sh" dashboard
"$ROOT/scripts/npm.sh"
say "building the pages"
node "$here/build.js"

if [ -n "${DATABASE:-}" ]; then
	say "reading the database given"
	cd "$here"
	# not as an argument: everybody here may read those, and it may hold a password
	CALIB_DATABASE=$DATABASE
	export CALIB_DATABASE
	exec node serve.js
fi

"$ROOT/scripts/cluster.sh" status demo >/dev/null 2>&1 || "$ROOT/scripts/demo.sh"
find_dir demo || die "the demonstration's cluster is not there"
use_pg || die "no pg_config at $PG_CONFIG"
. "$DIR/env"
psql -X -q -v ON_ERROR_STOP=1 -d calib -f "$here/demo.sql"
PGUSER=${VIEWER:-dashboard}
PGDATABASE=calib
export PGUSER PGDATABASE
say "reading as $PGUSER; Ctrl-C ends it, the demonstration's cluster stays (make demo-stop)"
cd "$here"
exec node serve.js
