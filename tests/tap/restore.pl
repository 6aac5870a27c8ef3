# A dump brings back every row, edited and deleted seeds included, where
# calib.restoring is on; without it the restore fails and says so. Then the
# next adjustment goes on where the dumped database stood.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('restore');
$node->init;
$node->start;
my $dir = $node->backup_dir;
mkdir $dir;

$node->safe_psql('postgres', 'CREATE DATABASE old');
$node->safe_psql(
	'old', q{
	CREATE EXTENSION calib;
	SET calib.clock = '2025-10-15 09:00+08';
	SET calib.reason = '竞品降价';
	UPDATE calib.organisation SET fiscal_start_month = 4, currency = 'EUR';
	INSERT INTO calib.policy (valid_from, approval) VALUES ('2025-10-15', 'none');
	INSERT INTO calib.unit (kind, name) VALUES ('company', 'top');
	INSERT INTO calib.unit (parent_id, kind, name, active) SELECT 1, 'rep', 'rep ' || i, '[2025-01-01,)' FROM generate_series(1, 3) i;
	INSERT INTO calib.policy (unit_id, valid_from, cap, shallow_stages) VALUES (1, '2025-11-01', 0.05, '{a,"b c"}');
	INSERT INTO calib.absence (unit_id, during) VALUES (2, '[2025-11-01,2025-11-05)');
	-- seeds edited, added to, deleted in part and as a whole
	UPDATE calib.holiday SET name = 'edited' WHERE day = '2025-10-01';
	DELETE FROM calib.holiday WHERE day = '2025-10-02';
	INSERT INTO calib.holiday VALUES ('2027-01-01', false, 'added');
	UPDATE calib.tier SET visits_per_week = 3 WHERE tier = 'A';
	DELETE FROM calib.tier WHERE tier = 'C';
	UPDATE calib.activity_kind SET label_en = 'Call in' WHERE kind = 'visit';
	DELETE FROM calib.activity_weight WHERE kind = 'quote';
	DELETE FROM calib.activity_kind WHERE kind = 'quote';
	INSERT INTO calib.activity_weight (kind, weight, valid_from) VALUES ('visit', 2, '2025-11-01');
	DELETE FROM calib.indicator;
	DELETE FROM calib.evidence_kind WHERE kind = 'regulation';
	INSERT INTO calib.customer (name, tier, unit_id) VALUES ('c', 'A', 2);
	INSERT INTO calib.opportunity (customer_id, unit_id) VALUES (1, 2);
	UPDATE calib.opportunity SET stage = 'proposal';
	INSERT INTO calib.activity (unit_id, customer_id, kind, occurred_at) VALUES (2, 1, 'visit', '2025-10-02');
	INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (2, '2025-10-02', 1.50);
	INSERT INTO calib.evidence (kind, title, sha256, observed_on) VALUES ('market_report', 't', sha256('x'), '2025-10-01');
	INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (2, 'quarter', '2025-10-01', 100.00);
	INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (2, 'quarter', '2026-01-01', 100);
	SELECT calib.publish_targets('2026-01-01');
	SET calib.evidence = '1';
	UPDATE calib.target SET value = 105 WHERE target_id = 1;
	UPDATE calib.unit SET parent_id = 3 WHERE unit_id = 2;
	SELECT calib.draft_agreement(2, 'quarter', '2025-10-01', '{"bonus": 0.10}'), calib.acknowledge_agreement(2, 'quarter', '2025-10-01');
	SELECT calib.ack_outbox(id) FROM calib.claim_outbox(1, 'worker');
	SELECT count(*) FROM calib.claim_outbox(1, 'worker');
	INSERT INTO calib.target (target_id, unit_id, measure, grain, period_start, original_value) VALUES (90, 4, 'sell-out', 'quarter', '2025-10-01', 100);
	SELECT calib.submit_adjustment(90, 95, 'waits', '{1}'), calib.submit_request(4, 'samples', 5, 'wait, too', evidence => '{1}');
	INSERT INTO calib.deviation (unit_id, kind, period_start, figures) VALUES (2, 'execution', '2025-10-01', '{"pace": 0.8}');
	SELECT calib.comment_deviation(deviation_id, 'Three shops are closed') FROM calib.deviation;
	UPDATE calib.customer SET tier = 'B' WHERE tier = 'A';
	SELECT calib.open_meeting(1, calib.today());
	SELECT calib.decide(meeting_id, item_id, 'accept') FROM calib.resolution WHERE request_id IS NOT NULL;
	INSERT INTO calib.pilot (name, baseline_from, starts_on, ends_on, compared) VALUES ('p', '2025-10-01', '2025-11-01', '2025-12-31', 'rep');
	INSERT INTO calib.pilot_unit VALUES (1, 2, 'pilot'), (1, 4, 'control');
	INSERT INTO calib.survey_response (unit_id, score) VALUES (2, 9), (1, 3);
	REVOKE SELECT ON calib.audit FROM PUBLIC;
	CREATE ROLE manager LOGIN;
	INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('manager', 'manager', 3);
});

