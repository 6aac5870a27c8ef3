# Real input: the reseller sales of a public sample, where they are at hand
# (CALIB_DATA names the folder), and attainment against plain SQL over the
# files as they came.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $data = $ENV{CALIB_DATA} // '';
plan skip_all => 'skipped: CALIB_DATA does not name the folder of the sample'
  unless -f "$data/FactResellerSales.csv";

my $node = PostgreSQL::Test::Cluster->new('real');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION calib');
my ($out, $err);
ok( IPC::Run::run(
		[ 'psql', '-X', '-q', '-v', "data=$data", '-d', $node->connstr('postgres'),
			'-f', 'tests/data/adventureworks.sql' ], '>', \$out, '2>', \$err),
	'the sample loads') or diag $err;

sub query { return $node->safe_psql('postgres', $_[0]) }

is(query('SELECT count(*) FROM calib.result'), '57851', 'every line is a result');
is(query('SELECT count(*) FROM calib.target'), '163', 'every quota is a target');

# The same figures without calib: sales of a person between two dates.
my $plain = q{plain AS (
    SELECT q.employee_key AS unit_id, s.period_start, q.amount AS quota,
           coalesce((SELECT sum(l.amount) FROM staged_sale l
                     WHERE l.employee_key = q.employee_key AND l.order_date >= s.period_start
                       AND l.order_date < s.period_start + interval '3 months'), 0) AS sold
    FROM staged_quota q JOIN staged_quarter s USING (day))};
is( query("WITH $plain SELECT count(*), count(*) FILTER (WHERE a.target_value = p.quota AND a.actual = p.sold
        AND a.attainment = p.sold / p.quota AND a.attainment_original = a.attainment)
        FROM plain p JOIN calib.attainment a USING (unit_id, period_start)"),
	'163|163', 'attainment of each quota is what plain SQL says, to the last digit');
is( query("SELECT round(sum(actual) / sum(target_value), 2) FROM calib.attainment WHERE unit_kind = 'rep'"),
	'0.81', 'over all, as published with the sample');
is( query("SELECT round((percentile_cont(0.5) WITHIN GROUP (ORDER BY attainment))::numeric, 2)
        FROM calib.attainment WHERE unit_kind = 'rep' AND actual > 0"),
	'0.84', 'the median of quotas with sales, as published with the sample');
is( query(q{WITH team AS (
        SELECT t.parent_id AS unit_id, r.period_start, sum(r.target_value) AS quota, sum(r.actual) AS sold
        FROM calib.attainment r JOIN calib.unit t USING (unit_id) WHERE r.unit_kind = 'rep' GROUP BY 1, 2)
        SELECT count(*) > 0, bool_and(a.target_value = t.quota) FROM team t JOIN calib.attainment a USING (unit_id, period_start)}),
	't|t', 'a team without a target of its own carries the sum of its people');
is( query(q{SELECT sum(actual) = (SELECT sum(amount) FROM staged_sale WHERE order_date < '2020-07-01')
        FROM calib.attainment WHERE unit_id = 1}),
	't', 'the company has every result of its people');

$node->stop;
done_testing();
