# Growth: the page over the same reps with a hundredth and a tenth of the activities,
# and with all of them, in turn.
roll_up company
generate company_1 $((rows / 100))
generate company_10 $((rows / 10))
i=0
while [ $i -lt "$runs" ]; do
	i=$((i + 1))
	for of in company_1 company_10 company; do
		took growth $of $i "$(PGDATABASE=$of WARM=1 pg_ms company/page/calib.sql)"
	done
done
for of in company_1 company_10; do psql -X -q -d postgres -c "DROP DATABASE $of"; done