my $tables = q{SELECT c.relname FROM pg_class c WHERE relnamespace = 'calib'::regnamespace
	AND relkind IN ('r', 'p') AND relname NOT IN ('seed', 'era') ORDER BY 1};
my @tables = split /\n/, $node->safe_psql('old', $tables);
my $sequences = q{SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'calib' ORDER BY 1};

# Row-level security: policies, whether it is on, what is granted.
my $rights = q{
	SELECT relname, relrowsecurity, relacl::text, polname, polcmd, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
	FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid
	WHERE relnamespace = 'calib'::regnamespace AND relkind IN ('r', 'p', 'v') ORDER BY relname, polname};
my $seen = q{SET ROLE manager; SELECT array_agg(unit_id ORDER BY unit_id) FROM calib.unit};

# Everything there is, a line a table: rows and their md5 in a fixed order.
sub content
{
	my ($db) = @_;
	return join "\n", map {
		$_ . ' ' . $node->safe_psql($db, "SELECT count(*), md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE \"C\"), '')) FROM calib.\"$_\" t")
	} @tables;
}
my $before = content('old');
my $numbers = $node->safe_psql('old', $sequences);
unlike($before, qr/^(?:target|adjustment|budget|audit|policy|unit_history|stage_change|agreement|outbox|outbox_claim|resource_request|request_evidence|tier_change|meeting|resolution) 0/m, 'there is something to restore');
like($before, qr/^indicator 0/m, 'and a table whose seeds are all gone');

$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom", '-d', $node->connstr('old') ], 'pg_dump, custom format');
$node->command_ok([ 'pg_dump', '-f', "$dir/plain", '-d', $node->connstr('old') ], 'pg_dump, plain');
$node->command_ok([ 'pg_dump', '--inserts', '-f', "$dir/inserts", '-d', $node->connstr('old') ], 'pg_dump, inserts');

sub fresh
{
	my ($db) = @_;
	$node->safe_psql('postgres', "DROP DATABASE IF EXISTS $db");
	$node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0");
	return $node->connstr($db);
}

