# What is summed up, against plain SQL over the activities (tests/activity/plain.sql):
# random inserts, updates, deletes, weights, policies, moves and job runs by several
# sessions at once. CALIB_ACTS: how many (1000).
use strict;
use warnings;
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $acts = $ENV{CALIB_ACTS} || 1000;
my $seed = $ENV{CALIB_SEED} || time;
srand $seed;
note "CALIB_SEED=$seed CALIB_ACTS=$acts";
my $dir = PostgreSQL::Test::Utils::tempdir;
my $clock = '2026-03-18 15:00+08';
$ENV{PGOPTIONS} = "-c calib.clock='" . ($clock =~ s/ /\\ /r) . "' -c client_min_messages=error";

my $node = PostgreSQL::Test::Cluster->new('summary');
$node->init;
$node->append_conf('postgresql.conf', "deadlock_timeout = 50ms\nautovacuum = off\njit = off\n");
$node->start;

sub value { return $node->safe_psql('postgres', $_[0]) }
sub pick { return $_[rand @_] }

value(q{
	CREATE EXTENSION calib;
	INSERT INTO calib.unit (unit_id, parent_id, kind, name) VALUES (1, NULL, 'company', 'c'), (2, 1, 'team', 'a'), (3, 1, 'team', 'b');
	INSERT INTO calib.unit (unit_id, parent_id, kind, name) SELECT g, 2 + g % 2, 'rep', 'r' || g FROM generate_series(4, 9) g;
	INSERT INTO calib.customer (customer_id, unit_id, name, channel, created_at)
	SELECT g, 4 + g % 6, 'c' || g, (ARRAY['shop', 'web'])[1 + g % 3], '2025-12-20'::timestamptz + g * interval '1 day' FROM generate_series(1, 50) g;
	INSERT INTO calib.stage (stage, position, early) SELECT 'initial_contact', 1, true WHERE NOT EXISTS (SELECT FROM calib.stage WHERE stage = 'initial_contact');
	INSERT INTO calib.opportunity (opportunity_id, customer_id, unit_id, stage, created_at) SELECT g, g, 4 + g % 6, 'initial_contact', '2026-02-01' FROM generate_series(1, 30) g;
	INSERT INTO calib.activity_weight (kind, outcome, weight, valid_from) VALUES ('visit', 'won', 3, '2026-02-10'), ('order', 'big', 2, '2026-02-20');
	INSERT INTO calib.target (unit_id, grain, period_start, original_value) SELECT unit_id, 'quarter', '2026-01-01', 100 FROM calib.unit;
});
$node->safe_psql('postgres', slurp_file("$FindBin::Bin/../activity/plain.sql"));

# Facts, by key: what one session does to one another may do too.
my @kinds = ('visit', 'visit', 'call', 'order', 'planned_visit', 'follow_up', 'contract_change', 'shelf_check', 'log_report');
my @outcomes = ('NULL', 'NULL', "'won'", "'big'", "'open'", "'[]'");
sub moment { return sprintf "'2026-01-01 00:00+08'::timestamptz + interval '%d seconds'", rand 86400 * 80 }
my $serial = 0;
sub key { return "'" . int(rand $serial || 1) . "'" }

sub insert
{
	my $at = moment();
	my $due = rand() < 0.3 ? "$at + interval '" . int(rand(200) - 60) . " hours'" : 'NULL';
	return 'INSERT INTO calib.activity (source, external_id, unit_id, customer_id, opportunity_id, product_line, kind, outcome, occurred_at, due_at, quantity, recorded_at) VALUES '
		. '(' . join(', ', "'s'", $serial > $acts / 5 && rand() < 0.05 ? key() : "'" . $serial++ . "'", int(rand 9) + 1, pick('NULL', map { int(rand 50) + 1 } 1 .. 5), pick('NULL', int(rand 30) + 1), pick("''", "'A'", "'B'"),
		"'" . pick(@kinds) . "'", pick(@outcomes), $at, $due, pick(1, 2, 2.5), "$at + interval '" . int(rand 90) . " hours'") . ');';
}

sub change
{
	my $set = pick('unit_id = ' . (int(rand 6) + 4), 'occurred_at = ' . moment(), 'outcome = ' . pick(@outcomes), 'due_at = ' . moment(), "kind = '" . pick(@kinds) . "'",
		"recorded_at = recorded_at + interval '1 day'", 'quantity = quantity + 1', "product_line = 'A'", 'customer_id = ' . (int(rand 50) + 1), 'kind = kind');
	return "UPDATE calib.activity SET $set WHERE external_id = " . key() . ';';
}

sub removal { return 'DELETE FROM calib.activity WHERE external_id = ' . key() . ';' }
sub fact { my $r = rand; return $r < 0.55 ? insert() : $r < 0.85 ? change() : removal() }
sub job { return "SELECT calib.run_rollup('" . pick('2026-02-11 10:00+08', $clock, $clock, '2026-03-30 10:00+08') . "');" }

