# Dump and restore of a database with feeds: the feeds come back with their triggers, the
# facts are those there were and none twice, and the next row of the CRM is followed.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('feed_dump');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;
my $dir = $node->backup_dir;
mkdir $dir;

$node->safe_psql('postgres', 'CREATE ROLE crm_owner; CREATE DATABASE old');
$node->safe_psql('old', q{
	CREATE EXTENSION calib;
	CREATE SCHEMA "the CRM" AUTHORIZATION crm_owner;
	SET ROLE crm_owner;
	CREATE TABLE "the CRM"."Account" (id uuid PRIMARY KEY, title text, owner_code text);
	CREATE TABLE "the CRM".event (id bigint NOT NULL, account_id uuid, owner_code text, starts timestamptz) PARTITION BY RANGE (starts);
	CREATE TABLE "the CRM".event_old PARTITION OF "the CRM".event FOR VALUES FROM (MINVALUE) TO ('2025-07-01 00:00+08');
	CREATE TABLE "the CRM".event_new PARTITION OF "the CRM".event FOR VALUES FROM ('2025-07-01 00:00+08') TO (MAXVALUE);
	RESET ROLE;
});
$node->safe_psql('old', q{
	CREATE VIEW "the CRM".paid AS SELECT id, owner_code, starts AS paid, 10 * id AS amount FROM "the CRM".event WHERE id > 0 AND id % 2 = 0;
	ALTER VIEW "the CRM".paid OWNER TO crm_owner;
	INSERT INTO calib.unit (unit_id, kind, name, external_ref) VALUES (1, 'rep', 'Li', 'o-0'), (2, 'rep', 'Wang', 'o-1');
	INSERT INTO calib.unit_alias (source, external_ref, unit_id) VALUES ('event', 'old-name', 1), ('paid', 'old-name', 2);
	SELECT calib.attach('account', 'customer', '"the CRM"."Account"', '{"external_ref": "id::text", "name": "title", "unit": "owner_code"}');
	SELECT calib.attach('event', 'activity', '"the CRM".event', '{"external_id": "id::text", "unit": "owner_code", "customer": "account_id::text",
		"kind": "''visit''", "occurred_at": "starts"}', 'id > 0');
	SELECT calib.attach('paid', 'result', '"the CRM".paid', '{"external_id": "id::text", "unit": "owner_code", "occurred_at": "paid", "amount": "amount"}',
		mode => 'pull', cursor_column => 'paid');
	INSERT INTO "the CRM"."Account" SELECT md5('account ' || n)::uuid, '客户 ' || n || ' 🧃', 'o-' || n % 2 FROM generate_series(1, 10) n;
	INSERT INTO "the CRM".event SELECT n, md5('account ' || n % 12)::uuid, (ARRAY['o-0', 'o-1', 'old-name', 'nobody'])[1 + n % 4], timestamptz '2025-06-30 12:00+08' + n * interval '1 hour'
	FROM generate_series(-5, 60) n;
	SELECT calib.pull();
});

my @tables = split /\n/, $node->safe_psql('old', q{SELECT c.oid::regclass FROM pg_class c
	WHERE relkind = 'r' AND NOT relispartition AND (relnamespace = '"the CRM"'::regnamespace OR relnamespace = 'calib'::regnamespace AND relname NOT IN ('seed', 'era')) ORDER BY 1});
push @tables, '"the CRM".event';
my $triggers = q{SELECT tgrelid::regclass, tgname, tgenabled, tgfoid::regproc, pg_get_triggerdef(oid) FROM pg_trigger
	WHERE NOT tgisinternal AND tgname LIKE 'calib%' ORDER BY tgrelid::regclass::text, tgname};

sub content
{
	my ($db) = @_;
	return join "\n", map { $_ . ' ' . $node->safe_psql($db, "SELECT count(*), md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE \"C\"), '')) FROM $_ t") } @tables;
}
my $before = content('old');
my $stand = $node->safe_psql('old', $triggers);
unlike($before, qr/^calib\.(?:feed|feed_error|activity|result|customer|unit_alias) 0/m, 'there is something to restore');
is($node->safe_psql('old', 'SELECT (SELECT count(*) FROM calib.activity), (SELECT count(*) FROM calib.result)'), '45|30', 'and it is the facts of 60 rows, but for those of nobody');

