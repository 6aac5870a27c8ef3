# A backfill that is killed and called again, while the CRM goes on writing: afterwards
# calib's facts are the mapping over the source, row for row. And what a dump brings back.
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('feed_backfill');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_connections = 30\n");
$node->start;

sub sql { return $node->safe_psql('postgres', @_); }

# psql in the background, fed by hand: [handle, its output so far, what it is told next]
sub session
{
	my ($in, $out, $err) = ('', '', '');
	my $self = { in => \$in, out => \$out, err => \$err };
	$self->{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>', \$err);
	return $self;
}

sub speak
{
	my ($self, $text) = @_;
	${ $self->{in} } .= "$text\n\\echo told\n";
	my $was = () = ${ $self->{out} } =~ /^told$/mg;
	$self->{run}->pump until (() = ${ $self->{out} } =~ /^told$/mg) > $was;
	return;
}

sub leave
{
	my ($self) = @_;
	${ $self->{in} } .= "\\q\n";
	$self->{run}->finish;
	return ${ $self->{err} };
}

# Two partitions, one of them divided again, and a gate in the mapping: whoever reads row
# 30001 waits while somebody holds lock 1.
sql(<<'SQL');
CREATE EXTENSION calib;
INSERT INTO calib.unit (kind, name, external_ref) SELECT 'rep', 'Rep ' || n, 'r' || n FROM generate_series(0, 9) n;
CREATE SCHEMA crm;
CREATE TABLE crm.visit (id bigint, rep text, at timestamptz NOT NULL, n integer, deleted boolean NOT NULL DEFAULT false, PRIMARY KEY (id))
	PARTITION BY RANGE (id);
CREATE TABLE crm.visit_low PARTITION OF crm.visit FOR VALUES FROM (0) TO (20000);
CREATE TABLE crm.visit_high PARTITION OF crm.visit FOR VALUES FROM (20000) TO (1000000) PARTITION BY RANGE (id);
CREATE TABLE crm.visit_40 PARTITION OF crm.visit_high FOR VALUES FROM (20000) TO (40000);
CREATE TABLE crm.visit_rest PARTITION OF crm.visit_high DEFAULT;
-- it waits for as long as the gate is shut, unlike a feed
CREATE FUNCTION crm.gate(rep text) RETURNS text LANGUAGE plpgsql SET lock_timeout = 0 AS $$
BEGIN
	PERFORM pg_advisory_xact_lock_shared(1);
	RETURN rep;
END $$;
INSERT INTO crm.visit SELECT i, 'r' || i % 10, '2025-10-01 00:00+08'::timestamptz + i * interval '1 minute', 1, i % 50 = 0 FROM generate_series(1, 50000) i;
CREATE VIEW crm.wanted AS
	SELECT v.id::text AS external_id, u.unit_id, v.at AS occurred_at, v.n::float8 AS quantity
	FROM crm.visit v JOIN calib.unit u ON u.external_ref = v.rep WHERE NOT v.deleted;
CREATE VIEW crm.brought AS
	SELECT external_id, unit_id, occurred_at, quantity FROM calib.activity WHERE source = 'visits';
CREATE VIEW crm.difference AS
	(SELECT 'missing', * FROM (TABLE crm.wanted EXCEPT TABLE crm.brought) m)
	UNION ALL (SELECT 'too many', * FROM (TABLE crm.brought EXCEPT TABLE crm.wanted) m);
SELECT calib.attach('visits', 'activity', 'crm.visit', '{
	"external_id": "id", "kind": "''visit''", "occurred_at": "at", "quantity": "n",
	"unit": "CASE WHEN id = 30001 THEN crm.gate(rep) ELSE rep END"}', 'NOT deleted');
SQL
is(sql('SELECT count(*) FROM calib.activity'), 0, 'attaching takes no row');

# --- A table that somebody is writing to is not waited for without end
my $writer = session();
speak($writer, "BEGIN; INSERT INTO crm.visit VALUES (61000, 'r1', '2025-10-01', 1);");
my ($code, $stdout, $stderr) = $node->psql('postgres', <<'SQL');
SELECT calib.attach('more visits', 'activity', 'crm.visit', '{"external_id": "id", "kind": "''visit''", "occurred_at": "at", "unit": "rep"}')
SQL
like($stderr, qr/canceling statement due to lock timeout/, 'attaching gives up');
is(sql('SELECT count(*) FROM calib.feed'), 1, 'and leaves nothing');
speak($writer, 'ROLLBACK;');
leave($writer);

# --- Killed in the middle
my $gate = session();
speak($gate, 'SELECT pg_advisory_lock(1);');
my $filling = session();
${ $filling->{in} } .= "CALL calib.backfill('visits');\n";
$filling->{run}->pump_nb;
ok( $node->poll_query_until('postgres', <<'SQL'), 'the backfill has come to the gate');
SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)
SQL
# what it does not hold goes on being written meanwhile, and wins
sql(<<'SQL');
UPDATE crm.visit SET n = 7 WHERE id IN (1, 45001);
DELETE FROM crm.visit WHERE id IN (2, 45002);
UPDATE crm.visit SET deleted = true WHERE id IN (3, 45003);
UPDATE crm.visit SET id = id + 100000 WHERE id IN (4, 45004);
INSERT INTO crm.visit VALUES (60000, 'r1', '2025-10-01', 1), (0, 'r2', '2025-10-01', 1);
BEGIN;
UPDATE crm.visit SET n = 9 WHERE id < 10000 OR id > 40000;
ROLLBACK;
SQL
is(sql("SELECT external_id, quantity FROM calib.activity WHERE external_id IN ('1', '2', '3', '4', '45001', '45002', '100004', '145004', '60000', '0') ORDER BY 1"),
	"0|1\n1|7\n100004|1\n145004|1\n45001|7\n60000|1", 'what is pushed meanwhile is there at once');
sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'CALL calib.backfill' AND pid <> pg_backend_pid()");
$filling->{run}->finish;
like(${ $filling->{err} }, qr/terminating connection/, 'the backfill was killed');
my ($done, $all) = split /\|/, sql("SELECT done, total FROM calib.feed WHERE backfilled_at IS NULL");
cmp_ok($done, '>', 15000, "what was committed is kept: $done rows read");
cmp_ok($done, '<', 40000, 'and not more');
cmp_ok(abs($all - 50000), '<', 5000, "of about 50000: $all");
like(sql("SELECT detail FROM calib.health() WHERE check_name = 'feeds' AND NOT ok"), qr/visits: backfill not finished/, 'health says so');
leave($gate);

# --- Called again, under writers: inserts, updates, soft and hard deletes, moved keys, rollbacks
my $script = $node->basedir . '/crm.sql';
append_to_file($script, <<'SQL');
\set id random(1, 50000)
\set new random(200000, 290000)
\set what random(1, 9)
\if :what = 1
INSERT INTO crm.visit VALUES (:new, 'r' || :id % 10, '2025-11-01', 1) ON CONFLICT (id) DO UPDATE SET n = crm.visit.n + 1;
\elif :what <= 4
UPDATE crm.visit SET n = n + 1, rep = 'r' || :new % 10 WHERE id = :id;
\elif :what = 5
UPDATE crm.visit SET deleted = NOT deleted WHERE id = :id;
\elif :what = 6
DELETE FROM crm.visit WHERE id = :id;
\elif :what = 7
BEGIN;
UPDATE crm.visit SET n = -1 WHERE id BETWEEN :id AND :id + 20;
DELETE FROM crm.visit WHERE id = :id;
ROLLBACK;
\elif :what = 8
BEGIN;
UPDATE crm.visit SET n = n + 1 WHERE id = :id;
SAVEPOINT s;
DELETE FROM crm.visit WHERE id = :id;
ROLLBACK TO s;
COMMIT;
\else
DELETE FROM crm.visit WHERE id = :id;
INSERT INTO crm.visit VALUES (:id, 'r3', '2025-11-02', 5) ON CONFLICT DO NOTHING;
\endif
SQL
my ($bench_out, $bench_err) = ('', '');
my $bench = IPC::Run::start([ 'pgbench', '-n', '-c', '4', '-T', '8', '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ],
	'>', \$bench_out, '2>', \$bench_err);
# one who only looks, and holds what he looks at; one whose change will be taken back
my $holder = session();
speak($holder, 'BEGIN; SELECT FROM crm.visit WHERE id = 47000 FOR UPDATE;');
my $undoer = session();
speak($undoer, 'BEGIN; UPDATE crm.visit SET n = 99 WHERE id = 47001;');
my ($out, $err);
$node->psql('postgres', "CALL calib.backfill('visits')", stdout => \$out, stderr => \$err);
like($err, qr/WARNING:  feed "visits" is filled but for rows that somebody else holds/, 'rows that are held are told');
is(sql("SELECT count(*) FROM calib.activity WHERE external_id = '47000'"), 0, 'and nobody is waited for');
speak($undoer, 'ROLLBACK;');
speak($holder, 'COMMIT;');
leave($undoer);
leave($holder);
$node->psql('postgres', "CALL calib.backfill('visits')", stderr => \$err);
like($err, qr/feed "visits": filled, 0 rows wait/, 'called again it ends');
$bench->finish;
is($? >> 8, 0, 'no writer failed') or diag($bench_err);
unlike($bench_err, qr/ERROR/, 'nor was refused');
my ($transactions) = $bench_out =~ /actually processed: (\d+)/;
note("$transactions transactions meanwhile");
cmp_ok($transactions, '>', 100, 'and they did write meanwhile');
is(sql('TABLE crm.difference'), '', 'the facts are the mapping over the source');
cmp_ok(sql('SELECT count(*) FROM crm.brought'), '>', 20000, 'and many');
is(sql('SELECT count(*) FROM calib.feed_error'), 0, 'nothing failed');
is(sql("SELECT problem IS NULL, done = total, backfilled_at IS NOT NULL FROM calib.feed_state"), 't|t|t', 'the feed is in order');

# --- A table that is rewritten meanwhile is read from its beginning
sql('DELETE FROM calib.activity');
$node->psql('postgres', "CALL calib.backfill('visits')", stderr => \$err);
is(sql('TABLE crm.difference'), '', 'called after its end, it takes everything anew');
sql('DELETE FROM calib.activity WHERE external_id::bigint < 20000');
sql(<<'SQL');
UPDATE calib.feed SET backfilled_at = NULL, backfill_at = format(
	'{"leaf": %s, "node": %s, "block": 50, "size": 16, "read": 50, "again": [], "waits": 0}',
	'crm.visit_low'::regclass::oid, pg_relation_filenode('crm.visit_low'));
VACUUM FULL crm.visit_low;
SQL
$node->psql('postgres', "CALL calib.backfill('visits')", stderr => \$err);
is(sql('TABLE crm.difference'), '', 'what moved is not missed');

# --- Facts that were left by an earlier feed of the name go with the backfill
sql("SELECT calib.detach('visits')");
sql("DELETE FROM crm.visit WHERE id < 1000");
cmp_ok(sql('SELECT count(*) FROM crm.difference'), '>', 500, 'a detached feed follows nothing');
sql(<<'SQL');
SELECT calib.attach('visits', 'activity', 'crm.visit', '{"external_id": "id", "kind": "''visit''", "occurred_at": "at", "quantity": "n", "unit": "rep"}', 'NOT deleted');
SQL
$node->psql('postgres', "CALL calib.backfill('visits')", stderr => \$err);
is(sql('TABLE crm.difference'), '', 'attached again and filled, it is right again');

# --- Dump and restore
sql(<<'SQL');
INSERT INTO crm.visit VALUES (70000, 'nobody', '2025-10-01', 1);
CREATE TABLE crm.short (id bigint, rep text, at timestamptz);
SELECT calib.attach('short', 'activity', 'crm.short', '{"external_id": "id", "kind": "''visit''", "occurred_at": "at", "unit": "rep"}');
DROP TABLE crm.short;
CREATE VIEW crm.seen AS SELECT id, rep, at FROM crm.visit WHERE id BETWEEN 1000 AND 1010;
SELECT calib.attach('seen', 'activity', 'crm.seen', '{"external_id": "id", "kind": "''call''", "occurred_at": "at", "unit": "rep"}', mode => 'pull', cursor_column => 'at');
SELECT calib.pull('seen');
CREATE TABLE crm.account (id text, name text);
SELECT calib.attach('accounts', 'customer', 'crm.account', '{"external_ref": "id", "name": "name"}');
INSERT INTO crm.account VALUES ('a', 'Alpha');
CALL calib.backfill('accounts');
SQL
my $told = <<'SQL';
SELECT feed, source, mapping, filter, mode, cursor_column, cursor_value, owner, backfilled_at FROM calib.feed WHERE feed <> 'short' ORDER BY 1;
SELECT source, count(*), sum(quantity), max(recorded_at) FROM calib.activity GROUP BY 1 ORDER BY 1;
SELECT source, external_id, fact, tries, first_at FROM calib.feed_error;
SELECT feed_id, key FROM calib.feed_key;
SELECT name, external_ref FROM calib.customer;
SQL
my $before = sql($told);
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('postgres') ], 'dumped');
sql('CREATE DATABASE restored');
{
	local $ENV{PGOPTIONS} = '-c calib.restoring=on';
	$node->command_ok([ 'pg_restore', '-d', $node->connstr('restored'), $dump ], 'restored');
}
is($node->safe_psql('restored', $told), $before, 'feeds and facts are as they were, none doubled, none of a dropped source');
is($node->safe_psql('restored', "SELECT relation, trigger, problem FROM calib.trigger_state WHERE NOT ok"), 'calib.activity||no foreign keys', 'every trigger stands');
is($node->safe_psql('restored', "SELECT relation, mended FROM calib.rearm()"), 'calib.activity|t', '... and rearm() puts the foreign keys on');
$node->safe_psql('restored', "INSERT INTO crm.visit VALUES (80000, 'r1', '2025-10-01', 1)");
is($node->safe_psql('restored', "SELECT count(*) FROM calib.activity WHERE external_id = '80000'"), 1, 'and it follows on');
is($node->safe_psql('restored', 'TABLE crm.difference'), '', 'exactly');

