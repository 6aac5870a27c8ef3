# Tables of users under audit, from the outside: whose code runs with whose rights,
# what a dump brings back, what replication applies, what DROP EXTENSION leaves.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('foreign_tables');
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf', "log_min_messages = warning\nautovacuum = off\n");
$node->start;
my $dir = $node->backup_dir;
mkdir $dir;

# --- An exploit. mallory owns a table made of nothing but traps; a superuser has it
# audited and writes to it. PostgreSQL runs some of the traps as whoever writes: that
# is its own hazard. What calib adds must run none.
$node->safe_psql('postgres', 'CREATE ROLE mallory LOGIN; CREATE DATABASE trap');
$node->safe_psql('trap', 'GRANT CREATE ON DATABASE trap TO mallory; CREATE EXTENSION calib');
$node->safe_psql('trap', <<'SQL', extra_params => [ '-U', 'mallory' ]);
CREATE SCHEMA m;
GRANT USAGE ON SCHEMA m TO PUBLIC;
CREATE FUNCTION m.boom(what text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING 'TRAP: % as %', what, current_user;
	EXECUTE 'ALTER ROLE mallory SUPERUSER';
	RETURN true;
EXCEPTION WHEN insufficient_privilege OR object_not_in_prerequisite_state THEN
	RETURN true;
END $$;
-- casts to whatever a row might be turned into, of an enum, a composite, a range and arrays of them
CREATE TYPE m.mood AS ENUM ('a', 'b');
CREATE TYPE m.pair AS (x integer, m m.mood);
CREATE FUNCTION m.diff(x float8, y float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS
	$$ BEGIN PERFORM m.boom('subtype_diff'); RETURN x - y; END $$;
CREATE TYPE m.span AS RANGE (subtype = float8, subtype_diff = m.diff);
CREATE DOMAIN m.dom AS text CHECK (m.boom('domain check'));
CREATE DOMAIN m.moods AS m.mood[];
DO $do$
DECLARE
	source text; target text; result text;
BEGIN
	FOREACH source IN ARRAY '{m.mood,m.pair,m.span}'::text[] LOOP
		FOREACH target IN ARRAY '{json,jsonb,text,varchar,name}'::text[] LOOP
			result := CASE WHEN target LIKE 'json%' THEN '"x"' ELSE 'x' END;
			EXECUTE format('CREATE FUNCTION m.to_%2$s(%1$s) RETURNS %2$s LANGUAGE plpgsql AS
				$$ BEGIN PERFORM m.boom(%3$L); RETURN %4$L; END $$', source, target, 'cast ' || source || ' to ' || target, result);
			EXECUTE format('CREATE CAST (%1$s AS %2$s) WITH FUNCTION m.to_%2$s(%1$s) AS IMPLICIT', source, target);
		END LOOP;
	END LOOP;
END $do$;
CREATE FUNCTION m.computed(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
	$$ BEGIN PERFORM m.boom('generated'); RETURN $1; END $$;
CREATE FUNCTION m.on_write() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN PERFORM m.boom(TG_NAME); RETURN COALESCE(NEW, OLD); END $$;
CREATE TABLE m.bait (
	id integer, e m.mood, ea m.mood[], dm m.moods, p m.pair, pa m.pair[], s m.span, sa m.span[], d m.dom, da m.dom[],
	g integer GENERATED ALWAYS AS (m.computed(id)) STORED,
	z boolean DEFAULT m.boom('default'), CHECK (m.boom('table check'))
);
CREATE TRIGGER a_before BEFORE INSERT OR UPDATE OR DELETE ON m.bait FOR EACH ROW EXECUTE FUNCTION m.on_write();
CREATE TRIGGER z_after AFTER INSERT OR UPDATE OR DELETE ON m.bait FOR EACH ROW EXECUTE FUNCTION m.on_write();
CREATE TRIGGER z_truncate AFTER TRUNCATE ON m.bait FOR EACH STATEMENT EXECUTE FUNCTION m.on_write();
ALTER TABLE m.bait ENABLE ROW LEVEL SECURITY;
CREATE POLICY trap ON m.bait USING (m.boom('policy'));
SQL

# What ran, and as whom, while a superuser did something.
sub trapped
{
	my ($sql, @params) = @_;
	my $from = -s $node->logfile;
	my ($out, $err) = ('', '');
	$node->psql('trap', $sql, stdout => \$out, stderr => \$err, on_error_stop => 0, @params);
	unlike($err, qr/ERROR/, 'no error');
	$node->safe_psql('postgres', 'ALTER ROLE mallory NOSUPERUSER');
	my %seen = map { $_ => 1 } substr(slurp_file($node->logfile), $from) =~ /TRAP: (.*)/g;
	return join "\n", sort keys %seen;
}

my $writes = <<'SQL';
INSERT INTO m.bait VALUES (1, 'a', '{a,b}', '{b}', (1, 'a'), ARRAY[(2, 'b')::m.pair], '[1,2]', ARRAY['[1,2]'::m.span], 'x', '{y}');
UPDATE m.bait SET id = 2;
DELETE FROM m.bait;
COPY m.bait (id, e, ea, p) FROM stdin;
3	a	{a}	(3,b)
\.
TRUNCATE m.bait;
SQL
my $alone = trapped($writes);
like($alone, qr/table check as (?!mallory)/, 'PostgreSQL itself runs a constraint as who writes: the traps are armed');
like(trapped($writes . 'INSERT INTO m.bait VALUES (1, \'a\', \'{a,b}\'); SELECT to_jsonb(b) FROM m.bait b; TRUNCATE m.bait'),
	qr/cast m.mood to json as (?!mallory)/, '... and to_jsonb a cast');
is(trapped(q{SELECT calib.audit_table('m.bait')}), '', 'audit_table runs nothing of the table');
is(trapped($writes), $alone, 'a superuser who writes to an audited table runs what it would run without, and no more');
is($node->safe_psql('trap', q{SELECT count(*) FROM calib.audit WHERE relation = 'm.bait'}), '5', '... and leaves the trail');
is($node->safe_psql('trap', q{SELECT new_row - 'z' FROM calib.audit WHERE relation = 'm.bait' ORDER BY audit_id LIMIT 1}),
	'{"d": "x", "e": "a", "g": 1, "p": {"m": "a", "x": 1}, "s": "[1,2]", "da": ["y"], "dm": ["b"], "ea": ["a", "b"], "id": 1, "pa": [{"m": "b", "x": 2}], "sa": ["[1,2]"]}',
	'... with the values as they are');
$node->safe_psql('trap', 'ALTER TABLE m.bait DISABLE TRIGGER calib_audit_row; DROP TRIGGER calib_audit_truncate ON m.bait');
is(trapped('SELECT * FROM calib.trigger_state; SELECT * FROM calib.rearm()'), '', 'looking and rearming run nothing of it');
is($node->safe_psql('trap', 'SELECT bool_and(ok) FROM calib.trigger_state'), 't', '... and mend it');
is(trapped($writes, extra_params => [ '-U', 'mallory' ]) =~ /as (?!mallory)/ ? 'other' : 'mallory', 'mallory', 'the owner\'s own writes run as the owner');

# DDL on a table of a user's is done as that user: whatever else it sets off has no more rights.
$node->safe_psql('trap', <<'SQL');
CREATE TABLE ddl (tag text, role text);
GRANT INSERT ON ddl TO PUBLIC;
CREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO public.ddl VALUES (tg_tag, current_user); END $$;
CREATE EVENT TRIGGER note_ddl ON ddl_command_start WHEN TAG IN ('CREATE TRIGGER', 'ALTER TABLE', 'DROP TRIGGER') EXECUTE FUNCTION note_ddl();
ALTER TABLE m.bait DISABLE TRIGGER calib_audit_row;
TRUNCATE ddl;
SELECT calib.rearm();
SELECT calib.unaudit_table('m.bait');
SELECT calib.audit_table('m.bait');
DROP EVENT TRIGGER note_ddl;
SQL
is($node->safe_psql('trap', q{SELECT string_agg(DISTINCT tag, ', ' ORDER BY tag), string_agg(DISTINCT role, ', ') FROM ddl}),
	'ALTER TABLE, CREATE TRIGGER, DROP TRIGGER|mallory', 'triggers are put on, switched on and taken off as the table\'s owner');

# Code that PostgreSQL fences in with mallory's rights (an index expression under a
# superuser's ANALYZE or autovacuum's, a REFRESH) is nobody who holds a duty.
$node->safe_psql('trap', 'GRANT SELECT, INSERT ON calib.duty TO mallory');
$node->safe_psql('trap', <<'SQL', extra_params => [ '-U', 'mallory' ]);
CREATE FUNCTION m.later(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE TABLE m.fenced (a integer);
INSERT INTO m.fenced VALUES (1);
CREATE INDEX ON m.fenced (m.later(a));
CREATE OR REPLACE FUNCTION m.try(what text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	EXECUTE what;
	RAISE WARNING 'done: %', what;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RAISE WARNING 'refused: % %', SQLSTATE, what;
	RETURN 'refused';
END $$;
CREATE FUNCTION m.attempts() RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	PERFORM m.try(what) FROM unnest('{"INSERT INTO calib.duty (role_name, duty) VALUES (''mallory'', ''admin'')",
		"SELECT calib.require_duty(''{hr}'', NULL, ''x'')", "SELECT calib.audit_table(''m.fenced'')",
		"SELECT calib.unaudit_table(''m.bait'')", "SELECT * FROM calib.rearm()"}'::text[]) what;
	RETURN 1;
END $$;
CREATE OR REPLACE FUNCTION m.later(a integer) RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT m.attempts()';
CREATE MATERIALIZED VIEW m.seen AS SELECT 1 AS a, m.attempts() AS b WITH NO DATA;
SQL
for my $way ('ANALYZE m.fenced', 'REFRESH MATERIALIZED VIEW m.seen', 'REINDEX TABLE m.fenced')
{
	my ($out, $err) = ('', '');
	$node->psql('trap', $way, stdout => \$out, stderr => \$err);
	my @refused = $err =~ /refused: 42501/g;
	is(scalar(@refused) . ($err =~ /done:/ ? ' and some done' : ''), '5', "$way by a superuser lends no duty") or diag($err);
}
is($node->safe_psql('trap', 'SELECT count(*) FROM calib.duty'), '0', '... and leaves none behind');

# Why output functions are above suspicion: nobody but a superuser makes one.
for my $try (
	[ 'CREATE FUNCTION m.out(m.mood) RETURNS cstring LANGUAGE internal AS \'textout\'', qr/permission denied for language internal/ ],
	[ 'CREATE FUNCTION m.out(m.mood) RETURNS cstring LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$', qr/cannot return type cstring/ ],
	[ 'CREATE TYPE m.base (INPUT = textin, OUTPUT = textout)', qr/must be superuser to create a base type/ ])
{
	my ($sql, $refusal) = @$try;
	my ($rc, $out, $err) = $node->psql('trap', $sql, extra_params => [ '-U', 'mallory' ]);
	like($err, $refusal, "an output function is not a user's: $refusal");
}

# DROP EXTENSION says what is in the way; CASCADE leaves a table as it was.
my ($rc, $out, $err) = $node->psql('trap', 'DROP EXTENSION calib');
like($err, qr/trigger calib_audit_row on table m\.bait depends on function calib\.audit_row/, 'DROP EXTENSION names the audited table');
$node->safe_psql('trap', 'DROP EXTENSION calib CASCADE');
is($node->safe_psql('trap', q{SELECT string_agg(tgname, ' ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = 'm.bait'::regclass}),
	'a_before z_after z_truncate', '... and CASCADE takes its own triggers off and no other');
$node->safe_psql('trap', $writes);
$node->safe_psql('trap', 'DROP SCHEMA m CASCADE; REVOKE ALL ON DATABASE trap FROM mallory; DROP ROLE mallory');
pass('nothing of it holds the owner\'s role');

# --- Dump and restore.
$node->safe_psql('postgres', 'CREATE ROLE shopkeeper LOGIN; CREATE DATABASE old');
$node->safe_psql('old', <<'SQL');
CREATE EXTENSION calib;
CREATE SCHEMA "Sh""op" AUTHORIZATION shopkeeper;
SET ROLE shopkeeper;
CREATE TABLE "Sh""op".price (item text, cents integer);
CREATE TABLE "Sh""op"."Quo'ta" (a integer, b text) PARTITION BY LIST (a);
CREATE TABLE "Sh""op".quota_1 PARTITION OF "Sh""op"."Quo'ta" FOR VALUES IN (1);
CREATE TABLE "Sh""op".gone (a integer);
RESET ROLE;
SELECT calib.audit_table(t) FROM unnest('{"\"Sh\"\"op\".price","\"Sh\"\"op\".\"Quo''ta\"","\"Sh\"\"op\".gone"}'::regclass[]) t;
INSERT INTO "Sh""op".price VALUES ('tea', 1), ('tea', 1);
INSERT INTO "Sh""op"."Quo'ta" VALUES (1, 'x');
DROP TABLE "Sh""op".gone;
SQL
my $content = q{SELECT count(*), md5(string_agg(a::text, '/' ORDER BY audit_id)) FROM calib.audit a};
my $before = $node->safe_psql('old', $content);
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom", '-d', $node->connstr('old') ], 'pg_dump, custom');
$node->command_ok([ 'pg_dump', '-f', "$dir/plain", '-d', $node->connstr('old') ], 'pg_dump, plain');

sub restore
{
	my ($db, $name, @command) = @_;
	$node->safe_psql('postgres', "DROP DATABASE IF EXISTS $db");
	$node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0");
	local $ENV{PGOPTIONS} = '-c calib.restoring=on';
	$node->command_ok([ @command, '-d', $node->connstr($db), $command[0] eq 'psql' ? ('-f', "$dir/plain") : "$dir/custom" ], $name);
	return;
}
my %ways = (
	'custom' => [ 'pg_restore', '--exit-on-error' ],
	'custom, clean, one transaction' => [ 'pg_restore', '--clean', '--if-exists', '--single-transaction' ],
	'plain' => [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1' ]);
for my $way (sort keys %ways)
{
	restore('new', $way, @{ $ways{$way} });
	is($node->safe_psql('new', $content), $before, "$way: the trail is back, and the restore is not on it");
	is($node->safe_psql('new', 'SELECT relation FROM calib.audited ORDER BY relation::text COLLATE "C"'),
		qq{"Sh""op"."Quo'ta"\n"Sh""op".price}, "$way: so are the audited tables, but the one that was dropped");
	is($node->safe_psql('new', q{SELECT bool_and(ok), count(*) FILTER (WHERE relation LIKE '"Sh%') FROM calib.trigger_state WHERE trigger IS NOT NULL}),
		't|6', "$way: every trigger stands");
	is($node->safe_psql('new', 'SELECT relation FROM calib.rearm()'), 'calib.activity', "$way: nothing to mend but the foreign keys of activities");
	$node->safe_psql('new', q{CREATE TABLE "Sh""op".quota_2 PARTITION OF "Sh""op"."Quo'ta" FOR VALUES IN (2)}, extra_params => [ '-U', 'shopkeeper' ]);
	$node->safe_psql('new', q{INSERT INTO "Sh""op"."Quo'ta" VALUES (2, 'y'); UPDATE "Sh""op".price SET cents = 2; TRUNCATE "Sh""op".quota_1});
	is($node->safe_psql('new', q{SELECT relation || ' ' || action FROM calib.audit WHERE relation LIKE '"Sh%' ORDER BY audit_id OFFSET 3}),
		join("\n", q{"Sh""op"."Quo'ta" INSERT}, ('"Sh""op".price UPDATE') x 2, q{"Sh""op"."Quo'ta" TRUNCATE}), "$way: the trail goes on");
}

# Without privileges the owner cannot add a partition until rearm.
restore('new', 'no privileges', 'pg_restore', '--exit-on-error', '-x');
is($node->safe_psql('new', q{SELECT problem, mended, count(*) FROM calib.rearm() WHERE problem <> 'no foreign keys' GROUP BY 1, 2}), 'owner lacks execute|t|1', 'pg_restore -x: EXECUTE is mended');
# Forbidden, but done: the rows of one table again, with --disable-triggers.
$node->safe_psql('new', 'TRUNCATE "Sh""op".price');
{
	local $ENV{PGOPTIONS} = '-c calib.restoring=on';
	$node->command_ok([ 'pg_restore', '--data-only', '--disable-triggers', '-t', 'price', '-d', $node->connstr('new'), "$dir/custom" ], 'data only, triggers disabled');
}
is($node->safe_psql('new', 'SELECT relation, trigger, problem FROM calib.trigger_state WHERE NOT ok ORDER BY 2'),
	qq{"Sh""op".price|calib_audit_row|not always\n"Sh""op".price|calib_audit_truncate|not always}, '... leaves ordinary triggers, and trigger_state shows them');
$node->safe_psql('new', 'SET session_replication_role = replica; DELETE FROM "Sh""op".price WHERE cents = 99; UPDATE "Sh""op".price SET cents = 77');
is($node->safe_psql('new', q{SELECT count(*) FROM calib.audit WHERE new_row @> '{"cents": 77}'}), '0', '... which a replica role silences');
is($node->safe_psql('new', 'SELECT count(*) FROM calib.rearm() WHERE mended'), '2', '... and rearm mends them');
$node->safe_psql('new', 'SET session_replication_role = replica; UPDATE "Sh""op".price SET cents = 78');
is($node->safe_psql('new', q{SELECT count(*) FROM calib.audit WHERE new_row @> '{"cents": 78}'}), '2', '... so that nothing does');

# A prepared transaction carries its trail along.
$node->safe_psql('new', q{BEGIN; UPDATE "Sh""op".price SET cents = 79; PREPARE TRANSACTION 'shop'});
$node->safe_psql('new', q{COMMIT PREPARED 'shop'});
is($node->safe_psql('new', q{SELECT count(*) FROM calib.audit WHERE new_row @> '{"cents": 79}'}), '2', 'a prepared transaction is trailed');

# One table alone, taken to a database where it is not audited: its trigger says so.
$node->safe_psql('postgres', 'CREATE DATABASE elsewhere');
$node->safe_psql('elsewhere', 'CREATE EXTENSION calib; CREATE SCHEMA "Sh""op" AUTHORIZATION shopkeeper');
$node->command_ok([ 'pg_restore', '-t', 'price', '--section=pre-data', '--section=data', '-d', $node->connstr('elsewhere'), "$dir/custom" ], 'one table alone');
$node->safe_psql('elsewhere', 'CREATE TRIGGER calib_audit_row AFTER INSERT ON "Sh""op".price FOR EACH ROW EXECUTE FUNCTION calib.audit_row()');
($rc, $out, $err) = $node->psql('elsewhere', q{INSERT INTO "Sh""op".price VALUES ('x', 1)});
like($err, qr/leaves no trail.*is not audited.*calib\.audit_table\(\)/s, '... refuses rows until audit_table or rearm has been called');
$node->safe_psql('elsewhere', q{SELECT calib.audit_table('"Sh""op".price'); INSERT INTO "Sh""op".price VALUES ('x', 1)});
is($node->safe_psql('elsewhere', q{SELECT count(*) FROM calib.audit WHERE relation = '"Sh""op".price'}), '1', '... then leaves its trail');

# --- Logical replication: what is applied is trailed where it is audited.
$node->safe_psql('old', <<'SQL');
ALTER TABLE "Sh""op".price REPLICA IDENTITY FULL;
CREATE PUBLICATION shop FOR TABLE "Sh""op".price;
SQL
$node->safe_psql('old', q{SELECT pg_create_logical_replication_slot('shop', 'pgoutput')});
$node->safe_psql('new', 'TRUNCATE "Sh""op".price; ALTER TABLE "Sh""op".price REPLICA IDENTITY FULL');
my $last = $node->safe_psql('new', 'SELECT max(audit_id) FROM calib.audit');
(my $connstr = $node->connstr('old')) =~ s/'/''/g;
$node->safe_psql('new', "CREATE SUBSCRIPTION shop CONNECTION '$connstr' PUBLICATION shop WITH (create_slot = false, slot_name = 'shop', copy_data = false)");
$node->safe_psql('old', q{INSERT INTO "Sh""op".price VALUES ('rice', 5); UPDATE "Sh""op".price SET cents = 6 WHERE item = 'rice';
	DELETE FROM "Sh""op".price WHERE item = 'rice'; TRUNCATE "Sh""op".price;});
$node->wait_for_catchup('shop');
is($node->safe_psql('new', qq{SELECT string_agg(action || coalesce(' ' || (coalesce(new_row, old_row) ->> 'cents'), ''), ', ' ORDER BY audit_id)
	FROM calib.audit WHERE audit_id > $last}), 'INSERT 5, UPDATE 6, DELETE 6, TRUNCATE', 'applied changes are on the trail');
$node->safe_psql('new', 'DROP SUBSCRIPTION shop');

$node->stop;
done_testing();
