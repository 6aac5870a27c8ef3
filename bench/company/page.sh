# The war room's page, beside SQL on the raw tables (the fastest of several), a
# materialized view of it as users refresh them, and other engines on their raw tables.
pg_rows company/page/calib_rows.sql "$work/page.rows" >/dev/null
fastest page sql company/page/sql_*.sql
for name in $engines; do fastest_of "$name" page company/page/"$name".sql; done
{
	echo 'SET client_min_messages = warning; DROP MATERIALIZED VIEW IF EXISTS company.page; CREATE MATERIALIZED VIEW company.page AS'
	sed '1,/^\\timing/d' "$work/page.sql"
} | { grep -v '^SET work_mem' || true; } >"$work/make_view"
{ grep '^SET' "$work/page.sql" || true; cat "$work/make_view"; } | run -f -
{ grep '^SET' "$work/page.sql" || true; printf '%s\n' '\timing on' 'REFRESH MATERIALIZED VIEW company.page;'; } >"$work/refresh"
printf '%s\n' '\timing on' 'SELECT * FROM company.page;' >"$work/read"
i=0
while [ $i -lt "$runs" ]; do
	i=$((i + 1))
	took page calib $i "$(WARM=1 pg_ms company/page/calib.sql)"
	took page sql $i "$(pg_ms "$work/page.sql")"
	took page refresh $i "$(pg_ms "$work/refresh")"
	took page view $i "$(WARM=1 pg_ms "$work/read")"
	for name in $engines; do took page "$name" $i "$(ask "$name" time "$work/page.$name")"; done
done