# --- A foreign table is pulled
SKIP:
{
	skip 'no postgres_fdw here', 3 unless sql("SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'");
	my ($host, $port) = ($node->host, $node->port);
	sql(<<"SQL");
CREATE EXTENSION postgres_fdw;
CREATE SERVER crm FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'restored');
CREATE USER MAPPING FOR CURRENT_USER SERVER crm;
CREATE FOREIGN TABLE crm.far (id bigint, rep text, at timestamptz, n integer) SERVER crm OPTIONS (schema_name 'crm', table_name 'visit_rest');
SELECT calib.attach('far', 'activity', 'crm.far', '{"external_id": "id", "kind": "''call''", "occurred_at": "at", "quantity": "n", "unit": "rep"}',
	mode => 'pull', cursor_column => 'at');
CREATE VIEW crm.far_difference AS
	(SELECT f.id::text, f.n::float8, f.at FROM crm.far f JOIN calib.unit u ON u.external_ref = f.rep EXCEPT SELECT external_id, quantity, occurred_at FROM calib.activity WHERE source = 'far')
	UNION ALL (SELECT external_id, quantity, occurred_at FROM calib.activity WHERE source = 'far' EXCEPT SELECT id::text, n, at FROM crm.far);
CALL calib.backfill('far');
SQL
	is(sql('TABLE crm.far_difference'), '', 'filled from far away');
	$node->safe_psql('restored', "UPDATE crm.visit SET n = 77, at = '2026-01-01' WHERE id = 45010; INSERT INTO crm.visit VALUES (45002, 'r5', '2026-01-02', 3) ON CONFLICT (id) DO UPDATE SET at = EXCLUDED.at; DELETE FROM crm.visit WHERE id = 45011");
	sql("SELECT calib.pull('far')");
	is(sql('SELECT count(*) FROM crm.far_difference'), sql("SELECT count(*) FROM calib.activity WHERE source = 'far' AND external_id = '45011'"), 'what is new there comes');
	sql("SELECT calib.pull('far', complete => true)");
	is(sql('TABLE crm.far_difference'), '', 'and what is gone there goes');
}

$node->stop;
done_testing();
