#!/bin/sh
# What a push feed costs: bench/feed.sh [ROWS=1000000 RUNS=5 SECONDS_EACH=3 CLIENTS=8 in
# the environment]. A COPY of ROWS activities into the plain table, into one with foreign
# keys, with a push feed, and with the same feed as a row trigger in PL/pgSQL, in
# turn; then single-row INSERTs by CLIENTS clients. The connection comes from
# PGHOST, PGPORT, PGDATABASE, PGUSER, and the extension must be installed in that
# server. Fails on a wrong fact or an error, never on a time.
set -eu
cd "$(dirname "$0")"
rows=${ROWS:-1000000}
runs=${RUNS:-5}
seconds=${SECONDS_EACH:-3}
clients=${CLIENTS:-8}
kinds='plain keys push plpgsql'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run() { psql -X -q -v ON_ERROR_STOP=1 "$@"; }
run -v rows="$rows" -f feed.sql
file=$(run -A -t -c "SELECT current_setting('data_directory') || '/bench_feed.copy'")

i=1
while [ "$i" -le "$runs" ]; do
	for kind in $kinds; do
		run -c CHECKPOINT -c "CALL calib_bench.load('$kind', $i, '$file')"
	done
	i=$((i + 1))
done

for kind in $kinds; do
	cat >"$work/$kind" <<-END
		\set owner random(2, 1001)
		\set other random(1, 50000)
		INSERT INTO calib_bench.$kind VALUES (nextval('calib_bench.number'), :owner, :other, :other, 'Meeting', 'One more', now(), now());
	END
done
run -c 'CALL calib_bench.clear()'
i=1
while [ "$i" -le "$runs" ]; do
	for kind in $kinds; do
		pgbench -n -M prepared -c "$clients" -j 2 -T "$seconds" -f "$work/$kind" >"$work/out" 2>"$work/err" || {
			cat "$work/err" >&2
			exit 1
		}
		run -c "INSERT INTO calib_bench.took VALUES ('INSERT', '$kind', $i, 1 / $(sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$work/out"), NULL)"
	done
	i=$((i + 1))
done
for kind in push plpgsql; do
	[ "$(run -A -t -c "SELECT calib_bench.sound('$kind')")" = t ] || {
		echo "the facts of $kind are not what its rows say" >&2
		exit 1
	}
done

run -v rows="$rows" -v clients="$clients" <<'END'
\pset footer off
\echo COPY of :rows rows, microseconds a row (elapsed, and CPU of the backend)
SELECT kind, count(*) AS runs,
    round((1e6 * min(seconds) / :rows)::numeric, 2) AS min,
    round((1e6 * percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) / :rows)::numeric, 2) AS median,
    round((1e6 * max(seconds) / :rows)::numeric, 2) AS max,
    round((1e6 * percentile_cont(0.5) WITHIN GROUP (ORDER BY cpu) / :rows)::numeric, 2) AS cpu_median
FROM calib_bench.took WHERE act = 'COPY' GROUP BY kind ORDER BY min(ctid);

\echo Ratios, each from the same round: what the feed adds to each, and as a share of what PL/pgSQL adds
WITH side AS (
    SELECT run, measured,
        max(value) FILTER (WHERE kind = 'plain') AS plain, max(value) FILTER (WHERE kind = 'keys') AS keys,
        max(value) FILTER (WHERE kind = 'push') AS push, max(value) FILTER (WHERE kind = 'plpgsql') AS plpgsql
    FROM calib_bench.took, LATERAL (VALUES ('elapsed', seconds), ('cpu', cpu)) AS m (measured, value)
    WHERE act = 'COPY' GROUP BY run, measured
), ratio AS (
    SELECT measured, r.n, r.ratio, r.value FROM side, LATERAL (VALUES
        (1, 'added by push / plain', (push - plain) / plain), (2, 'added by push / plain with foreign keys', (push - plain) / keys),
        (3, 'added by push / added by PL/pgSQL', (push - plain) / (plpgsql - plain))) AS r (n, ratio, value)
)
SELECT ratio, measured, round(min(value)::numeric, 2) AS min,
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY value)::numeric, 2) AS median, round(max(value)::numeric, 2) AS max
FROM ratio GROUP BY n, ratio, measured ORDER BY n, measured DESC;

\echo Single-row INSERTs a second by :clients clients
SELECT kind, round(min(1 / seconds)::numeric) AS min,
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY 1 / seconds)::numeric) AS median, round(max(1 / seconds)::numeric) AS max
FROM calib_bench.took WHERE act = 'INSERT' GROUP BY kind ORDER BY min(ctid);
END
