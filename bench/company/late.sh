# Late edits: acts of old weeks change, and the page is asked at once, then after the
# job has been; each time its figures are those of SQL over the raw rows.
answers() {
	pg_rows company/page/calib_rows.sql "$work/page.rows" >/dev/null
	pg_rows company/page/sql_day.sql "$work/rows" >/dev/null
	same page "$1" "$work/rows"
}
i=0
roll_up "$PGDATABASE"
while [ $i -lt "$runs" ]; do
	i=$((i + 1))
	took late before $i "$(WARM=1 pg_ms company/page/calib.sql)"
	cat >"$work/edit" <<-END
		\\timing on
		UPDATE calib.activity SET kind = CASE kind WHEN 'visit' THEN 'call' WHEN 'call' THEN 'visit' ELSE kind END WHERE unit_id % 20 = $i AND occurred_at >= '2025-08-0$i 00:00+08' AND occurred_at < '2025-08-0$i 23:59+08';
	END
	took late edit $i "$(pg_ms "$work/edit")"
	took late marked $i "$(WARM=1 pg_ms company/page/calib.sql)"
	if [ $i = 1 ]; then answers "after late edits"; fi
	roll_up "$PGDATABASE"
	took late after $i "$(WARM=1 pg_ms company/page/calib.sql)"
	if [ $i = 1 ]; then answers "after the job"; fi
done
