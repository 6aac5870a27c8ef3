# The ledger outside of one database: a standby, a dump, a prepared
# transaction, a verifier that is not calib's, and a superuser who tampers.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('ledger');
$node->init(allows_streaming => 1);
# An ANALYZE of autovacuum's is a writer too, and would hold a horizon back.
$node->append_conf('postgresql.conf', "max_prepared_transactions = 10\nautovacuum = off\n");
$node->start;
my $dir = $node->basedir;
my $green = 'SELECT bool_and(ok) FROM calib.verify()';
my $problems = q{SELECT coalesce(string_agg(coalesce(block::text, '-') || ': ' || problem, '; ' ORDER BY block), 'green') FROM calib.verify(%s) WHERE NOT ok};

sub put_file
{
	my ($name, $text) = @_;
	open my $out, '>', "$dir/$name" or die $!;
	print $out $text;
	close $out;
	return "$dir/$name";
}

# The verifier's word on a proof and a digest, both given as text.
sub verifier
{
	my ($proof, $digest, @mode) = @_;
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run([ $^X, 'tests/ledger/verify.pl', @mode, put_file('proof', $proof), put_file('digest', $digest) ],
		'>', \$out, '2>', \$err);
	chomp $out;
	return ($ok ? 'yes: ' : 'no: ') . $out . $err;
}

my $adjust = q{
	SET calib.clock = '2025-10-15 09:00+08';
	SET calib.reason = '竞品降价';
	SET calib.evidence = '1';
};
$node->safe_psql('postgres', 'CREATE DATABASE old');
$node->safe_psql(
	'old', qq{
	-- so that a fresh cluster's transaction ids are lower
	DO \$\$ BEGIN FOR i IN 1..500 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END \$\$;
	CREATE EXTENSION calib;
	$adjust
	INSERT INTO calib.policy (valid_from, approval) VALUES ('2025-10-15', 'none');
	INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'company', '总部 "HQ" \\ back'), (2, 'team', 'team \t');
	INSERT INTO calib.evidence (evidence_id, kind, title, sha256, observed_on) VALUES (1, 'market_report', 't', sha256('x'), '2025-10-01');
	INSERT INTO calib.target (target_id, unit_id, grain, period_start, original_value)
	SELECT i, 2, 'month', make_date(2025, i, 1), 100.00 FROM generate_series(10, 12) i;
});
is($node->safe_psql('old', 'SELECT calib.seal()'), '1', 'sealed');

# PREPARE TRANSACTION around an adjustment, a seal in between ----------------------
$node->safe_psql('old', "$adjust BEGIN; UPDATE calib.target SET value = 105 WHERE target_id = 10; PREPARE TRANSACTION 'adjusting'");
$node->safe_psql('old', "INSERT INTO calib.result (unit_id, occurred_at, amount) VALUES (2, '2025-10-02', 1.50)");
is($node->safe_psql('old', 'SELECT calib.seal() IS NULL'), 't', 'what came after a prepared transaction waits with it');
is($node->safe_psql('old', 'SELECT unsealed_rows, writer FROM calib.unsealed'), q{1|prepared 'adjusting'}, 'calib.unsealed names it');
$node->restart;
is($node->safe_psql('old', 'SELECT calib.seal() IS NULL'), 't', 'after a restart too');
$node->safe_psql('old', "COMMIT PREPARED 'adjusting'");
is($node->safe_psql('old', 'SELECT calib.seal()'), '2', 'committed, it is sealed');
is($node->safe_psql('old', q{SELECT count(*) FROM calib.audit a JOIN calib.leaf l ON a.audit_id = ANY (l.audit_ids)
	WHERE l.block = 2 AND a.relation = 'calib.target' AND a.new_row ->> 'value' = '105'}), '1', 'the adjustment is in that block');
is($node->safe_psql('old', $green), 't', 'verify is green');

