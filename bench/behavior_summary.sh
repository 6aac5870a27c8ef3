#!/bin/sh
# Summaries of behavior beside plain SQL and beside reading them:
# bench/behavior_summary.sh [REPS=2000 in the environment; a year each]. The
# connection comes from PGHOST, PGPORT, PGDATABASE, PGUSER; the extension must be
# installed in that server. Fails on a wrong answer, never on a time.
set -eu
cd "$(dirname "$0")"
exec psql -X -q -v reps="${REPS:-2000}" -f behavior_summary.sql