# Without the setting: refused, with the way out in the output.
for my $way ([ 'pg_restore', sub { [ 'pg_restore', '-d', $_[0], "$dir/custom" ] } ],
	[ 'psql', sub { [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=0', '-d', $_[0], '-f', "$dir/plain" ] } ])
{
	my ($name, $command) = @$way;
	my $at = fresh('refused');
	local $ENV{PGOPTIONS} = '';
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run($command->($at), '>', \$out, '2>', \$err);
	ok(!$ok, "$name without calib.restoring fails") if $name eq 'pg_restore';
	like($err, qr/calib\.restoring/, "$name without calib.restoring says what to set");
	is($node->safe_psql('refused', 'SELECT count(*) FROM calib.adjustment'), '0', '... and restores no adjustment');
}

my %ways = (
	'custom' => sub { [ 'pg_restore', '--exit-on-error', '-d', $_[0], "$dir/custom" ] },
	'custom, one transaction' => sub { [ 'pg_restore', '--single-transaction', '-d', $_[0], "$dir/custom" ] },
	'plain' => sub { [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $_[0], '-f', "$dir/plain" ] },
	'plain, one transaction' => sub { [ 'psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-d', $_[0], '-f', "$dir/plain" ] },
	'inserts' => sub { [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $_[0], '-f', "$dir/inserts" ] },
);
for my $way (sort keys %ways)
{
	my $at = fresh('new');
	{
		local $ENV{PGOPTIONS} = '-c calib.restoring=on';
		my ($out, $err) = ('', '');
		ok(IPC::Run::run($ways{$way}->($at), '>', \$out, '2>', \$err), "$way: restored") or diag($err);
	}
	my $after = content('new');
	if ($way eq 'inserts')
	{
		# A table without rows has no statement in such a dump: nothing clears
		# its seeds.
		s/^indicator .*//m for my ($b, $a) = ($before, $after);
		is($a, $b, "$way: every row is back, but for a table left empty");
	}
	else
	{
		is($after, $before, "$way: every row is back, and no other");
	}
	is($node->safe_psql('new', $sequences), $numbers, "$way: sequences go on");
	is($node->safe_psql('new', $rights), $node->safe_psql('old', $rights), "$way: policies and grants are back");
	is($node->safe_psql('new', $seen), '{2,3}', "$way: and limit what is seen");
	my ($out, $err) = ('', '');
	$node->psql(
		'new', q{
		\set VERBOSITY sqlstate
		SET calib.clock = '2025-10-16 09:00+08';
		SET calib.evidence = '1';
		SET calib.reason = 'after';
		UPDATE calib.target SET value = 110 WHERE target_id = 1;
		UPDATE calib.target SET value = 111 WHERE target_id = 1;
	}, on_error_stop => 0, stdout => \$out, stderr => \$err);
	like($err, qr/^\S*\s*ERROR:\s+KC002\s*$/, "$way: the count goes on: one more place, and no other");
	is($node->safe_psql('new', q{SELECT used, (SELECT max(adjustment_id) FROM calib.adjustment) FROM calib.budget WHERE unit_id = 2}),
		'2|3', "$way: the next adjustment is recorded");
	is($node->safe_psql('new', q{SELECT count(*) FROM calib.audit WHERE relation = 'calib.target' AND new_row @> '{"target_id": 1, "value": 110}'}),
		'1', "$way: and trailed");
	is($node->safe_psql('new', q{SELECT string_agg(version || coalesce(':' || adjustment_id, ''), ' ' ORDER BY version) FROM calib.agreement}),
		'1 2:1 3 4:3', "$way: it revises the agreement restored");
	is($node->safe_psql('new', q{SELECT string_agg(state, ' ' ORDER BY position) FROM calib.outbox_state}),
		'acknowledged claimed waiting waiting', "$way: and writes one event after those restored");
	is($node->safe_psql('new', q{SET calib.clock = '2025-10-16 09:00+08';
		SELECT calib.file_adjustment(2), calib.file_request(1);
		SELECT t.value, b.used, b.pending, (SELECT status FROM calib.resource_request)
		FROM calib.target t JOIN calib.budget b USING (unit_id, measure) WHERE t.target_id = 90}),
		"|\n95|1|0|filed", "$way: what waited keeps its place and is filed");
}

# What is restored may be dumped and restored again.
{
	my $at = fresh('again');
	$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/second", '-d', $node->connstr('new') ], 'dumped again');
	local $ENV{PGOPTIONS} = '-c calib.restoring=on';
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $at, "$dir/second" ], 'restored again');
	is(content('again'), content('new'), 'every row is back again');
}

# An ordinary role cannot ask for it.
$node->safe_psql('old', 'CREATE ROLE clerk LOGIN');
my ($out, $err) = ('', '');
{
	local $ENV{PGOPTIONS} = '-c calib.restoring=on';
	$node->psql('old', 'SELECT calib.restoring()', stdout => \$out, stderr => \$err, extra_params => [ '-U', 'clerk' ]);
}
is($out, 'f', 'calib.restoring is not for everybody, not by PGOPTIONS either');

$node->stop;
done_testing();
