#!/bin/sh
# The measures beside plain SQL: bench/measures.sh [ROWS=10000000 in the
# environment].  The connection comes from PGHOST, PGPORT, PGDATABASE, PGUSER;
# the extension must be installed in that server.  Fails on a wrong answer,
# never on a time.
set -eu
cd "$(dirname "$0")"
exec psql -X -q -v rows="${ROWS:-10000000}" -f measures.sql
