#!/bin/sh
# tamper.sh [ACTS=10000] [SEED]: random tampering with sealed rows of the ledger on
# a throwaway cluster; fails where one act is missed or told of the wrong row.
set -eu
. "$(dirname "$0")/lib.sh"

acts=${1:-10000}
seed=${2:-0.$(date +%N | cut -c1-6)}
"$ROOT/scripts/setup.sh" build
use_pg || die "no pg_config at $PG_CONFIG"
trap '"$ROOT/scripts/cluster.sh" stop tamper' EXIT
trap 'exit 1' INT TERM
say "building and starting a throwaway cluster"
"$ROOT/scripts/cluster.sh" start tamper autovacuum=off jit=off >/dev/null
find_dir tamper
. "$DIR/env"
createdb tamper
psql -X -q -v ON_ERROR_STOP=1 -d tamper -c 'CREATE EXTENSION calib'
say "$acts acts, seed $seed"
psql -X -d tamper -v acts="$acts" -v seed="$seed" -f "$ROOT/tests/ledger/tamper.sql"
say "done"
