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

# Plays parts of the scenario in a database of its own; returns what they printed.
sub play
{
	my ($database, @parts) = @_;
	my $printed = '';

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION calib');
	foreach my $part (@parts)
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

my $printed = play('one', sort glob 'demo/*.sql');

# What the README shows of it; errors are psql's to print elsewhere.
my ($excerpt) = slurp_file('README.md') =~ /^(    == Nine months.*?)^and leaves/ms;
my %printed = map { s/^\s+|\s+$//gr => 1 } split /\n/, $printed;
is(join("\n", grep { /\S/ && !/^(?:ERROR|DETAIL):/ && !$printed{$_} } map { s/^\s+|\s+$//gr } split /\n/, $excerpt), '', 'the README shows what it prints');

# The company's facts come from its CRM: 74 reps with 18 shops each; 15 teams with 50
# premium deals and one rep with five; and every row of the CRM's is a fact, and no other.
is($node->safe_psql('one', q{SELECT count(*), count(DISTINCT unit_id) FROM calib.customer WHERE external_ref LIKE 'S%'}), '1332|74', q{the CRM's shops are customers});
is($node->safe_psql('one', 'SELECT count(*) FROM calib.opportunity'), '755', q{and its deals opportunities});
foreach my $pair (
	[ 'contact', q{SELECT contact_no, staff_no, shop_no, coalesce(line, ''), CASE way WHEN 'phone' THEN 'call' ELSE 'visit' END, started, saved FROM crm.contact},
		q{SELECT external_id, u.external_ref, c.external_ref, product_line, a.kind, occurred_at, recorded_at FROM calib.activity a JOIN calib.unit u USING (unit_id) JOIN calib.customer c USING (customer_id) WHERE source = 'contacts'} ],
	[ 'payment', q{SELECT payment_no, staff_no, shop_no, line, booked, yuan, saved FROM crm.payment},
		q{SELECT external_id, u.external_ref, c.external_ref, product_line, occurred_at, amount, recorded_at FROM calib.result r JOIN calib.unit u USING (unit_id) JOIN calib.customer c USING (customer_id)} ])
{
	my ($table, $rows, $facts) = @$pair;
	is($node->safe_psql('one', "SELECT count(*) FROM (($rows EXCEPT ALL $facts) UNION ALL ($facts EXCEPT ALL $rows)) d"), '0', "crm.$table: every row is a fact, and no other");
}
like($printed, qr/contacts \| visit by whom \|.*\| 23503/, 'the row of nobody waits');
is($node->safe_psql('one', 'SELECT count(*) FROM calib.feed_error'), '0', '... until it is mended');
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
	'AdjustmentFiled 3, CustomerRetiered 25, MeetingClosed 5, RequestFiled 2', 'HR is told of all of it');
my @verified = $printed =~ /^ +(\d*) \| (t|f)  \| (.*?) *$/mg;
like("@verified", qr/^1 t   t  1 f row \d+ was changed  t ?$/, 'verify before and after a superuser rewrites a sealed row');
is($node->safe_psql('one', 'SELECT count(*) FROM calib.verify() WHERE NOT ok'), '0', 'the ledger is whole in the end');

# The loop. Every day's jobs ran, and every week's; nothing is open or late.
is($node->safe_psql('one', q{
        SELECT count(*) || ' ' || min(as_of AT TIME ZONE 'Asia/Shanghai') || ' ' || max(as_of AT TIME ZONE 'Asia/Shanghai') FROM calib.detection}),
	'184 2025-07-01 07:00:00 2025-12-31 07:00:00', 'it looked on each of 184 days');
is($node->safe_psql('one', 'SELECT count(*) FROM calib.job_run WHERE error IS NOT NULL'), '0', 'no job failed');
is($node->safe_psql('one', 'SELECT count(*) FROM calib.deviation WHERE ending IS NULL AND NOT observed'), '0', 'nothing that was told is open');
is($node->safe_psql('one', q{
        SELECT string_agg(u.name, ', ' ORDER BY u.unit_id) FROM calib.deviation d CROSS JOIN unnest(d.units) AS n (unit_id) JOIN calib.unit u ON u.unit_id = n.unit_id
        WHERE d.unit_id = 10 AND d.product_line = '' AND d.detected_at < '2025-07-31'}),
	'Shanghai, Jiangsu, Zhejiang, Fujian, Jiangxi', 'five teams missed in the same way: one deviation of the region names them');
is($node->safe_psql('one', q{
        SELECT round(extract(epoch FROM d.acted_at - d.detected_at) / 86400, 1) || ' ' || d.acted_by FROM calib.deviation d JOIN calib.resource_request r ON r.filed_at = d.acted_at
        WHERE d.unit_id = 13 AND d.kind = 'low_conversion' AND r.kind = 'move_people'}),
	'5.5 Li Yan', q{Zhejiang's request ended what it answers});
is($node->safe_psql('one', q{
        SELECT count(*) || ' ' || count(DISTINCT week) || ' ' || count(*) FILTER (WHERE filed_at > due_at) FROM calib.report WHERE filed_at IS NOT NULL}),
	'176 22 22', q{Shanghai's eight reps have filed 22 weekly reports each, one of them always late});
is($node->safe_psql('one', q{SELECT string_agg(format('%s %s+%s', to_char(month, 'MM'), round(minutes), accepted), ' ' ORDER BY month) FROM calib.minutes WHERE unit_id = 10}),
	'08 13+5 09 12+5 10 12+7 11 13+5 12 13+5', 'five meetings, in less than 15 minutes each');

# Response: by hand from the deviations, and as the table and the pilot have it.
is($node->safe_psql('one', q{
        SELECT string_agg(days, ' ' ORDER BY late) FROM (
            SELECT detected_at > '2025-10-01 00:00+08' AS late, round(avg(extract(epoch FROM acted_at - detected_at)) / 86400, 1)::text AS days
            FROM calib.deviation WHERE (unit_id / 1000 = 1 OR unit_id / 10 = 1) AND NOT (detected_at BETWEEN '2025-08-01 00:00+08' AND '2025-10-01 00:00+08')
            GROUP BY 1) d}),
	'11.3 2.1', 'response before and in the pilot');
like($printed, qr/^ SRI, days [^|]*\| +11\.3 \| +2\.1 \|/m, 'so it stands in the table');
is( at('2026-01-01 09:00+08', q{
        SELECT string_agg(format('%s %s:%s %s', outcome, pilot_units, control_units, coalesce((ci_low > 0 OR ci_high < 0)::text, reason_code)), ', ' ORDER BY outcome) FROM calib.pilot_effect}),
	'attainment_original 6:3 true, nps 6:0 pilot_by_arm, sri_days 6:3 true', 'the pilot, team by team');
is( at('2026-01-01 09:00+08', q{SELECT string_agg(format('%s %s of %s: %s', unit_name, round(nps), answers, promoters - detractors), ', ' ORDER BY quarter_start, unit_id)
        FROM calib.nps_quarterly WHERE unit_id IN (10, 20) AND answers > 0}),
	'East China 58 of 45: 26, North China 33 of 9: 3, East China 76 of 45: 34, North China 11 of 9: 1', 'the survey');
is($node->safe_psql('one', 'SELECT count(*) FROM calib.health() WHERE NOT ok'), '0', 'after the demonstration all is in order');
cmp_ok(at('2026-01-01 09:00+08', 'SELECT count(*) FROM calib.missed_but_active'), '>', 0,
	'somebody missed while active');

# The same seed, the same company.
play('two', 'demo/01_company.sql');
my $digest = q{SELECT count(*), md5(string_agg(f::text, ',' ORDER BY f::text)) FROM
    (SELECT contact_no AS no, started, shop_no AS what FROM crm.contact WHERE contact_no <> 'visit by whom'
     UNION ALL SELECT payment_no, booked, yuan::text FROM crm.payment
     UNION ALL SELECT deal_no, opened, phase FROM crm.deal) f};
is($node->safe_psql('two', $digest), $node->safe_psql('one', $digest), 'played twice it is the same');

$node->stop;
done_testing();
