# generate.sh: makes a company's database and fills it. Sourced by company.sh.
#
# generate DATABASE ROWS: :reps reps and about ROWS activities. Two clients fill a day each,
# in turn; a foreign key's check a row would take longer than all the rest,
# and is left out (session_replication_role); calib's own triggers are not.
generate() {
	psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $1" -c "CREATE DATABASE $1"
	run -d "$1" -v reps="$reps" -v seed="$seed" -f company/tree.sql
	run -d "$1" -v reps="$reps" -v seed="$seed" -f company/facts.sql
	run -d "$1" -v reps="$reps" -v rows="$2" -f company/acts.sql
	for half in 0 1; do
		run -d "$1" >/dev/null <<-END &
			SET session_replication_role = replica;
			SELECT format('CALL company.fill(%L, $seed)', day) FROM company.day WHERE n % 2 = $half ORDER BY n \gexec
		END
		eval "pid$half=$!"
	done
	wait "$pid0" && wait "$pid1" || die "$1 could not be filled"
	run -d "$1" -c 'VACUUM (ANALYZE, FREEZE)'
	filled=$(date +%s)
	roll_up "$1"
	# the other job that a page stands on: results of all that is below each unit
	run -d "$1" -A -t -c 'SELECT calib.run_maintain(calib.clock())' >/dev/null
	run -d "$1" -c 'VACUUM (ANALYZE)'
	say "$1: summed up in $(($(date +%s) - filled)) s"
	say "$1: $(run -d "$1" -A -t -c "SELECT format('%s activities in %s MB, and %s MB of indexes', (SELECT count(*) FROM calib.activity),
		(sum(pg_table_size(c.oid)) / 1048576)::bigint, (sum(pg_indexes_size(c.oid)) / 1048576)::bigint)
		FROM pg_class c WHERE c.oid = 'calib.activity'::regclass OR c.oid IN (SELECT relid FROM pg_partition_tree('calib.activity') WHERE isleaf)")"
}

# roll_up DATABASE: the job, until nothing is left to sum up
roll_up() {
	while [ "$(run -d "$1" -A -t -c 'SELECT calib.run_rollup(calib.clock())' -c 'SELECT count(*) FROM calib.activity_mark' | tail -n 1)" != 0 ]; do :; done
}

# The other engines' own tables, from the same rows.
load_engines() {
	[ -n "$engines" ] || return 0
	mkdir -p "$work/csv"
	run -c "\\copy (SELECT unit_id, customer_id, kind, outcome, quantity, occurred_at AT TIME ZONE 'Asia/Shanghai' FROM calib.activity) TO '$work/csv/activity.csv' CSV" \
		-c "\\copy (SELECT unit_id, region_id, coalesce(extract(epoch FROM joined::timestamptz), 0), coalesce(extract(epoch FROM lower(during)::timestamptz), 0), coalesce(extract(epoch FROM upper(during)::timestamptz), 0) FROM company.rep LEFT JOIN calib.absence USING (unit_id)) TO '$work/csv/rep.csv' CSV" \
		-c "\\copy (SELECT unit_id, occurred_at AT TIME ZONE 'Asia/Shanghai', amount, extract(epoch FROM recorded_at) - extract(epoch FROM occurred_at) FROM calib.result) TO '$work/csv/result.csv' CSV" \
		-c "\\copy (SELECT unit_id, value FROM calib.target WHERE period_start = '2025-10-01' AND grain = 'quarter') TO '$work/csv/target.csv' CSV"
	for name in $engines; do
		sed "s|@|$work/csv|" "company/load_$name.sql" >"$work/load.sql"
		ask "$name" run "$work/load.sql" >/dev/null
		say "$name has them"
	done
	rm -r "$work/csv"
}
