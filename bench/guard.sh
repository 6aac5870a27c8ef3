#!/bin/sh
# The guard beside the same rules in PL/pgSQL: adjustments per second by 1, 4 and
# 16 clients, each on a target of its own and all on one. bench/guard.sh
# [RUNS=5 SECONDS_EACH=2 in the environment]; the connection comes from PGHOST, PGPORT,
# PGDATABASE, PGUSER, and the extension must be installed in that server. The
# two sides run in turn; the medians of all runs are printed, and their ratio,
# calib's rate / PL/pgSQL's. Fails on a wrong record or an error, never on a time.
set -eu
cd "$(dirname "$0")"
runs=${RUNS:-5}
seconds=${SECONDS_EACH:-2}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
psql -X -q -f guard.sql
export PGOPTIONS="-c calib.evidence=1 -c calib.reason=bench"

# adjust SIDE TARGET: a script that goes from 100 to 101 and back
adjust() {
	echo "UPDATE $1.target SET value = 201 - value WHERE target_id = $2;"
}
for side in calib calib_bench; do
	adjust $side :client_id >"$work/$side.disjoint"
	adjust $side 0 >"$work/$side.one"
done

# rate SIDE KIND CLIENTS: adjustments per second of one run
rate() {
	pgbench -n -c "$3" -j "$([ "$3" = 1 ] && echo 1 || echo 2)" -T "$seconds" -f "$work/$1.$2" 2>"$work/err" >"$work/out" || {
		cat "$work/err" >&2
		exit 1
	}
	sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$work/out"
}

median() {
	sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

printf '%-10s %8s %12s %12s %8s\n' targets clients calib/s PL/pgSQL/s ratio
for kind in disjoint one; do
	for clients in 1 4 16; do
		: >"$work/calib.rates"
		: >"$work/calib_bench.rates"
		i=0
		while [ $i -lt "$runs" ]; do
			for side in calib calib_bench; do
				rate $side $kind $clients >>"$work/$side.rates"
			done
			i=$((i + 1))
		done
		a=$(median <"$work/calib.rates")
		b=$(median <"$work/calib_bench.rates")
		printf '%-10s %8s %12.0f %12.0f %8s\n' $kind $clients "$a" "$b" "$(awk "BEGIN { printf \"%.2f\", $a / $b }")"
	done
done
for side in calib calib_bench; do
	[ "$(psql -X -A -t -c "SELECT calib_bench.sound('$side')")" = t ] || {
		echo "the record of $side does not add up, or its rules differ" >&2
		exit 1
	}
done
