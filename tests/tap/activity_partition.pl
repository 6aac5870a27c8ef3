# Partitions that were made at run time, with rows in them and in the default one: a dump
# brings them back with their triggers, keys and rights, a standby reads them, and they go
# with the extension.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('partition');
$node->init(allows_streaming => 1);
$node->start;
my $dir = $node->backup_dir;
mkdir $dir;

$node->safe_psql('postgres', 'CREATE DATABASE old');
$node->safe_psql(
	'old', q{
	CREATE EXTENSION calib;
	SET calib.clock = '2025-10-15 09:00+08';
	INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'rep', 'r');
	INSERT INTO calib.customer (customer_id, name) VALUES (1, 'c');
	INSERT INTO calib.opportunity (opportunity_id, unit_id, customer_id) VALUES (1, 1, 1);
	INSERT INTO calib.activity_kind VALUES ('own', 'Own', '自有');
	INSERT INTO calib.activity (source, external_id, unit_id, customer_id, opportunity_id, kind, occurred_at)
	SELECT 'crm', n, 1, 1, 1, CASE n % 2 WHEN 0 THEN 'visit' ELSE 'own' END, timestamptz '2024-06-01 10:00+08' + n * interval '5 days' FROM generate_series(0, 119) n;
	SELECT calib.make_partitions();
	UPDATE calib.organisation SET activity_months = 13;
	SELECT calib.run_rollup(calib.clock());
	SELECT calib.run_maintain(calib.clock());
	INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', 'default', 1, 'visit', '2031-01-01');
	CREATE ROLE rep LOGIN;
	INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('rep', 'rep', 1);
});

my $facts = q{SELECT a.tableoid::regclass, a.* FROM calib.activity a ORDER BY source, external_id};
my $keys = q{SELECT * FROM calib.activity_key ORDER BY 1, 2};
my $dropped = q{SELECT * FROM calib.activity_dropped ORDER BY 1};
my $days = q{SELECT opportunity_id, day FROM calib.opportunity_day ORDER BY 1, 2};
my $wrong = q{SELECT count(*) FROM ((SELECT source, external_id, occurred_at FROM calib.activity EXCEPT ALL TABLE calib.activity_key)
	UNION ALL (TABLE calib.activity_key EXCEPT ALL SELECT source, external_id, occurred_at FROM calib.activity)) d};
