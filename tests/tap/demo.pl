# The demonstration plays through and contains what it promises. Figures are
# read from the views afterwards, not from what it prints.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('demo');
$node->init;
$node->start;

# Plays the scenario in a database of its own; returns what it printed.
sub play
{
	my ($database) = @_;
	my $printed = '';

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION calib');
	foreach my $part (sort glob 'demo/*.sql')
	{
		my ($out, $err);
		my $ok = IPC::Run::run(
			[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', $part ],
			'>', \$out, '2>', \$err);
		ok($ok, "$part plays in $database");
		$printed .= $out;
	}
	return $printed;
}

sub at
{
	my ($clock, $query) = @_;
	return $node->safe_psql('one', "SET calib.clock = '$clock'; $query");
}

my $printed = play('one');

# The company's facts come from its CRM: 74 reps with 18 shops each; 15 teams with 50
# premium deals and one rep with five; and every row of the CRM's is a fact, and no other.
is($node->safe_psql('one', q{SELECT count(*), count(DISTINCT unit_id) FROM calib.customer WHERE external_ref LIKE 'S%'}), '1332|74', q{the CRM's shops are customers});
is($node->safe_psql('one', 'SELECT count(*) FROM calib.opportunity'), '755', q{and its deals opportunities});
foreach my $pair (
	[ 'contact', q{SELECT contact_no, staff_no, shop_no, coalesce(line, ''), CASE way WHEN 'phone' THEN 'call' ELSE 'visit' END, started, saved FROM crm.contact WHERE staff_no <> 'E7777'},
		q{SELECT external_id, u.external_ref, c.external_ref, product_line, a.kind, occurred_at, recorded_at FROM calib.activity a JOIN calib.unit u USING (unit_id) JOIN calib.customer c USING (customer_id)} ],
	[ 'payment', q{SELECT payment_no, staff_no, line, booked, yuan, saved FROM crm.payment},
		q{SELECT external_id, u.external_ref, product_line, occurred_at, amount, recorded_at FROM calib.result r JOIN calib.unit u USING (unit_id)} ])
{
	my ($table, $rows, $facts) = @$pair;
	is($node->safe_psql('one', "SELECT count(*) FROM (($rows EXCEPT ALL $facts) UNION ALL ($facts EXCEPT ALL $rows)) d"), '0', "crm.$table: every row is a fact, and no other");
}
is($node->safe_psql('one', 'SELECT source, external_id, sqlstate FROM calib.feed_error'), 'contacts|visit by whom|23503', 'the row of nobody waits');
# Anhui's 10 million: half a million more is five points.
my @anhui = map { [ split /\s*\|\s*/ ] } $printed =~ /^ +([\d.]+ \| +[\d.]+ \| +[\d.]+ \| execution)/mg;
is(sprintf('%d: %.2f %.1f', scalar @anhui, $anhui[1][0] - $anhui[0][0], $anhui[1][1] - $anhui[0][1]), '3: 0.50 5.0', 'a payment entered in the CRM is in the diagnosis at once');
is("@{ $anhui[2] }", "@{ $anhui[0] }", 'and gone with its row');

# Diagnoses of mid September.
my $september = '2025-09-15 18:00+08';
my $diagnosis = q{SELECT quadrant, signal, remedy, reason_code FROM calib.diagnosis
    WHERE unit_id = %d AND product_line = '%s'};
is(at($september, sprintf($diagnosis, 10, '')), 'environment|strong|lower_target|market_wide',
	'East China: market-wide');
is(at($september, sprintf($diagnosis, 30, '')), 'environment|strong|lower_target|environment',
	'South China: a dense region that misses');
is(at($september, sprintf($diagnosis, 14, '')), 'execution|strong|coach|execution',
	'Anhui: sparse and missing');
like(at($september, sprintf($diagnosis, 13, 'premium')), qr/\|refocus\|refocus$/,
	'Zhejiang: visits up to standard, on the wrong customers');
is( at($september, q{SELECT trim_scale(conversion), benchmark FROM calib.diagnosis
        WHERE unit_id = 13 AND product_line = 'premium'}),
	'0.08|0.15', 'Zhejiang converts 8 % against 15 %');
is( at('2025-09-12 18:00+08', 'SELECT unit_id, visited, stuck, share::numeric(3,2), flagged FROM calib.shallow_coverage WHERE flagged'),
	'1505|5|4|0.80|t', 'one rep has four of five customers stuck');

# The closed quarters, from the facts and from the view.
my $east = q{SELECT round(attainment, 2), round(attainment_original, 2) FROM calib.attainment
    WHERE unit_id = 10 AND grain = 'quarter' AND product_line = '' AND period_start = '%s'};
is(at('2026-01-01 09:00+08', sprintf($east, '2025-07-01')), '0.67|0.67', 'East China, third quarter');
is(at('2026-01-01 09:00+08', sprintf($east, '2025-10-01')), '0.89|0.85', 'East China, fourth quarter');
is( $node->safe_psql('one', q{
        SELECT round(sum(r.amount) / 85700000, 2) FROM calib.result r
        WHERE r.unit_id / 1000 = 1 AND r.occurred_at >= '2025-10-01 00:00+08'}),
	'0.89', 'the same from the results themselves');

# Adjustments and refusals.
is($node->safe_psql('one', q{SELECT count(*) FROM calib.adjustment WHERE status = 'filed'}),
	'3', 'three adjustments passed');
is(join(' ', $printed =~ /^SQLSTATE (\w+)$/mg), 'KC001 KC002 KC003 KC008 KC004 42501 KC005 KC006',
	'eight steps are refused, each for its reason');
is($node->safe_psql('one', q{SELECT string_agg(status, ' ' ORDER BY adjustment_id) FROM calib.adjustment}),
	'filed filed filed withdrawn', 'what was refused left nothing behind');

# The road, and what HR holds of it.
is($node->safe_psql('one', q{
        SELECT string_agg(format('%s %s %s', kind, amount, extract(epoch FROM filed_at - submitted_at) / 60), ', ' ORDER BY request_id)
        FROM calib.resource_request WHERE status = 'filed'}) =~ s/\.0+//gr,
	'move_people 2 47, promotion_budget 300000 47', q{Zhejiang's request took 47 minutes});
is($node->safe_psql('one', q{
        SELECT string_agg(t ->> 'value', ' ' ORDER BY version) FROM calib.agreement, jsonb_array_elements(terms -> 'targets') t
        WHERE unit_id = 13 AND period_start = '2025-10-01' AND grain = 'quarter'}),
	'18000000 16200000 15300000', 'each adjustment made a version of the agreement');
is($node->safe_psql('one', q{SELECT string_agg(type || ' ' || n, ', ' ORDER BY type) FROM (SELECT type, count(*) AS n FROM calib.outbox GROUP BY type) o}),
	'AdjustmentFiled 3, RequestFiled 2', 'HR is told of all of it');
my @verified = $printed =~ /^ +(\d*) \| (t|f)  \| (.*?) *$/mg;
like("@verified", qr/^1 t   t  1 f row \d+ was changed  t ?$/, 'verify before and after a superuser rewrites a sealed row');
is($node->safe_psql('one', 'SELECT count(*) FROM calib.verify() WHERE NOT ok'), '0', 'the ledger is whole in the end');

# Response.
is( at('2026-01-01 09:00+08', q{SELECT string_agg(round(mean_days::numeric, 1)::text, ' ' ORDER BY month)
        FROM calib.sri_monthly WHERE unit_id = 10}),
	'11.3 2.1', 'response before and in the pilot');
cmp_ok(at('2026-01-01 09:00+08', 'SELECT count(*) FROM calib.missed_but_active'), '>', 0,
	'somebody missed while active');

# The same seed, the same company.
play('two');
my $digest = q{SELECT md5(string_agg(f::text, ',' ORDER BY f::text)) FROM
    (SELECT unit_id, occurred_at, kind::text AS what FROM calib.activity
     UNION ALL SELECT unit_id, occurred_at, amount::text FROM calib.result) f};
is($node->safe_psql('two', $digest), $node->safe_psql('one', $digest), 'played twice it is the same');

$node->stop;
done_testing();
