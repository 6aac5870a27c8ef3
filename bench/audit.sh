#!/bin/sh
# The trail beside none and beside PL/pgSQL, and verify() beside raw SHA-256:
# bench/audit.sh [ROWS=100000 AUDIT_ROWS=1000000 RUNS=5 in the environment]. The
# connection comes from PGHOST, PGPORT, PGDATABASE, PGUSER; it drops and makes the
# extension there. Fails on a wrong answer, never on a time.
set -eu
cd "$(dirname "$0")"
psql -X -q -v rows="${ROWS:-100000}" -v runs="${RUNS:-5}" -f audit.sql
psql -X -q -v rows="${AUDIT_ROWS:-1000000}" -v runs="${RUNS:-5}" -f verify.sql
