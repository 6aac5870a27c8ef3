#!/bin/sh
# bench.sh [measures] [behavior_summary] [guard] [audit] [feed]: runs
# bench/NAME.sh, all where none is named, on a throwaway cluster with sane
# settings, each in a database of its own.
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
[ $# -gt 0 ] || set -- measures behavior_summary guard audit feed
for name in "$@"; do
	[ -e "$ROOT/bench/$name.sh" ] || die "there is no bench/$name.sh"
	createdb "$name"
	PGDATABASE=$name
	export PGDATABASE
	psql -X -q -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION calib'
	say "bench/$name.sh"
	sh "$ROOT/bench/$name.sh"
done
say "done"
