# The profile of each rep and quarter over all raw rows: events, weighted density,
# customers, active days and HHI, by calib.behavior(), beside SQL (the fastest of
# several), count(*) with five sum() over the same rows, and other engines.
pg_rows company/profile/calib.sql "$work/profile.rows" >/dev/null
fastest profile sql company/profile/sql_*.sql
for name in $engines; do fastest_of "$name" profile company/profile/"$name"_*.sql; done
i=0
while [ $i -lt "$runs" ]; do
	i=$((i + 1))
	took profile calib $i "$(pg_ms company/profile/calib.sql)"
	took profile sql $i "$(pg_ms "$work/profile.sql")"
	took profile count $i "$(pg_ms company/profile/count.sql)"
	for name in $engines; do took profile "$name" $i "$(ask "$name" time "$work/profile.$name")"; done
done