sub rule
{
	my $day = "date '2026-01-01' + " . int(rand 80);
	return pick(
		"INSERT INTO calib.activity_weight (kind, outcome, weight, valid_from) VALUES ('" . pick(@kinds) . "', " . pick(@outcomes) . ', ' . pick(0, 0.5, 1, 2.25) . ", $day) ON CONFLICT DO NOTHING;",
		'DELETE FROM calib.activity_weight WHERE activity_weight_id = (SELECT max(activity_weight_id) FROM calib.activity_weight);',
		'UPDATE calib.activity_weight SET weight = weight + 0.1 WHERE activity_weight_id = (SELECT max(activity_weight_id) FROM calib.activity_weight);',
		'INSERT INTO calib.policy (unit_id, valid_from, late_hours) VALUES (' . pick(2, 3, 4, 5) . ', ' . "'2026-03-18'::date + " . int(rand 4) . ', ' . pick(1, 24, 70, 'NULL') . ') ON CONFLICT DO NOTHING;',
		'UPDATE calib.unit SET parent_id = ' . pick(2, 3) . ' WHERE unit_id = ' . (int(rand 6) + 4) . ';',
		'SELECT calib.resummarise(' . "$day, $day + 9);");
}

sub transaction
{
	my @steps = map { fact() } 0 .. rand 4;
	push @steps, 'SAVEPOINT s;', fact(), fact(), pick('ROLLBACK TO s;', 'RELEASE s;'), fact() if rand() < 0.5;
	push @steps, job(), fact() if rand() < 0.1;
	return 'BEGIN' . pick('', '', ' ISOLATION LEVEL REPEATABLE READ') . ';', @steps, pick('COMMIT;', 'COMMIT;', 'ROLLBACK;');
}

sub script
{
	my ($count) = @_;
	my @steps;
	while (@steps < $count)
	{
		my $r = rand;
		push @steps, $r < 0.6 ? fact() : $r < 0.9 ? transaction() : $r < 0.95 ? job() : rule();
	}
	return join "\n", @steps, '';
}

# The differences are asked in one snapshot while others write, and at rest.
my $windows = q{SELECT plain.differences(a::timestamptz, b::timestamptz) FROM (VALUES
	('2026-01-01 00:00+08', '2026-04-01 00:00+08'), ('2026-01-14 11:00+08', '2026-03-02 15:00+08'), ('2026-03-16 00:00+08', '2026-03-18 15:00+08')) w (a, b)};
my $same = join "\n", ('behavior 0 known 0 units 0 weekly 0 indicator 0 shallow 0 focus 0 density 0') x 3;
is(value($windows), $same, 'nothing yet, and nothing differs');
value(join "\n", map { insert() } 1 .. $acts / 5);
is(value($windows), $same, 'read raw');
value(job());
isnt(value('SELECT count(*) FROM calib.activity_summary'), '0', 'something is stored');
is(value($windows), $same, 'read from what is stored');

my $rounds = $ENV{CALIB_ACTS} ? 4 : 2;
for my $round (1 .. $rounds)
{
	my @sessions;
	for my $session (1 .. 4)
	{
		open my $file, '>', "$dir/$session.sql" or die $!;
		print $file script($acts / $rounds / 4);
		close $file or die $!;
		my ($out, $err) = ('', '');
		my $run = IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-f', "$dir/$session.sql" ], '>', \$out, '2>', \$err);
		push @sessions, { run => $run, err => \$err };
	}
	my $meanwhile = value($windows);
	$_->{run}->finish for @sessions;
	is($meanwhile, $same, "round $round: while others write");
	my @unexpected = grep { /ERROR/ && !/deadlock|could not serialize|aborted|READ COMMITTED|duplicate key|in force|savepoint/ } map { split /\n/, ${ $_->{err} } } @sessions;
	is("@unexpected", '', '... nothing failed but what must');
	is(value($windows), $same, '... and at rest');
}
cmp_ok(value('SELECT count(*) FROM calib.activity'), '>', $acts / 20, 'there are activities');
value("SELECT calib.run_rollup('$clock')");
is(value('SELECT count(*) FROM calib.activity_mark'), '0', 'the job takes every mark away');
is(value($windows), $same, 'all of it stored');
value("SELECT calib.run_rollup('2026-04-13 10:00+08')");
is(value('SELECT count(*) FROM calib.activity_summary WHERE NOT closed'), '0', 'and when the weeks are over, in weeks');
is(value($windows), $same, 'still the same');
# all of it once more: what was kept up to date is what would be made anew
# (but when the last act with a weight happened, which a new weight does not tell)
my $rows = q{SELECT to_jsonb(s) - 'last_event_at' AS r FROM calib.activity_summary s};
my $months = q{SELECT unit_id, product_line, date_trunc('month', from_day)::date AS month, sum(events) AS events, sum(late_events) AS late, sum(weighted) AS weighted, sum(weighted_on_time) AS on_time FROM calib.activity_summary GROUP BY 1, 2, 3};
is(value("SELECT count(*) FROM (($months) EXCEPT SELECT unit_id, product_line, month, events, late_events, weighted, weighted_on_time FROM calib.activity_month) d"), '0', 'months are what their parts add up to');
is(value('SELECT count(*) FROM calib.activity_month'), value("SELECT count(*) FROM ($months) m"), '... and no others');
value("CREATE TABLE plain.summary AS $rows; CREATE TABLE plain.acts AS TABLE calib.activity_act");
value("SELECT calib.resummarise(); SELECT calib.run_rollup('2026-04-13 10:00+08')");
is(value("SELECT count(*) FROM (($rows EXCEPT TABLE plain.summary) UNION ALL (TABLE plain.summary EXCEPT $rows)) d"), '0', 'made anew, it is the same');
is(value(q{SELECT count(*) FROM calib.activity_act a FULL JOIN plain.acts b USING (unit_id, from_day, product_line, piece)
	WHERE a.acts::text IS DISTINCT FROM b.acts::text OR a.others::text IS DISTINCT FROM b.others::text}), '0', '... act by act, to the byte');

done_testing();
