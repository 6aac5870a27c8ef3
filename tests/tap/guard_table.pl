# Whose rights run. A table owner plants hostile code wherever a table can hold
# some: triggers, rules, policies, defaults, domains, index expressions, casts
# and operators of its own. A superuser then puts the table under guard, and
# others change its targets. None of that code may ever run as anybody but the
# owner, and where it runs it holds none of the rights of those who act.
# Then: dump and restore, logical replication, and a prepared transaction.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('guard_table');
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf', "jit = off\nmax_prepared_transactions = 5\nautovacuum = off\n");
$node->start;

my $world = q{
	CREATE EXTENSION calib;
	SET calib.clock = '2025-10-15 09:00+08';
	INSERT INTO calib.policy (valid_from, approval) VALUES ('2025-10-15', 'none');
	INSERT INTO calib.unit (unit_id, kind, name, external_ref) SELECT i, 'team', 'team', 'T' || i FROM generate_series(1, 9) i;
	INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES (1, 'market_report', 't', 'u', '2025-10-01');
};
my $as = q{SET calib.clock = '2025-10-15 09:00+08'; SET calib.evidence = '1'; SET calib.reason = 'r';};

# What a statement, each in a session of its own, is refused with; '' is ok.
sub refusal
{
	my ($db, $sql) = @_;
	my ($out, $err) = ('', '');
	$node->psql($db, "\\set VERBOSITY verbose\n$sql", stdout => \$out, stderr => \$err, on_error_stop => 1);
	return $err =~ /ERROR:\s+(\w{5}): (.*)/ ? "$1 $2" : $err;
}

