# What taking activities in costs: a COPY of many into calib.activity with everything on,
# beside the same table with the same indexes and without calib ("plain"), with the
# same foreign keys too ("keys"), and with a row trigger in PL/pgSQL that marks as
# calib's in C does ("plpgsql"). Each begins empty, in a database of its own, made from
# one model. Then single-row inserts by eight clients.
run -A -t -c "COPY (SELECT 'load', row_number() OVER (), unit_id, customer_id, opportunity_id, product_line, kind, outcome, occurred_at, due_at, quantity, recorded_at
	FROM (SELECT * FROM calib.activity WHERE occurred_at >= '2025-10-01' LIMIT $copied) a) TO STDOUT" >"$work/load.copy"
model=company_model
psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $model" -c "CREATE DATABASE $model"
run -d $model -v reps="$reps" -v seed="$seed" -f company/tree.sql
run -d $model -v reps="$reps" -v seed="$seed" -f company/facts.sql
run -d $model -f company/load.sql
run -d $model -c 'VACUUM (ANALYZE, FREEZE)'
kinds='plain keys plpgsql calib'
columns='source, external_id, unit_id, customer_id, opportunity_id, product_line, kind, outcome, occurred_at, due_at, quantity, recorded_at'

# fresh: a database made from the model; table_of KIND
fresh() {
	psql -X -q -d postgres -c 'DROP DATABASE IF EXISTS company_load' -c "CREATE DATABASE company_load TEMPLATE $model STRATEGY file_copy" -c CHECKPOINT
}
table_of() {
	[ "$1" = calib ] && echo calib.activity || echo "company.$1"
}

i=0
while [ $i -lt "$runs" ]; do
	i=$((i + 1))
	for kind in $kinds; do
		fresh
		printf '%s\n' '\timing on' "\\copy $(table_of "$kind") ($columns) FROM '$work/load.copy'" >"$work/copy"
		took copy "$kind" $i "$(PGDATABASE=company_load pg_ms "$work/copy")"
		[ "$(run -d company_load -A -t -c "SELECT count(*) = $(wc -l <"$work/load.copy") FROM $(table_of "$kind")")" = t ] || echo "copy $kind" >>"$work/wrongs"
	done
done
rm "$work/load.copy"
i=0
while [ $i -lt "$runs" ]; do
	i=$((i + 1))
	for kind in $kinds; do
		fresh
		sed "s/calib.activity/$(table_of "$kind")/" company/rep/insert.sql >"$work/insert"
		pgbench -n -M prepared -c 8 -j 2 -T "$seconds" -D reps="$reps" -f "$work/insert" company_load >"$work/out" 2>"$work/err" || die "$(cat "$work/err")"
		took insert "$kind" $i "$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$work/out" | awk '{ print 1000 / $1 }')"
	done
done
for of in company_load $model; do psql -X -q -d postgres -c "DROP DATABASE $of"; done
