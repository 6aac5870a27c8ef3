#!/bin/sh
# bench.sh [measures] [audit]: runs bench/*.sh on a throwaway cluster with sane
# settings; all of them where none is named.
# What it prints are ratios measured side by side; absolute times are the
# machine's.
set -eu
. "$(dirname "$0")/lib.sh"

"$ROOT/scripts/setup.sh" build
use_pg || die "no pg_config at $PG_CONFIG"
trap '"$ROOT/scripts/cluster.sh" stop bench' EXIT
trap 'exit 1' INT TERM
say "building and starting a throwaway cluster"
"$ROOT/scripts/cluster.sh" start bench shared_buffers=2GB work_mem=256MB jit=off \
	max_wal_size=4GB autovacuum=off >/dev/null
find_dir bench
. "$DIR/env"
createdb bench
PGDATABASE=bench
export PGDATABASE
psql -X -q -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION calib'
for b in ${*:-measures audit}; do
	say "bench/$b.sh"
	sh "$ROOT/bench/$b.sh"
done
say "done"