$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom", '-d', $node->connstr('old') ], 'pg_dump, custom format');
$node->command_ok([ 'pg_dump', '-f', "$dir/plain", '-d', $node->connstr('old') ], 'pg_dump, plain');
$node->command_ok([ 'pg_dump', '-Fc', '--data-only', '--schema="the CRM"', '-f', "$dir/rows", '-d', $node->connstr('old') ], 'pg_dump, the rows of the CRM alone');

my %ways = (
	'custom' => sub { [ 'pg_restore', '--exit-on-error', '-d', $_[0], "$dir/custom" ] },
	'custom, one transaction' => sub { [ 'pg_restore', '--single-transaction', '-d', $_[0], "$dir/custom" ] },
	'plain' => sub { [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $_[0], '-f', "$dir/plain" ] },
);
for my $way (sort keys %ways)
{
	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS new');
	$node->safe_psql('postgres', 'CREATE DATABASE new TEMPLATE template0');
	{
		local $ENV{PGOPTIONS} = '-c calib.restoring=on';
		my ($out, $err) = ('', '');
		ok(IPC::Run::run($ways{$way}->($node->connstr('new')), '>', \$out, '2>', \$err), "$way: restored") or diag($err);
	}
	is(content('new'), $before, "$way: every row of the CRM, feed, fact and error is back, and none twice");
	is($node->safe_psql('new', $triggers), $stand, "$way: the triggers stand as they stood");

	# And on it goes: rows of the CRM are followed, errors retried, views read on.
	$node->safe_psql('new', q{
		INSERT INTO "the CRM"."Account" VALUES (md5('account 0')::uuid, 'late', 'o-1');
		INSERT INTO "the CRM".event VALUES (100, md5('account 0')::uuid, 'o-1', '2025-07-09 12:00+08'), (101, NULL, 'nobody', '2025-07-09 12:00+08');
		UPDATE "the CRM".event SET starts = '2025-06-01 12:00+08' WHERE id = 9;
		DELETE FROM "the CRM".event WHERE id = 1});
	is($node->safe_psql('new', q{SELECT string_agg(concat_ws(' ', external_id, unit_id, (SELECT name FROM calib.customer c WHERE c.customer_id = a.customer_id),
			occurred_at AT TIME ZONE 'Asia/Shanghai'), ', ' ORDER BY external_id)
			FROM calib.activity a WHERE external_id IN ('1', '9', '100', '101')}),
		q{100 2 late 2025-07-09 12:00:00, 9 2 客户 9 🧃 2025-06-01 12:00:00}, "$way: insert, update and delete are followed");
	is($node->safe_psql('new', q{SELECT string_agg(external_id, ' ' ORDER BY external_id::int) FROM calib.feed_error WHERE source = 'event'}),
		join(' ', (map { 4 * $_ + 3 } 0 .. 14), 101), "$way: what cannot be taken waits");
	$node->safe_psql('new', q{INSERT INTO calib.unit (unit_id, kind, name, external_ref) VALUES (3, 'rep', 'Nobody', 'nobody'); SELECT calib.pull()});
	is($node->safe_psql('new', 'SELECT (SELECT count(*) FROM calib.feed_error), (SELECT count(*) FROM calib.activity), (SELECT count(*) FROM calib.result)'),
		'0|61|31', "$way: and is taken once it can be");
}

# The rows of the CRM alone, brought back into a database that has feeds and facts.
{
	local $ENV{PGOPTIONS} = '-c calib.restoring=on';
	$node->safe_psql('old', q{TRUNCATE "the CRM"."Account", "the CRM".event});
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('old'), "$dir/rows" ], 'rows brought back while restoring');
}
is(content('old'), $before, 'leave the facts as they are');

$node->stop;
done_testing();
