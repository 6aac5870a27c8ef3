# One rep's page, as the rep sees it: the weeks of the quarter, beside SQL on the raw table
# along its index.
# Then latencies of that and of the war room's page: with nothing else at work, while eight
# clients insert at the rate of the company's office hours, and at ten times that rate, and
# while they insert as fast as they can, which leaves a query less than half of a core: plain SQL that
# reads no table is measured beside. The job is not run meanwhile: it is what a minute
# between two of its runs leaves to be read raw.
run -c "DELETE FROM calib.duty WHERE role_name = 'company_rep'" -c 'DROP ROLE IF EXISTS company_rep' -c 'CREATE ROLE company_rep' \
	-c "INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('company_rep', 'rep', 10007)"
pg_rows company/rep/calib.sql "$work/rep.rows" >/dev/null
pg_rows company/rep/sql.sql "$work/rows" >/dev/null
same rep sql "$work/rows"
i=0
while [ $i -lt "$runs" ]; do
	i=$((i + 1))
	took rep calib $i "$(WARM=1 pg_ms company/rep/calib.sql)"
	took rep sql $i "$(WARM=1 pg_ms company/rep/sql.sql)"
done
[ "$scale" != ci ] || return 0

# latencies WHAT FILE SECONDS: p50 and p99 of a page asked again and again by one client
latencies() {
	sed '/^\\timing/d' "$2" >"$work/page.pgbench"
	rm -f "$work"/log.*
	pgbench -n -M prepared -c 1 -T "$3" -l --log-prefix="$work/log" -f "$work/page.pgbench" >"$work/out" 2>"$work/err" || die "$(cat "$work/err")"
	awk '{ print $3 / 1000 }' "$work"/log.* | sort -n | awk -v what="$1" '
		{ v[NR] = $1 } END { printf "%s\t%d\t%.3f\t%.3f\n", what, NR, v[int((NR + 1) / 2)], v[int(NR * 0.99 + 0.99)] }' >>"$work/latencies"
}

# ingest [-R RATE]: eight clients at work in the background
ingest() {
	pgbench -n -M prepared -c 8 -j 2 -T $((3 * seconds + 2)) -f "$work/insert.sql" -D reps="$reps" "$@" >"$work/inserts" 2>"$work/inserts.err" &
	inserts=$!
	sleep 1
}
cp company/rep/insert.sql "$work/insert.sql"
echo 'SELECT count(*) FROM generate_series(1, 30000);' >"$work/plain.sql"
: >"$work/latencies"
office=$((1 + rows / 8100000))
for rate in 0 $office $((10 * office)) flat; do
	roll_up "$PGDATABASE"
	run -c 'VACUUM calib.activity_mark'
	case $rate in
		0) state=idle ;;
		flat) state='inserts flat out' && ingest ;;
		*) state="$rate inserts a second" && ingest -R $rate ;;
	esac
	latencies "plain SQL, $state" "$work/plain.sql" "$seconds"
	latencies "a rep, $state" company/rep/calib.sql "$seconds"
	latencies "war room, $state" company/page/calib.sql "$seconds"
	[ "$state" = idle ] || wait $inserts
done
