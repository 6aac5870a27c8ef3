# Memory: calib's aggregates over all rows with a work_mem of 4 MB have to spill, give
# the same rows, and stay small. Peak of the backend's own memory from /proc (Linux).
[ "$(run -A -t -c "SELECT count(*) FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid
	WHERE p.pronamespace = 'calib'::regnamespace AND a.aggtranstype = 'internal'::regtype AND a.aggtransspace = 0")" = 0 ] || echo "memory: an aggregate without SSPACE" >>"$work/wrongs"

# spilled NAME FILE: rows, temporary files and peak memory of a query in a small work_mem
spilled() {
	{ printf '%s\n' "SET work_mem = '4MB'; SET hash_mem_multiplier = 1; SET max_parallel_workers_per_gather = 0; SET application_name = 'calib bench memory';"; cat "$2"; } >"$work/small.sql"
	before=$(run -A -t -c "SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()")
	pg_rows "$work/small.sql" "$work/rows" >/dev/null &
	asked=$!
	peak=0
	while kill -0 $asked 2>/dev/null; do
		pid=$(run -A -t -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'calib bench memory' LIMIT 1")
		now=$(awk '/^RssAnon/ { print $2 }' "/proc/${pid:-none}/status" 2>/dev/null || true)
		[ "${now:-0}" -le $peak ] || peak=$now
		sleep 0.05
	done
	wait $asked
	sleep 1
	after=$(run -A -t -c "SELECT pg_stat_clear_snapshot()" -c "SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()" | tail -n 1)
	echo "$1	$(wc -l <"$work/rows")	$(((after - before) >> 20))	$((peak >> 10))" >>"$work/memory"
}
: >"$work/memory"
spilled 'behavior() by rep and quarter' company/profile/calib.sql
pg_rows company/profile/calib.sql "$work/profile.rows" >/dev/null
same profile "in little memory" "$work/rows"
printf '%s\n' 'SELECT customer_id % 1000, count(*), calib.concentration(unit_id) FROM calib.activity GROUP BY 1;' >"$work/concentration.sql"
spilled 'concentration() by 1000 groups' "$work/concentration.sql"
printf '%s\n' "SELECT unit_id, calib.events(calib.rollup(b)) FROM (SELECT unit_id, calib.behavior(occurred_at, customer_id, kind, quantity) AS b FROM calib.activity GROUP BY unit_id, occurred_at::date) x GROUP BY 1;" >"$work/rollup.sql"
spilled 'rollup() of days by rep' "$work/rollup.sql"
