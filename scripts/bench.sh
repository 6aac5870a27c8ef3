#!/bin/sh
# bench.sh [measures] [behavior_summary] [guard] [audit] [feed] [company]: runs
# bench/NAME.sh on a throwaway cluster with sane settings, each in a database of its
# own. Where none is named: company where SCALE (small, medium, large) is set, else
# all the others.
# What it prints are ratios measured side by side; absolute times are the
# machine's.
set -eu
. "$(dirname "$0")/lib.sh"

"$ROOT/scripts/setup.sh" build
use_pg || die "no pg_config at $PG_CONFIG"
trap '"$ROOT/scripts/cluster.sh" stop bench' EXIT
trap 'exit 1' INT TERM
say "building and starting a throwaway cluster"
if [ $# = 0 ] && [ -n "${SCALE:-}" ]; then set -- company; fi
settings="shared_buffers=2GB max_wal_size=4GB"
if [ "$*" = company ]; then
	"$ROOT/scripts/setup.sh" bench
	settings="shared_buffers=4GB effective_cache_size=12GB max_wal_size=8GB maintenance_work_mem=1GB
		wal_level=minimal max_wal_senders=0 synchronous_commit=off full_page_writes=off random_page_cost=1.1"
fi
# shellcheck disable=SC2086 # a list of settings
"$ROOT/scripts/cluster.sh" start bench work_mem=256MB jit=off autovacuum=off $settings >/dev/null
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
