#!/bin/sh
# demo.sh: from a fresh clone to the scenario's tables, and a cluster left up
# to look around in. Each run starts from nothing.
set -eu
. "$(dirname "$0")/lib.sh"

"$ROOT/scripts/setup.sh" build
use_pg || die "no pg_config at $PG_CONFIG"
say "building for $("$PG_CONFIG" --version)"
build
say "starting a throwaway cluster"
"$ROOT/scripts/cluster.sh" start demo --cron calib >/dev/null
find_dir demo
. "$DIR/env"
createdb calib
say "create extension calib"
psql -X -q -v ON_ERROR_STOP=1 -d calib -c 'CREATE EXTENSION calib' -c 'CREATE EXTENSION pg_cron'
# psql names the file in each error: without the way to it that reads better.
cd "$ROOT"
for f in demo/*.sql; do
	[ -e "$f" ] || continue
	say "$f"
	psql -X -v ON_ERROR_STOP=1 -q -d calib -f "$f"
done
say "done; the cluster is up"
cat <<-EOF

	Look around:  $BIN/psql -h $DIR -U postgres calib
	In its time:  SET calib.clock = '2025-12-09 18:00+08';   -- by today's date the running quarter is empty
	Stop it:      make demo-stop
EOF
