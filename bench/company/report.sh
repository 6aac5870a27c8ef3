# report.sh: the machine, and the table of ratios. Sourced by company.sh.
#
# part, one, other, aim: one / other of the same round. Those of a part that did not run
# are left out; an engine that is not there is said to be.
pairs="profile calib sql 0.2
profile calib duckdb 1
profile calib clickhouse
profile calib count 2.5
page calib sql 0.01
page calib duckdb 0.05
page calib clickhouse
page calib view
page refresh calib
rep calib sql
growth company company_1 1.3
growth company company_10
late marked before
late after before
copy calib plain 1.3
copy calib keys
copy calib plpgsql
insert calib plain 1.18
insert calib keys
insert calib plpgsql"
say "done"
echo
echo "Generated company, scale $scale, seed $seed; $(uname -srm); $(nproc) cores, $(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo 2>/dev/null)"
run -A -t -c "SELECT 'PostgreSQL ' || current_setting('server_version') || ': ' || string_agg(name || ' ' || current_setting(name), ', ' ORDER BY name)
	FROM pg_settings WHERE name IN ('shared_buffers', 'work_mem', 'jit', 'max_parallel_workers_per_gather', 'fsync', 'wal_level', 'effective_cache_size')"
for name in sql; do
	for part in profile page; do
		[ ! -e "$work/$part.$name.name" ] || echo "$part: the fastest SQL is bench/company/$part/$(cat "$work/$part.$name.name").sql"
	done
done
echo
echo "$pairs" | awk -v file="$work/took" '
	function sorted(v, n,   i, j, t) { for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j - 1] > v[j]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t } }
	function median(v, n) { return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2 }
	BEGIN {
		while ((getline line < file) > 0) { split(line, f, "\t"); ms[f[1], f[2], f[3]] = f[4]; ran[f[1]] = 1; if (f[3] > last) last = f[3] }
		printf "%-40s %11s %11s %9s %9s %9s %6s\n", "one / other", "ms", "ms", "min", "median", "max", "aim"
	}
	{
		n = 0
		for (i = 1; i <= last; i++) if (($1, $2, i) in ms && ($1, $3, i) in ms) {
			n++; a[n] = ms[$1, $2, i]; b[n] = ms[$1, $3, i]; r[n] = a[n] / b[n]
		}
		if (!n) { if ($1 in ran) printf "%-40s %s\n", $1 ": " $2 " / " $3, "skipped"; next }
		sorted(a, n); sorted(b, n); sorted(r, n)
		printf "%-40s %11.2f %11.2f %9.4f %9.4f %9.4f %6s\n", $1 ": " $2 " / " $3, median(a, n), median(b, n), r[1], median(r, n), r[n], $4
	}'

if [ -s "$work/latencies" ]; then
	printf '\n%-40s %8s %9s %9s\n' "latency, one client" "asked" "p50, ms" "p99, ms"
	awk -F'\t' '{ printf "%-40s %8d %9.2f %9.2f\n", $1, $2, $3, $4 }' "$work/latencies"
	echo "inserts a second, flat out: $(sed -n 's/^tps = \([0-9]*\).*/\1/p' "$work/inserts")"
fi
if [ -s "$work/memory" ]; then
	printf '\n%-40s %8s %9s %9s\n' "work_mem 4 MB" "rows" "temp, MB" "peak, MB"
	awk -F'\t' '{ printf "%-40s %8d %9d %9d\n", $1, $2, $3, $4 }' "$work/memory"
fi
