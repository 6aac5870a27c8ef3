#!/bin/sh
# real.sh DATA: loads a folder of real sales data (AdventureWorks resellers)
# into a throwaway cluster and prints attainment by quarter and person.
set -eu
. "$(dirname "$0")/lib.sh"

data=${1:-}
if [ -z "$data" ] || [ ! -d "$data" ]; then
	echo "usage: make real DATA=folder   (with the AdventureWorks reseller files)" >&2
	[ -z "$data" ] || echo "not a folder: $data" >&2
	exit 2
fi
data=$(cd "$data" && pwd -P)

"$ROOT/scripts/setup.sh" build
use_pg || die "no pg_config at $PG_CONFIG"
trap '"$ROOT/scripts/cluster.sh" stop real' EXIT
trap 'exit 1' INT TERM
say "building and starting a throwaway cluster"
"$ROOT/scripts/cluster.sh" start real shared_buffers=512MB >/dev/null
find_dir real
. "$DIR/env"
createdb calib
psql -X -q -v ON_ERROR_STOP=1 -d calib -c 'CREATE EXTENSION calib'
say "loading $data"
psql -X -q -v ON_ERROR_STOP=1 -v data="$data" -d calib \
	-f "$ROOT/tests/data/adventureworks.sql"
say "done"
