# The outbox and the jobs where sessions die, transactions are prepared, and on a standby.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('outbox');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 10');
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION calib;
	SET calib.clock = '2025-10-15 09:00+08';
	INSERT INTO calib.policy (valid_from, approval) VALUES ('2025-10-15', 'none');
	INSERT INTO calib.unit (unit_id, kind, name) SELECT u, 'team', 'team ' || u FROM generate_series(1, 20) u;
	INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES (1, 'market_report', 't', 'u', '2025-10-01');
	INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value) SELECT u, u, 'quarter', '2025-10-01', 100 FROM generate_series(1, 20) u;
});
my $play = q{SET calib.clock = '2025-10-15 09:00+08'; SET calib.evidence = '1'; SET calib.reason = 'why';};

sub value { return $node->safe_psql('postgres', $_[0]) }

sub pid
{
	my ($session) = @_;
	return $session->query_safe('SELECT pg_backend_pid()');
}

# Ends the session's backend, and waits until it is gone.
sub kill_backend
{
	my ($session) = @_;
	my $pid = pid($session);
	value("SELECT pg_terminate_backend($pid, 10000)");
	$node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)")
	  or die 'the backend stays';
	eval { $session->quit };
	return;
}

# --- a prepared transaction around an adjustment
value("$play BEGIN; UPDATE calib.target SET value = 95 WHERE target_id = 1; PREPARE TRANSACTION 'kept';");
value("$play BEGIN; UPDATE calib.target SET value = 95 WHERE target_id = 2; PREPARE TRANSACTION 'dropped';");
is(value('SELECT count(*) FROM calib.outbox'), '0', 'PREPARE TRANSACTION works around an adjustment; its event waits with it');
$node->stop('immediate');
$node->start;
value("COMMIT PREPARED 'kept'");
value("ROLLBACK PREPARED 'dropped'");
is(value('SELECT string_agg(payload ->> \'unit_id\', \' \') FROM calib.outbox'), '1', 'after a crash: the event of the one committed, no other');
is(value('SELECT string_agg(unit_id || \'/\' || version, \' \' ORDER BY version) FROM calib.agreement'), '1/1 1/2', 'and its agreement');
value("$play BEGIN; SELECT calib.draft_agreement(3, 'quarter', '2025-10-01', '{}'); SELECT calib.acknowledge_agreement(3, 'quarter', '2025-10-01'); PREPARE TRANSACTION 'hr';");
value("COMMIT PREPARED 'hr'");
is(value('SELECT count(*) FROM calib.outbox'), '3', 'so do HR\'s own steps');

# --- a worker that dies
value("$play UPDATE calib.target SET value = 94 WHERE target_id BETWEEN 4 AND 13");
is(value('SELECT count(*) FROM calib.outbox_state WHERE state = \'waiting\''), '13', 'thirteen events wait');
my $worker = $node->background_psql('postgres');
$worker->query_safe('BEGIN');
is($worker->query_safe(q{SELECT count(*) FROM calib.claim_outbox(5, 'mid')}), '5', 'a worker claims five in a transaction');
is(value(q{BEGIN; SELECT min(position) > 5 FROM calib.claim_outbox(3, 'beside'); ROLLBACK}), 't', 'another gets others');
kill_backend($worker);
is(value('SELECT count(*) FROM calib.outbox_state WHERE state = \'waiting\''), '13', 'killed before it committed: all come back at once');

$worker = $node->background_psql('postgres');
is($worker->query_safe(q{SELECT count(*) FROM calib.claim_outbox(5, 'after', '2 seconds')}), '5', 'a worker claims five and commits');
kill_backend($worker);
is(value(q{SELECT count(*) FROM calib.claim_outbox(100, 'second')}), '8', 'killed after that: they stay its own until the lease ends');
$node->poll_query_until('postgres', q{SELECT count(*) = 5 FROM calib.outbox_state WHERE state = 'lapsed'}) or die 'no lease ended';
is(value(q{SELECT count(*) || ' ' || max(attempts) FROM calib.claim_outbox(100, 'third') JOIN calib.outbox_claim USING (id)}),
	'5 1', 'and come back then');
is(value('SELECT count(*) FILTER (WHERE attempts = 2) || \' \' || count(*) FILTER (WHERE worker = \'third\') FROM calib.outbox_claim'), '5 5', 'each with its second attempt');

# --- the server dies after a claim and an acknowledgement were committed
value(q{SELECT calib.ack_outbox(id) FROM calib.outbox_claim WHERE worker = 'third'});
$node->stop('immediate');
$node->start;
is(value('SELECT string_agg(s, \' \' ORDER BY s) FROM (SELECT state || count(*) FROM calib.outbox_state GROUP BY state) x (s)'),
	'acknowledged5 claimed8', 'claims and acknowledgements survive the server');
value(q{SELECT calib.ack_outbox(id) FROM calib.outbox_claim WHERE acked_at IS NULL});

# --- four workers at once, each until nothing is left: every event exactly once
value("$play UPDATE calib.target SET value = 93 WHERE target_id BETWEEN 4 AND 20");
value("$play UPDATE calib.target SET value = 92 WHERE target_id BETWEEN 14 AND 20");
value('CREATE TABLE seen (worker text, id uuid)');
my $take = $node->basedir . '/take.sql';
append_to_file($take, q{WITH c AS (SELECT id, row_number() OVER () AS n FROM calib.claim_outbox(2, 'w' || :client_id)) INSERT INTO seen SELECT 'w' || :client_id, id FROM c;} . "\n");
$node->command_ok([ 'pgbench', '-n', '-c', 4, '-t', 10, '-f', $take, 'postgres' ], 'four workers claim two at a time');
is(value('SELECT count(*) || \' \' || count(DISTINCT id) FROM seen'), '24 24', 'none gets what another has, and none is left out');

# --- run('announce') notifies; the adjustment itself does not
my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN calib_outbox');
value("$play UPDATE calib.target SET value = 99 WHERE target_id = 2");
$listener->query_safe('SELECT 1');
my $heard = $listener->query_safe('SELECT 2');
unlike($heard, qr/notification/, 'an adjustment notifies nobody');
is(value(q{SELECT calib.run('announce')}), '1', 'the job finds its event');
$heard = $listener->query_safe('SELECT 3') . $listener->query_safe('SELECT 4');
like($heard, qr/Asynchronous notification "calib_outbox" with payload "1"/, 'and tells those who listen');
# while it runs it does not run again
my $running = $node->background_psql('postgres');
$running->query_safe('BEGIN');
is($running->query_safe(q{SELECT calib.run('announce')}), '1', 'a run that takes its time');
is(value(q{SELECT calib.run('announce') IS NULL}), 't', 'a second one meanwhile does nothing');
$running->query_safe('COMMIT');
is(value(q{SELECT calib.run('announce')}), '1', 'the next one does');
$_->quit for $listener, $running;

# --- a standby
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT calib.run('announce') IS NULL}), 't', 'on a standby the job returns early');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM calib.agreement_current'), value('SELECT count(*) FROM calib.agreement_current'),
	'where agreements are read as on the primary');
$standby->stop;

$node->stop;
done_testing();