# The trap --------------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE ROLE mallory LOGIN; CREATE ROLE boss LOGIN SUPERUSER; CREATE DATABASE evil');
$node->safe_psql('evil', $world . q{
	GRANT CREATE ON SCHEMA public TO mallory;
	-- as far as grants go, anybody may write: only rights by duty hold
	GRANT USAGE ON SCHEMA calib TO PUBLIC;
	GRANT SELECT, INSERT, UPDATE, DELETE ON calib.duty, calib.target, calib.evidence, calib.policy TO PUBLIC;
});
# in a session that is hers alone, with the trap not yet armed
$node->safe_psql('evil', q{
	SET trap.inside = 'on';
	SET check_function_bodies = off;
	CREATE TABLE pending (adjustment_id bigint);
	CREATE TABLE sprung (what text, who name, super boolean, got text);
	GRANT ALL ON sprung TO PUBLIC;
	CREATE FUNCTION try(statement text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		n bigint;
	BEGIN
		EXECUTE statement;
		GET DIAGNOSTICS n = ROW_COUNT;
		-- rows that a policy hides
		IF statement LIKE 'UPDATE%' AND n = 0 THEN RETURN 'nothing'; END IF;
		RETURN 'DONE: ' || statement;
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE;
	END $$;
	CREATE FUNCTION spring(what text) RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN
		-- what it tries sets it off again
		IF current_setting('trap.inside', true) = 'on' THEN RETURN true; END IF;
		PERFORM set_config('trap.inside', 'on', false);
		INSERT INTO public.sprung SELECT $1, current_user, r.rolsuper, concat_ws(' ',
			public.try('ALTER ROLE mallory SUPERUSER'),
			public.try('SET ROLE boss'), public.try('SET SESSION AUTHORIZATION boss'),
			public.try('INSERT INTO calib.duty (role_name, duty) VALUES (''mallory'', ''admin'')'),
			public.try('UPDATE public.quotas SET quota = 108 WHERE team = ''T2'''),
			CASE WHEN $1 LIKE 'trigger%' THEN public.try('UPDATE calib.target SET value = 107 WHERE unit_id = 3') END,
			CASE WHEN $1 LIKE 'trigger%' AND EXISTS (SELECT FROM public.pending) THEN public.try('SELECT calib.withdraw_adjustment(adjustment_id) FROM public.pending') END,
			CASE WHEN $1 LIKE 'trigger%' AND EXISTS (SELECT FROM public.pending) THEN public.try('SELECT calib.approve_adjustment(adjustment_id) FROM public.pending') END,
			CASE WHEN $1 LIKE 'trigger%' AND EXISTS (SELECT FROM public.pending) THEN public.try('SELECT calib.file_adjustment(adjustment_id) FROM public.pending') END,
			CASE WHEN $1 LIKE 'trigger%' THEN public.try('SELECT calib.submit_adjustment(3, 105, ''r'', ''{1}'')') END,
			public.try('SELECT calib.attach_evidence(''market_report'', ''forged'', ''u'')'),
			public.try('SELECT calib.publish_targets(''2026-01-01'')'),
			public.try('SELECT calib.claim_outbox(1, ''mallory'')'),
			public.try('CREATE TEMP TABLE pg_class (oid oid)'),
			public.try('SELECT calib.guard_table(''public.other'', ''quota'', ''team'', ''quarter'')'),
			public.try('SELECT calib.unguard_table(''public.quotas'')'))
		FROM pg_roles r WHERE r.rolname = current_user;
		PERFORM set_config('trap.inside', 'off', false);
		RETURN true;
	END $$;
	CREATE FUNCTION on_write() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM public.spring('trigger ' || TG_NAME);
		RETURN NEW;
	END $$;
	CREATE FUNCTION as_key(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM public.spring('index'); RETURN $1; END $$;
	CREATE FUNCTION same(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring('operator'); RETURN true; END $$;
	CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = same);
	CREATE FUNCTION same(numeric, numeric) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring('operator'); RETURN true; END $$;
	CREATE OPERATOR public.= (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = same);
	CREATE FUNCTION same(date, date) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring('operator'); RETURN true; END $$;
	CREATE OPERATOR public.>= (LEFTARG = date, RIGHTARG = date, FUNCTION = same);
	CREATE DOMAIN amount AS numeric CHECK (public.spring('domain'));
	CREATE DOMAIN team_name AS text CHECK (public.spring('domain'));
	CREATE TYPE mood AS ENUM ('good', 'bad');
	CREATE FUNCTION as_mood(numeric) RETURNS mood LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spring('cast'); RETURN 'bad'; END $$;
	CREATE CAST (numeric AS mood) WITH FUNCTION as_mood(numeric) AS IMPLICIT;
	CREATE TABLE quotas (team team_name, quarter date, quota amount, extra int DEFAULT 1,
		made boolean DEFAULT public.spring('default'), mood mood DEFAULT 'good',
		CONSTRAINT hostile CHECK (public.spring('check')));
	CREATE TABLE other (team text, quarter date, quota numeric);
	INSERT INTO quotas VALUES ('T1', '2025-10-01', 100), ('T2', '2025-10-01', 100);
	INSERT INTO quotas (team, quarter, quota) VALUES ('T4', '2026-01-01', 100);
	CREATE INDEX hostile ON quotas (public.as_key(extra));
	CREATE TRIGGER a_before BEFORE INSERT OR UPDATE ON quotas FOR EACH ROW EXECUTE FUNCTION on_write();
	CREATE TRIGGER a_after AFTER INSERT OR UPDATE ON quotas FOR EACH ROW EXECUTE FUNCTION on_write();
	CREATE TRIGGER z_after AFTER INSERT OR UPDATE ON quotas FOR EACH ROW EXECUTE FUNCTION on_write();
	CREATE TRIGGER statement AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON quotas EXECUTE FUNCTION on_write();
	CREATE RULE also AS ON UPDATE TO quotas DO ALSO SELECT public.spring('rule');
	ALTER TABLE quotas ENABLE ROW LEVEL SECURITY;
	CREATE POLICY hostile ON quotas USING (public.spring('policy')) WITH CHECK (public.spring('policy'));
}, extra_params => [ '-U', 'mallory' ]);

# Everything in the database that must not have come out of it.
sub harm
{
	return $node->safe_psql('evil', q{
		SELECT (SELECT count(*) FROM pg_roles WHERE rolname = 'mallory' AND rolsuper) || ' superuser, '
			|| (SELECT count(*) FROM calib.duty) || ' duties, '
			|| (SELECT count(*) FROM sprung WHERE super) || ' sprung with rights, '
			|| (SELECT count(*) FROM sprung WHERE who <> 'mallory') || ' as somebody else, '
			|| (SELECT count(*) FROM sprung WHERE got LIKE '%DONE%') || ' things done'});
}
my $none = '0 superuser, 0 duties, 0 sprung with rights, 0 as somebody else, 0 things done';
sub sprung
{
	my $what = $node->safe_psql('evil', q{SELECT string_agg(DISTINCT split_part(what, ' ', 1), ' ' ORDER BY split_part(what, ' ', 1)) FROM sprung});
	$node->safe_psql('evil', 'TRUNCATE sprung');
	return $what;
}

# Attaching reads the rows below SQL. CREATE TRIGGER does not touch them.
is(refusal('evil', qq{SET ROLE boss; SET search_path = public, pg_catalog; $as SELECT calib.guard_table('quotas', 'quota', 'team', 'quarter')}),
	'', 'a superuser guards the table');
is($node->safe_psql('evil', 'SELECT unit_id, original_value, value FROM calib.target ORDER BY 1'), "1|100|100\n2|100|100\n4|100|100", 'its rows are baselines');
is(harm(), $none, 'attaching ran nothing of the owner\'s with rights');
is(sprung(), '', 'nor at all');
# a target of no table, for the trap to reach for
$node->safe_psql('evil', "$as INSERT INTO calib.target (unit_id, grain, period_start, original_value) VALUES (3, 'quarter', '2025-10-01', 100)");

# A superuser's adjustment is written back as mallory.
is(refusal('evil', qq{SET SESSION AUTHORIZATION boss; SET search_path = public, pg_catalog; $as UPDATE calib.target SET value = 101 WHERE unit_id = 1}),
	'', 'a superuser adjusts a target');
is($node->safe_psql('evil', q{SELECT quota FROM quotas WHERE team OPERATOR(pg_catalog.=) 'T1'}), '101', 'its row follows');
is(harm(), $none, 'the write-back ran nothing with rights, and what ran did nothing');
my $ran = sprung();
like($ran, qr/check.*rule.*trigger/, "though the owner's code did run: $ran");
is($node->safe_psql('evil', 'SELECT string_agg(unit_id || \':\' || value, \' \' ORDER BY unit_id) FROM calib.target'), '1:101 2:100 3:100 4:100', 'no other target changed');

# A filing by the workflow, while the one who files has another step waiting.
$node->safe_psql('evil', "$as INSERT INTO public.pending SELECT calib.submit_adjustment(target_id, 103, 'r', '{1}') FROM calib.target WHERE unit_id = 2");
is(refusal('evil', qq{SET SESSION AUTHORIZATION boss; SET search_path = public, pg_catalog; $as
	SELECT calib.file_adjustment(calib.submit_adjustment(target_id, 102, 'r', '{1}')) FROM calib.target WHERE unit_id OPERATOR(pg_catalog.=) 1}),
	'', 'a superuser submits and files');
is($node->safe_psql('evil', q{SELECT quota FROM quotas WHERE team OPERATOR(pg_catalog.=) 'T1'}), '102', 'the row follows');
is(harm(), $none, 'the filing ran nothing with rights, and what ran took no step of anybody\'s');
is($node->safe_psql('evil', q{SELECT status FROM calib.adjustment JOIN pending USING (adjustment_id)}), 'submitted', 'what waits, waits');
like(sprung(), qr/trigger/, 'though the owner\'s code did run');

# A draft's correction and publication.
is(refusal('evil', qq{SET SESSION AUTHORIZATION boss; $as UPDATE calib.target SET value = 150 WHERE unit_id = 4; SELECT calib.publish_targets('2026-01-01')}), '', 'a draft is corrected');
is(harm(), $none, 'the same for a draft');
sprung();

# Taking it off, mending it: DDL as the owner.
is(refusal('evil', qq{SET SESSION AUTHORIZATION boss; SET search_path = public, pg_catalog; SELECT calib.rearm()}), '', 'rearm');
is(refusal('evil', qq{SET SESSION AUTHORIZATION boss; SET search_path = public, pg_catalog; SELECT calib.unguard_table('quotas')}), '', 'unguard');
is(harm(), $none, 'neither ran anything with rights');
sprung();
is(refusal('evil', qq{SET SESSION AUTHORIZATION boss; $as SELECT calib.guard_table('quotas', 'quota', 'team', 'quarter')}), '', 'and guarded again');

# Code that is fenced in holds no duty, whoever sets it off.
$node->safe_psql('evil', q{
	CREATE TABLE told (t text);
	CREATE FUNCTION really_tell() RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO public.told SELECT coalesce(string_agg(duty, ' '), 'nothing') FROM calib.held_duties();
		INSERT INTO public.told VALUES (public.try('INSERT INTO calib.duty (role_name, duty) VALUES (''mallory'', ''admin'')'));
	END $$;
	CREATE FUNCTION tell(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM public.really_tell(); RETURN $1; END $$;
	CREATE TABLE analysed (i int);
	INSERT INTO analysed SELECT generate_series(1, 10);
	CREATE INDEX hostile_too ON analysed (public.tell(i));
	TRUNCATE told;
}, extra_params => [ '-U', 'mallory' ]);
$node->safe_psql('evil', 'ANALYZE analysed');
is($node->safe_psql('evil', q{SELECT string_agg(DISTINCT t, ' ' ORDER BY t) FROM told}), '42501 nothing', 'an index expression that a superuser\'s ANALYZE runs holds nothing');

# A forced policy hides rows from the owner too: that is an error, not a missing row.
$node->safe_psql('evil', q{ALTER TABLE quotas FORCE ROW LEVEL SECURITY});
like(refusal('evil', "SET SESSION AUTHORIZATION boss; $as UPDATE calib.target SET value = 151 WHERE unit_id = 4"), qr/^42501 query would be affected by row-level security/, 'FORCE ROW LEVEL SECURITY against the owner stops a write-back');
$node->safe_psql('evil', q{ALTER TABLE quotas NO FORCE ROW LEVEL SECURITY});

# Errors leave nobody in another's shoes.
is($node->safe_psql('evil', qq{
	$as
	DO \$\$ BEGIN
		BEGIN UPDATE calib.target SET value = 500 WHERE unit_id = 1; EXCEPTION WHEN OTHERS THEN NULL; END;
		BEGIN UPDATE quotas SET quota = 500; EXCEPTION WHEN OTHERS THEN NULL; END;
	END \$\$;
	SELECT current_user, current_setting('search_path'), current_setting('row_security')}),
	'postgres|"$user", public|on', 'after errors the user and its settings are as before');

# Who may put a table under guard
$node->safe_psql('evil', 'TRUNCATE sprung');
my $guard_other = q{SELECT calib.guard_table('other', 'quota', 'team', 'quarter')};
like(refusal('evil', "SET SESSION AUTHORIZATION mallory; $guard_other"), qr/^42501 no right to guard a table/, 'the owner without duty admin may not');
$node->safe_psql('evil', q{CREATE ROLE admin LOGIN; INSERT INTO calib.duty (role_name, duty) VALUES ('admin', 'admin')});
like(refusal('evil', "SET SESSION AUTHORIZATION admin; $guard_other"), qr/^42501 cannot guard a table: must be owner/, 'nor the admin without the table');
$node->safe_psql('evil', 'GRANT mallory TO admin');
is(refusal('evil', "SET SESSION AUTHORIZATION admin; $guard_other"), '', 'both in one may');
is(refusal('evil', q{SET SESSION AUTHORIZATION mallory; INSERT INTO other VALUES ('T5', '2025-10-01', 5)}), '', 'and the owner writes');
like(refusal('evil', q{SET SESSION AUTHORIZATION mallory; SELECT calib.unguard_table('other')}), qr/^42501/, 'but does not take it off');
is(refusal('evil', q{SET SESSION AUTHORIZATION admin; SELECT calib.unguard_table('other')}), '', 'the admin does');
is($node->safe_psql('evil', q{SELECT has_function_privilege('mallory', 'calib.guard_row()', 'EXECUTE')}), 't', 'the owner keeps EXECUTE for the table that is still guarded');
$node->safe_psql('evil', q{SELECT calib.unguard_table('quotas')});
is($node->safe_psql('evil', q{SELECT has_function_privilege('mallory', 'calib.guard_row()', 'EXECUTE')}), 'f', 'and loses it with the last');

# Dump and restore ---------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE old');
$node->safe_psql('old', $world . q{
	CREATE ROLE planner LOGIN;
	CREATE SCHEMA "Sales ""Ops""" AUTHORIZATION planner;
	SET ROLE planner;
	CREATE TABLE "Sales ""Ops"""."Quota's" ("Team" text, "Month" date, "Val""ue" numeric) PARTITION BY RANGE ("Month");
	CREATE TABLE "Sales ""Ops"""."this year" PARTITION OF "Sales ""Ops"""."Quota's" FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
	CREATE TABLE "Sales ""Ops"""."next year" PARTITION OF "Sales ""Ops"""."Quota's" FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
	INSERT INTO "Sales ""Ops"""."Quota's" VALUES ('T1', '2025-10-01', 100), ('T2', '2025-10-01', 200), ('T3', '2026-01-01', 300);
	RESET ROLE;
	SELECT calib.guard_table('"Sales ""Ops"""."Quota''s"', 'Val"ue', 'Team', 'Month', 'month');
	CREATE TABLE gone (team text, quarter date, quota int);
	INSERT INTO gone VALUES ('T9', '2025-10-01', 900);
	SELECT calib.guard_table('gone', 'quota', 'team', 'quarter');
	DROP TABLE gone;
	} . $as . q{
	UPDATE "Sales ""Ops"""."Quota's" SET "Val""ue" = 105 WHERE "Team" = 'T1';
	DELETE FROM "Sales ""Ops"""."Quota's" WHERE "Team" = 'T2';
});
my $dump = $node->backup_dir;
mkdir $dump;
my $state = q{
	SELECT relation, value_column, unit_column, period_column, product_line_column, grain, measure FROM calib.guarded g WHERE EXISTS (SELECT FROM pg_class c WHERE c.oid = g.relation);
	SELECT r.* FROM calib.guarded_row r WHERE EXISTS (SELECT FROM pg_class c WHERE c.oid = r.relation) ORDER BY target_id;
	SELECT target_id, unit_id, period_start, original_value, value FROM calib.target ORDER BY 1;
	SELECT tableoid::regclass, q.* FROM "Sales ""Ops"""."Quota's" q ORDER BY 2;
	SELECT * FROM calib.trigger_state WHERE relation LIKE '%Sales%' ORDER BY 1, 2;
	SELECT count(*) FROM calib.trigger_state WHERE NOT ok AND problem NOT IN ('dropped', 'no foreign keys');
	SELECT has_function_privilege('planner', 'calib.guard_row()', 'EXECUTE')};
my $before = $node->safe_psql('old', $state);
like($before, qr/calib_guard_truncate\|t\|/, 'there is something to dump');
for my $format ('custom', 'plain')
{
	$node->safe_psql('postgres', 'CREATE DATABASE new TEMPLATE template0');
	$node->command_ok([ 'pg_dump', "-F$format", '-f', "$dump/$format", '-d', $node->connstr('old') ], "dumped, $format");
	{
		local $ENV{PGOPTIONS} = '-c calib.restoring=on';
		$node->command_ok($format eq 'custom'
			? [ 'pg_restore', '--exit-on-error', '-d', $node->connstr('new'), "$dump/$format" ]
			: [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('new'), '-f', "$dump/$format" ], "restored, $format");
	}
	is($node->safe_psql('new', $state), $before, "guard, rows, targets and triggers are as before, $format");
	is($node->safe_psql('new', 'SELECT count(*) FROM calib.guarded'), '1', "and nothing of the dropped table, $format");
	is($node->safe_psql('new', "$as SELECT relation FROM calib.rearm()"), 'calib.activity', "nothing to mend but the foreign keys of activities, $format");
	like(refusal('new', qq{$as UPDATE "Sales ""Ops"""."Quota's" SET "Val""ue" = 120 WHERE "Team" = 'T1'}), qr/^KC001/, "the cap holds, $format");
	is(refusal('new', qq{$as UPDATE "Sales ""Ops"""."Quota's" SET "Val""ue" = 110 WHERE "Team" = 'T1'}), '', "the next adjustment works, $format");
	like(refusal('new', qq{$as UPDATE "Sales ""Ops"""."Quota's" SET "Val""ue" = 111 WHERE "Team" = 'T1'}), qr/^KC002/, "and was the second, $format");
	like(refusal('new', qq{$as INSERT INTO "Sales ""Ops"""."Quota's" VALUES ('T2', '2025-10-31', 999)}), qr/^KC004/, "the deleted row's baseline holds, $format");
	is(refusal('new', qq{$as UPDATE calib.target SET value = 330 WHERE unit_id = 3}), '', "a target is written back, $format");
	is($node->safe_psql('new', q{SELECT "Val""ue" FROM "Sales ""Ops"""."next year"}), '330', "into its row, $format");
	is(refusal('new', q{SET ROLE planner; CREATE TABLE "Sales ""Ops""".later PARTITION OF "Sales ""Ops"""."Quota's" FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')}), '', "the owner adds a partition, $format");
	$node->safe_psql('postgres', 'DROP DATABASE new');
}

# Logical replication ---------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE publisher');
$node->safe_psql('postgres', 'CREATE DATABASE subscriber');
my $table = 'CREATE TABLE quotas (id int PRIMARY KEY, team text, quarter date, quota numeric);';
$node->safe_psql('publisher', "$table CREATE PUBLICATION p FOR TABLE quotas; SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
$node->safe_psql('subscriber', $world . $table . q{ALTER DATABASE subscriber SET calib.clock = '2025-10-15 09:00+08'; ALTER DATABASE subscriber SET calib.reason = 'applied';
	INSERT INTO quotas VALUES (1, 'T1', '2025-10-01', 100); SELECT calib.guard_table('quotas', 'quota', 'team', 'quarter')});
$node->safe_psql('publisher', "INSERT INTO quotas VALUES (1, 'T1', '2025-10-01', 100)");
$node->safe_psql('subscriber', 'DELETE FROM quotas');
my $connection = $node->connstr('publisher') =~ s/'/''/gr;
$node->safe_psql('subscriber', qq{CREATE SUBSCRIPTION s CONNECTION '$connection' PUBLICATION p WITH (create_slot = false, slot_name = 's', copy_data = false)});
$node->poll_query_until('subscriber', 'SELECT count(*) = 1 FROM quotas') or die 'the row did not arrive';
is($node->safe_psql('subscriber', 'SELECT count(*) FROM calib.guarded_row'), '1', 'an applied row is mirrored');
my $log = -s $node->logfile;
$node->safe_psql('publisher', 'UPDATE quotas SET quota = 105');
$node->wait_for_log(qr/an adjustment needs evidence/, $log);
is($node->safe_psql('subscriber', 'SELECT q.quota, t.value FROM quotas q, calib.target t'), '100|100', 'an applied UPDATE without evidence is refused');
$node->safe_psql('subscriber', q{ALTER SUBSCRIPTION s DISABLE; ALTER DATABASE subscriber SET calib.evidence = '1'; ALTER SUBSCRIPTION s ENABLE});
$node->poll_query_until('subscriber', 'SELECT quota = 105 FROM quotas') or die 'the update did not arrive';
is($node->safe_psql('subscriber', q{SELECT t.value, a.reason FROM calib.target t JOIN calib.adjustment a ON a.target_id = t.target_id}), '105|applied', 'with evidence it is an adjustment');
$node->safe_psql('subscriber', 'DROP SUBSCRIPTION s');

# A prepared transaction -----------------------------------------------------------------

$node->safe_psql('subscriber', "$as BEGIN; UPDATE quotas SET quota = 110; PREPARE TRANSACTION 'one'");
like(refusal('subscriber', "$as SET lock_timeout = '100ms'; UPDATE quotas SET quota = 109"), qr/^55P03/, 'a prepared adjustment holds its row');
$node->restart;
$node->safe_psql('subscriber', "COMMIT PREPARED 'one'");
is($node->safe_psql('subscriber', 'SELECT q.quota, t.value FROM quotas q, calib.target t'), '110|110', 'and is there after a restart');

$node->stop;
done_testing();