# what each partition is: bounds, indexes, keys, triggers, rights, comments
my $shape = q{
	SELECT c.relname, pg_get_expr(c.relpartbound, c.oid), c.relrowsecurity, c.relacl, obj_description(c.oid, 'pg_class'),
		(SELECT string_agg(pg_get_indexdef(i.indexrelid), E'\n' ORDER BY i.indexrelid::regclass::text) FROM pg_index i WHERE i.indrelid = c.oid),
		(SELECT string_agg(k.conname || pg_get_constraintdef(k.oid), E'\n' ORDER BY k.conname) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.conparentid = 0),
		(SELECT string_agg(k.confrelid::regclass::text, ' ' ORDER BY k.confrelid::regclass::text) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f'),
		(SELECT string_agg(pg_get_triggerdef(t.oid) || t.tgenabled::text, E'\n' ORDER BY t.tgname) FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
	FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid WHERE h.inhparent = 'calib.activity'::regclass ORDER BY 1};
my %was = map { $_ => $node->safe_psql('old', $_) } ($facts, $keys, $dropped, $days, $shape);
is(scalar(() = $was{$shape} =~ /^activity_20\d\d_\d\d\|/mg), 17, 'a month each from September 2024, the first that is kept, to January 2026');
is(scalar(() = $was{$facts} =~ /^calib\.activity_default\|/mg), 1, 'and a row in the default one');
is($node->safe_psql('old', $wrong), '0', 'the keys are those of the facts');

is($was{$days}, $node->safe_psql('old', q{SELECT 1, day::date FROM generate_series(timestamp '2024-06-01', '2024-08-31', '5 days') day}),
	'of the three months that were dropped it is known when something was done for the opportunity');

# --- dump and restore
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom", '-d', $node->connstr('old') ], 'pg_dump, custom format');
$node->command_ok([ 'pg_dump', '-f', "$dir/plain", '-d', $node->connstr('old') ], 'pg_dump, plain');
my %ways = (
	'custom' => sub { [ 'pg_restore', '--exit-on-error', '-d', $_[0], "$dir/custom" ] },
	'plain, one transaction' => sub { [ 'psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-d', $_[0], '-f', "$dir/plain" ] },
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
	is($node->safe_psql('new', q{SELECT relation, trigger, problem FROM calib.trigger_state WHERE NOT ok; SELECT relation, trigger, problem, mended FROM calib.rearm()}),
		"calib.activity||no foreign keys\ncalib.activity||no foreign keys|t", "$way: health asks for rearm(), which puts the foreign keys on");
	is($node->safe_psql('new', $facts), $was{$facts}, "$way: every fact is in its partition");
	is($node->safe_psql('new', $keys), $was{$keys}, "$way: and has its key");
	is($node->safe_psql('new', $dropped), $was{$dropped}, "$way: and what was dropped is known");
	is($node->safe_psql('new', $days), $was{$days}, "$way: and when it was for which opportunity");
	is($node->safe_psql('new', $shape), $was{$shape}, "$way: partitions have their bounds, indexes, keys, triggers and rights");
	is($node->safe_psql('new', q{SELECT relation, trigger, problem FROM calib.trigger_state WHERE NOT ok}), '', "$way: health sees nothing wrong with a trigger");
	for my $try ([ '23505', q{('crm', '50', 1, 'visit', '2025-10-01')} ], [ '23505', q{('crm', 'default', 1, 'visit', '2025-10-01')} ],
		[ 'KC008', q{('crm', '0', 1, 'visit', '2024-06-01')} ])
	{
		my ($out, $err) = ('', '');
		$node->psql('new', "\\set VERBOSITY sqlstate\nINSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES $try->[1]", stdout => \$out, stderr => \$err);
		like($err, qr/\b$try->[0]\b/, "$way: $try->[1] is refused");
	}
	is($node->safe_psql('new', q{SET calib.clock = '2025-12-15 09:00+08'; SELECT calib.make_partitions()}), '2', "$way: the next months are made");
	is($node->safe_psql('new', q{SET ROLE rep; SELECT count(*) > 0 FROM calib.activity}), 't', "$way: who may read them reads them");
	is($node->safe_psql('new', q{DELETE FROM calib.activity WHERE external_id IN ('50', 'default'); } . $wrong), '0', "$way: keys go with facts");
}

# What is restored may be dumped and restored again.
{
	$node->safe_psql('new', 'SELECT calib.run_maintain(now())');
	my @again = map { $node->safe_psql('new', $_) } ($facts, $keys, $shape);
	$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/second", '-d', $node->connstr('new') ], 'dumped again');
	$node->safe_psql('postgres', 'CREATE DATABASE again TEMPLATE template0');
	local $ENV{PGOPTIONS} = '-c calib.restoring=on';
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('again'), "$dir/second" ], 'restored again');
	$ENV{PGOPTIONS} = '';
	$node->safe_psql('again', 'SELECT calib.run_maintain(now())');
	is_deeply([ map { $node->safe_psql('again', $_) } ($facts, $keys, $shape) ], \@again, 'and all is as it was');
}

# --- a standby
$node->backup('standby');
my $standby = PostgreSQL::Test::Cluster->new('partition_standby');
$standby->init_from_backup($node, 'standby', has_streaming => 1);
$standby->start;
$node->safe_psql('old', q{SET calib.clock = '2026-02-15 09:00+08'; SELECT calib.make_partitions();
	INSERT INTO calib.activity (source, external_id, unit_id, kind, occurred_at) VALUES ('crm', 'after', 1, 'visit', '2026-03-01')});
$node->wait_for_catchup($standby, 'replay', $node->lsn('write'));
is($standby->safe_psql('old', $facts), $node->safe_psql('old', $facts), 'a standby reads partitions made since');
is($standby->safe_psql('old', $wrong), '0', 'and has their keys');
like($standby->safe_psql('old', $facts), qr/^calib\.activity_2026_03\|crm\|after\|/m, 'the one just made among them');
is($standby->safe_psql('old', 'SELECT calib.activity_kept_from()'), $node->safe_psql('old', 'SELECT calib.activity_kept_from()'), 'and knows what was dropped');
$standby->stop;

# --- DROP EXTENSION
$node->safe_psql('old', 'DROP EXTENSION calib');
is($node->safe_psql('old', q{SELECT relname FROM pg_class WHERE relname LIKE 'activity%'}), '', 'partitions go with the extension, without CASCADE');
$node->safe_psql('old', 'CREATE EXTENSION calib');
is($node->safe_psql('old', q{SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'calib.activity'::regclass}), 'calib.activity_default', 'and a new one begins anew');

$node->stop;
done_testing();
