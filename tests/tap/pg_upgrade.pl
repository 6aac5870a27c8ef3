# pg_upgrade carries a database with calib in it: rows, rules, trail, ledger and
# rights stand afterwards as before. From this version of PostgreSQL to itself,
# which takes the same road as to a newer one.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $old = PostgreSQL::Test::Cluster->new('old');
$old->init;
# An ANALYZE is a writing transaction: a seal of the ledger's waits for it.
$old->append_conf('postgresql.conf', "autovacuum = off\n");
$old->start;
$old->safe_psql('postgres', 'CREATE DATABASE firm');
$old->safe_psql('firm', q{
    CREATE EXTENSION calib;
    CREATE ROLE east LOGIN;
    SET calib.clock = '2025-10-15 09:00+08';
    INSERT INTO calib.unit (unit_id, kind, name, external_ref) VALUES (1, 'team', 'Zhejiang', 'ZJ'), (2, 'team', 'Jiangsu', 'JS');
    INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('east', 'manager', 1);
    INSERT INTO calib.policy (valid_from, approval) VALUES ('2025-10-15', 'none');
    INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES (1, 'market_report', 'Q3', 'https://example.com', '2025-10-08');
    CREATE TABLE quota (team text, quarter date, yuan numeric);
    INSERT INTO quota VALUES ('ZJ', '2025-10-01', 100), ('JS', '2025-10-01', 200);
    SELECT calib.guard_table('quota', 'yuan', 'team', 'quarter');
    CREATE TABLE visit (id int PRIMARY KEY, team text, at timestamptz);
    SELECT calib.attach('visits', 'activity', 'visit', '{"external_id": "id::text", "unit": "team", "kind": "''visit''", "occurred_at": "at"}');
    INSERT INTO visit VALUES (1, 'ZJ', '2025-10-13 10:00+08');
    CREATE TABLE summary AS SELECT calib.behavior(at, 1, 'visit', 1) AS did FROM visit;
    BEGIN;
    SET LOCAL calib.evidence = '1';
    SET LOCAL calib.reason = 'The market shrank';
    UPDATE quota SET yuan = 95 WHERE team = 'ZJ';
    COMMIT;
});
$old->safe_psql('firm', q{SELECT calib.run('rollup')});
$old->safe_psql('firm', 'SELECT calib.seal()');
my $digest = $old->safe_psql('firm', 'SELECT calib.digest()');
my $rows = q{SELECT string_agg(format('%s %s', c.relname, (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM calib.%I', c.relname), false, true, '')))[1]), ', ' ORDER BY c.relname)
    FROM pg_class c WHERE c.relnamespace = 'calib'::regnamespace AND c.relkind = 'r'};
my $before = $old->safe_psql('firm', $rows);
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
$new->append_conf('postgresql.conf', "autovacuum = off\n");
# pg_upgrade leaves its log below where it stands.
chdir $PostgreSQL::Test::Utils::tmp_check or die $!;
command_ok(
	[ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $old->config_data('--bindir'), '-B', $new->config_data('--bindir'),
		'-s', $new->host, '-p', $old->port, '-P', $new->port ],
	'pg_upgrade runs');
$new->start;

is($new->safe_psql('firm', $rows), $before, 'every row is there');
is($new->safe_psql('firm', 'SELECT count(*) FROM calib.trigger_state WHERE NOT ok'), '0', 'every trigger that keeps a rule stands');
is($new->safe_psql('firm', q{SELECT string_agg(check_name || ': ' || detail, ', ') FROM calib.health() WHERE NOT ok AND check_name NOT IN ('jobs', 'scheduler')}), '', 'health has nothing to say');
is($new->safe_psql('firm', "SELECT bool_and(ok) FROM calib.verify('$digest')"), 't', 'the ledger is the history of a digest from before');
is($new->safe_psql('firm', 'SELECT calib.events(did) FROM summary'), '1', 'a stored summary reads');
is($new->safe_psql('firm', q{SET SESSION AUTHORIZATION east; SELECT string_agg(DISTINCT unit_id::text, ',') FROM calib.attainment_at('2025-10-20 09:00+08')}), '1', 'rights hold');

my ($out, $err);
$new->psql('firm', q{SET calib.clock = '2025-10-16 09:00+08'; UPDATE quota SET yuan = 50 WHERE team = 'ZJ'}, stdout => \$out, stderr => \$err);
like($err, qr/an adjustment needs evidence/, 'and so do the rules');
$new->safe_psql('firm', q{INSERT INTO visit VALUES (2, 'JS', '2025-10-14 10:00+08')});
is($new->safe_psql('firm', q{SELECT count(*) FROM calib.activity WHERE source = 'visits'}), '2', 'feeds follow');
$new->safe_psql('firm', q{INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (1, '2025-10-14', 7)});
is($new->safe_psql('firm', 'SELECT calib.seal()'), '2', 'the ledger goes on');
is($new->safe_psql('firm', "SELECT bool_and(ok) FROM calib.verify('$digest')"), 't', '... from where it was');

$new->stop;
done_testing();