# A verifier of its own -------------------------------------------------------------
my $digest = $node->safe_psql('old', 'SELECT calib.digest()');
my @ids = split /\n/, $node->safe_psql('old', 'SELECT audit_id FROM calib.audit ORDER BY audit_id');
my $proofs = 0;
for my $id (@ids[ 0, 1, 2, 31, 63, 64, $#ids - 1, $#ids ])
{
	my $proof = $node->safe_psql('old', "SELECT calib.prove($id)");
	my $said = verifier($proof, $digest);
	$proofs++ if $said =~ /^yes: proved: row $id is in block \d/;
	diag($said) unless $said =~ /^yes/;
}
is($proofs, 8, 'the verifier proves rows first and last, from the documented format alone');
my $proof = $node->safe_psql('old', "SELECT calib.prove($ids[5])");
like(verifier($proof =~ s/"action": "INSERT"/"action": "UPDATE"/r, $digest), qr/^no: NOT proved: the row is not in the block/, 'not another row');
like(verifier($proof =~ s/"position": 5/"position": 6/r, $digest), qr/^no: NOT proved/, 'not at another place');
like(verifier($proof =~ s/"row_count": "\d+"/"row_count": "7"/r, $digest), qr/^no: NOT proved/, 'not in another block');
like(verifier($proof, $digest =~ s/"hash": "./"hash": "x/r), qr/^no: NOT proved/, 'not with another digest');

my $export_sql = q{
	WITH line AS (
		SELECT b.block, a.audit_id, jsonb_build_object('row', jsonb_build_object('audit_id', a.audit_id::text, 'transaction_id', a.transaction_id::text,
			'recorded_at', (extract(epoch FROM a.recorded_at - '2000-01-01 00:00+00') * 1000000)::bigint::text,
			'clock_at', (extract(epoch FROM a.clock_at - '2000-01-01 00:00+00') * 1000000)::bigint::text,
			'simulated', CASE WHEN a.simulated THEN 't' ELSE 'f' END, 'relation', a.relation, 'action', a.action,
			'old_row', a.old_row::text, 'new_row', a.new_row::text, 'person', a.person, 'role', a.role, 'login', a.login,
			'application_name', a.application_name, 'client_addr', a.client_addr, 'era', a.era::text)) AS entry
		FROM calib.block b CROSS JOIN LATERAL (SELECT unnest(l.audit_ids) AS audit_id FROM calib.leaf l WHERE l.block = b.block) l
		JOIN calib.audit a USING (audit_id)
		UNION ALL
		SELECT b.block, NULL, jsonb_build_object('block', jsonb_build_object('block', b.block::text, 'era', b.era::text,
			'horizon_from', b.horizon_from::text, 'horizon', b.horizon::text, 'first_audit_id', b.first_audit_id::text, 'last_audit_id', b.last_audit_id::text,
			'row_count', b.row_count::text, 'row_total', b.row_total::text, 'root', encode(b.root, 'hex'), 'list_hash', encode(b.list_hash, 'hex'),
			'sealed_era', b.sealed_era::text, 'next_transaction', b.next_transaction::text, 'sequence_at', b.sequence_at::text,
			'sealed_at', (extract(epoch FROM b.sealed_at - '2000-01-01 00:00+00') * 1000000)::bigint::text, 'sealed_by', b.sealed_by))
		FROM calib.block b
	)
	SELECT entry FROM line ORDER BY block, audit_id NULLS LAST};
my $export = $node->safe_psql('old', $export_sql) . "\n";
like(verifier($export, $digest, '--ledger'), qr/^yes: proved: \d+ rows in 2 blocks/, 'the verifier recomputes the whole ledger from an export');
my $digest_one = $node->safe_psql('old', q{SELECT jsonb_build_object('format', 'calib.digest.1', 'block', 1, 'hash', encode(hash, 'hex')) FROM calib.block WHERE block = 1});
my $in_one = $node->safe_psql('old', 'SELECT row_count FROM calib.block WHERE block = 1');
my $in_two = $node->safe_psql('old', 'SELECT row_count FROM calib.block WHERE block = 2');
is(verifier($export, $digest_one, '--ledger'), "yes: proved: $in_one rows in 1 blocks, the history of the digest; $in_two later rows, for which it does not speak",
	'an earlier digest does not vouch for later blocks');
my ($a_row) = $export =~ /\A(.*\n)/;
like(verifier($export . $a_row, $digest, '--ledger'), qr/^yes: proved: \d+ rows in 2 blocks, .*; 1 later rows, for which it does not speak/, 'nor any for rows in no block');
like(verifier($export =~ s/竞品降价/竞品涨价/r, $digest, '--ledger'), qr/^no: NOT proved: block 2: a row was changed/, 'and sees one character');

# A standby -------------------------------------------------------------------------
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('ledger_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('old', $green), 't', 'a standby verifies');
is($standby->safe_psql('old', "SELECT bool_and(ok) FROM calib.verify('$digest')"), 't', 'against a digest too');
is($standby->safe_psql('old', q{SELECT string_agg(check_name, ' ') FROM calib.health() WHERE ok}), 'triggers rights ledger last block version clock restoring policy feeds feed errors', 'health looks too');
is($standby->safe_psql('old', 'SELECT era FROM calib.era'), $node->safe_psql('old', 'SELECT era FROM calib.era'), 'and is of the same era');
like(verifier($standby->safe_psql('old', 'SELECT calib.prove(1)'), $standby->safe_psql('old', 'SELECT calib.digest()')), qr/^yes/, 'and proves');
my ($out, $err) = ('', '');
$standby->psql('old', 'SELECT calib.seal()', stdout => \$out, stderr => \$err);
like($err, qr/read-only transaction|during recovery/, 'and does not seal');
$standby->stop;

# A dump: the old era's open rows are sealed in the new one -------------------------------
$node->safe_psql('old', "$adjust UPDATE calib.target SET value = 104 WHERE target_id = 10");
my $rows = q{SELECT count(*), md5(string_agg(a::text, E'\n' ORDER BY a::text COLLATE "C")) FROM calib.%s a};
my %before = map { $_ => $node->safe_psql('old', sprintf $rows, $_) } qw(audit block leaf);
command_ok([ 'pg_dump', '-Fc', '-f', "$dir/dump", '-d', $node->connstr('old') ], 'dumped');
my $fresh = PostgreSQL::Test::Cluster->new('ledger_fresh');
$fresh->init;
$fresh->start;
$fresh->safe_psql('postgres', 'CREATE DATABASE new TEMPLATE template0');
{
	local $ENV{PGOPTIONS} = '-c calib.restoring=on';
	command_ok([ 'pg_restore', '--exit-on-error', '-d', $fresh->connstr('new'), "$dir/dump" ], 'restored into a fresh cluster');
}
is($fresh->safe_psql('new', sprintf $rows, $_), $before{$_}, "$_: every row is back") for qw(audit block leaf);
isnt($fresh->safe_psql('new', 'SELECT era FROM calib.era'), $node->safe_psql('old', 'SELECT era FROM calib.era'), 'it is another era');
is($fresh->safe_psql('new', "SELECT bool_and(ok) FROM calib.verify('$digest')"), 't', 'verify is green, against a digest from before');
is($fresh->safe_psql('new', 'SELECT unsealed_rows FROM calib.unsealed'), $node->safe_psql('old', 'SELECT unsealed_rows FROM calib.unsealed'), 'what was open is open');
$fresh->safe_psql('new', "$adjust UPDATE calib.target SET value = 103 WHERE target_id = 11");
cmp_ok($fresh->safe_psql('new', 'SELECT max(transaction_id) FROM calib.audit WHERE era = (SELECT era FROM calib.era)'), '<',
	$fresh->safe_psql('new', 'SELECT max(horizon) FROM calib.block'), 'the fresh cluster\'s transaction ids are lower');
is($fresh->safe_psql('new', 'SELECT calib.seal()'), '4', 'the next seal closes the old era and opens the new one');
is($fresh->safe_psql('new', "SELECT bool_and(ok), max(block) FROM calib.verify('$digest')"), 't|4', 'verify stays green');
is($fresh->safe_psql('new', 'SELECT count(*) FROM calib.audit') , $fresh->safe_psql('new', 'SELECT row_total FROM calib.block WHERE block = 4'), 'every row is in a block');
like(verifier($fresh->safe_psql('new', 'SELECT calib.prove(1)'), $fresh->safe_psql('new', 'SELECT calib.digest()')), qr/^yes/, 'the verifier follows from the old era into the new');
like(verifier($fresh->safe_psql('new', 'SELECT calib.prove(1, 2)'), $digest), qr/^yes/, 'and to the digest from before');
$fresh->stop;

# A superuser rewrites history, consistently -------------------------------------------------
# With all of the ledger's own means: the row is forged, then blocks are thrown
# away and sealed again by seal() itself.
my $old_proof = $node->safe_psql('old', "SELECT calib.prove($ids[5])");
$node->safe_psql('old', 'SELECT calib.seal()');
my $late_digest = $node->safe_psql('old', 'SELECT calib.digest()');
$node->safe_psql('old', q{
	ALTER TABLE calib.audit DISABLE TRIGGER USER;
	ALTER TABLE calib.block DISABLE TRIGGER USER;
	ALTER TABLE calib.leaf DISABLE TRIGGER USER;
	DELETE FROM calib.audit WHERE audit_id = (SELECT max(audit_id) FROM calib.audit WHERE relation = 'calib.adjustment');
	DELETE FROM calib.block;
	DELETE FROM calib.leaf;
	ALTER TABLE calib.block ENABLE ALWAYS TRIGGER keep_append_only;
	ALTER TABLE calib.leaf ENABLE ALWAYS TRIGGER keep_append_only;
	SELECT calib.seal();
	SELECT calib.seal();
});
is($node->safe_psql('old', sprintf $problems, 'NULL'), 'green', 'a history rewritten as a whole is sound in itself');
like($node->safe_psql('old', sprintf $problems, "'$late_digest'"), qr/^3: the digest is of this block, and the chain has none/, 'an earlier digest shows that blocks are gone');
my $digest_1 = $digest =~ s/"block": 2/"block": 1/r;
my $hash_1 = $node->safe_psql('old', "SELECT encode(hash, 'hex') FROM calib.block WHERE block = 1");
unlike($digest_1, qr/$hash_1/, 'block 1 is another');
like(verifier($node->safe_psql('old', "SELECT calib.prove($ids[5])"), $digest), qr/^no: NOT proved/, 'the verifier accepts no proof from it against the old digest');
like(verifier($node->safe_psql('old', $export_sql) . "\n", $digest, '--ledger'), qr/^no: NOT proved: the chain does not lead to the digest/, 'nor the whole of it');
like(verifier($old_proof, $digest), qr/^yes/, 'an old proof still stands');

# Transaction ids set forward, as a wraparound does, and back, as nothing should ---------------------
$node->safe_psql('postgres', 'CREATE DATABASE epoch');
$node->safe_psql('epoch', 'CREATE EXTENSION calib; SELECT calib.seal()');
sub set_epoch
{
	my ($epoch) = @_;
	$node->stop;
	command_ok([ 'pg_resetwal', '-e', $epoch, '-D', $node->data_dir ], "epoch $epoch");
	$node->start;
	$node->safe_psql('epoch', "INSERT INTO calib.holiday (day, name) VALUES (date '2031-01-01' + $epoch, 'epoch $epoch')");
}
set_epoch(3);
is($node->safe_psql('epoch', q{SELECT calib.seal(), (SELECT bool_and(ok) FROM calib.verify())}), '2|t', 'a later epoch goes on');
is($node->safe_psql('epoch', q{SELECT horizon >> 32 FROM calib.block WHERE block = 2}), '3', 'with transaction ids of 64 bits');
set_epoch(1);
($out, $err) = ('', '');
$node->psql('epoch', 'SELECT calib.seal()', stdout => \$out, stderr => \$err);
like($err, qr/this era is sealed beyond the present transaction.*It is sealed up to transaction \d{11}; .*dump the database and restore it/s, 'set back, seal does not fall silent');
like($node->safe_psql('epoch', sprintf $problems, 'NULL'), qr/^2: row \d+ was inserted$/, 'and verify names the row it could not have sealed');

# Random tampering, a sample; `make tamper` does 10,000 ------------------------------------------
$node->safe_psql('postgres', 'CREATE DATABASE tamper');
$node->safe_psql('tamper', 'CREATE EXTENSION calib');
my $seed = int(rand(1000)) / 1000;
($out, $err) = ('', '');
my $status = $node->psql('tamper', slurp_file('tests/ledger/tamper.sql') =~ s/^\\.*\n//gmr =~ s/:seed/$seed/r =~ s/:acts/500/r, stdout => \$out, stderr => \$err);
is($status, 0, "500 acts of tampering, each detected and localised (seed $seed)") or diag("$out$err");

$node->stop;
done_testing();
