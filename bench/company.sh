#!/bin/sh
# A generated company and its dashboards, beside what people use today:
# bench/company.sh [in the environment SCALE=ci|small|medium|large, PARTS="profile page
# ...", RUNS=5, REUSE=1 to take the database company as it is]. The connection comes
# from PGHOST, PGPORT, PGUSER; the extension must be installed in that server, and the
# databases company and company_* are made anew there. Fails on a wrong answer, never on
# a time. What a part does stands at its head: bench/company/PART.sh.
set -eu
cd "$(dirname "$0")"
T0=$(date +%s)
say() { printf '[%4ds] %s\n' "$(($(date +%s) - T0))" "$*"; }
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
. company/turns.sh

scale=${SCALE:-small}
runs=${RUNS:-5}
parts='profile page growth rep late load memory'
case $scale in
	# for the tests: nothing but answers
	ci) reps=100 rows=100000 parts='profile page rep late memory' ;;
	small) reps=200 rows=400000 copied=50000 seconds=2 ;;
	medium) reps=4000 rows=20000000 copied=1000000 seconds=10 ;;
	large) reps=20000 rows=100000000 copied=10000000 seconds=20 ;;
	*) die "SCALE is ci, small, medium or large" ;;
esac
seed=20251119
work=$(mktemp -d "${TMPDIR:-/tmp}/calib-company.XXXXXX")
engines=
trap 'exec 3>&- 5>&-; wait; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
: >"$work/took"
PGOPTIONS="-c client_min_messages=warning"
export PGOPTIONS

. company/generate.sh
say "scale $scale: $reps reps, about $rows activities a year; all generated"
[ "${REUSE:-}" = 1 ] || generate company "$rows"
PGDATABASE=company
export PGDATABASE
engine duckdb @duckdb/node-api
engine clickhouse chdb
load_engines
for part in ${PARTS:-$parts}; do
	say "$part"
	. "company/$part.sh"
done
. company/report.sh
if [ -s "$work/wrongs" ]; then
	sort -u "$work/wrongs" | sed 's/^/WRONG: /'
	exit 1
fi
