# Creating, dropping and creating again; what every member object must have;
# and that the version is told once. Nothing here knows how many objects there
# are: the catalogs are asked.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('install');
$node->init;
$node->start;

# Everything a database knows, by name: an oid would differ at every creation.
# Toast tables carry an oid in their name and follow their table.
my $inventory = q{
WITH d AS (
	SELECT classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype::text
	FROM pg_depend
	UNION ALL
	SELECT classid, objid, objsubid, refclassid, refobjid, 0, deptype::text
	FROM pg_shdepend
	WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT 'class ' || relnamespace::regnamespace || '.' || relname || ' ' || relkind::text
	FROM pg_class WHERE relnamespace::regnamespace::text !~ '^pg_(toast|temp)'
UNION ALL SELECT 'proc ' || oid::regprocedure FROM pg_proc
UNION ALL SELECT 'type ' || typnamespace::regnamespace || '.' || typname
	FROM pg_type WHERE typnamespace::regnamespace::text !~ '^pg_(toast|temp)'
UNION ALL SELECT 'namespace ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'
UNION ALL SELECT 'operator ' || oid::regoperator FROM pg_operator
UNION ALL SELECT 'cast ' || format_type(castsource, NULL) || '->' || format_type(casttarget, NULL) FROM pg_cast
UNION ALL SELECT 'opclass ' || opcname || ' ' || opcmethod FROM pg_opclass
UNION ALL SELECT 'trigger ' || tgrelid::regclass || ' ' || tgname FROM pg_trigger
UNION ALL SELECT 'constraint ' || conname || ' ' || conrelid::regclass FROM pg_constraint
UNION ALL SELECT 'policy ' || polrelid::regclass || ' ' || polname FROM pg_policy
UNION ALL SELECT 'rule ' || ev_class::regclass || ' ' || rulename FROM pg_rewrite
UNION ALL SELECT 'event trigger ' || evtname FROM pg_event_trigger
UNION ALL SELECT 'publication ' || pubname FROM pg_publication
UNION ALL SELECT 'extension ' || extname FROM pg_extension
UNION ALL SELECT 'language ' || lanname FROM pg_language
UNION ALL SELECT 'role ' || rolname FROM pg_roles
UNION ALL SELECT 'setting of ' || coalesce(setrole::regrole::text, '') || ' ' || setconfig::text FROM pg_db_role_setting
UNION ALL SELECT 'default acl ' || defaclrole::regrole || ' ' || defaclobjtype::text || ' ' || defaclacl::text FROM pg_default_acl
UNION ALL SELECT 'parameter acl ' || parname || ' ' || paracl::text FROM pg_parameter_acl
UNION ALL SELECT 'initial privileges ' || coalesce(pg_describe_object(classoid, objoid, objsubid), 'of nothing') FROM pg_init_privs
UNION ALL SELECT 'security label ' || coalesce(pg_describe_object(classoid, objoid, objsubid), 'of nothing') FROM pg_seclabel
UNION ALL SELECT 'comments of ' || classoid::regclass || ' ' || count(*) FROM pg_description GROUP BY classoid
UNION ALL SELECT 'large object ' || oid FROM pg_largeobject_metadata
UNION ALL SELECT 'depend ' || deptype || ' ' || coalesce(pg_describe_object(classid, objid, objsubid), 'nothing')
		|| ' -> ' || coalesce(pg_describe_object(refclassid, refobjid, refobjsubid), 'nothing')
	FROM d WHERE coalesce(pg_describe_object(classid, objid, objsubid), '') !~ 'pg_toast'
		AND coalesce(pg_describe_object(refclassid, refobjid, refobjsubid), '') !~ 'pg_toast'
};

# What two inventories differ in, as lines with + (new) and - (gone).
sub difference
{
	my ($old, $new) = @_;
	my %count;
	# the triggers of a foreign key, and of a key that is deferrable, are named after their oids
	s/((?:RI_ConstraintTrigger_[ac]|Unique_ConstraintTrigger)_)\d+/$1N/g for $old, $new;
	$count{$_}-- for split /\n/, $old;
	$count{$_}++ for split /\n/, $new;
	return join "\n", map { ($count{$_} > 0 ? '+ ' : '- ') . $_ }
	  sort grep { $count{$_} } keys %count;
}

# A query that lists offenders: none is right.
sub none
{
	my ($name, $sql) = @_;
	is($node->safe_psql('calib', $sql), '', $name);
	return;
}

$node->safe_psql('postgres', 'CREATE DATABASE calib');

# --- where somebody owns a schema of this name already
$node->safe_psql('postgres', 'CREATE DATABASE taken');
$node->safe_psql(
	'taken', q{
	CREATE ROLE squatter;
	GRANT CREATE ON DATABASE taken TO squatter;
	SET ROLE squatter;
	CREATE SCHEMA calib;
	CREATE TABLE calib.target (kept integer);
	INSERT INTO calib.target VALUES (42);
});
my $taken = $node->safe_psql('taken', $inventory);
my ($rc, $out, $err) = $node->psql('taken', '\set VERBOSITY verbose' . "\nCREATE EXTENSION calib;");
isnt($rc, 0, 'CREATE EXTENSION fails where schema calib exists');
like($err, qr/ERROR:  42P06: schema "calib" already exists/,
	"... with PostgreSQL's own error");
is(difference($taken, $node->safe_psql('taken', $inventory)),
	'', '... and changes nothing');
is($node->safe_psql('taken', 'SELECT kept FROM calib.target'),
	'42', '... nor what is in that schema');

# --- create, drop, create
my $empty = $node->safe_psql('calib', $inventory);
$node->safe_psql('calib', 'CREATE EXTENSION calib');
my $first = $node->safe_psql('calib', $inventory);
cmp_ok(length $first, '>', length $empty, 'CREATE EXTENSION creates something');
$node->safe_psql('calib', 'DROP EXTENSION calib');
is(difference($empty, $node->safe_psql('calib', $inventory)),
	'', 'DROP EXTENSION leaves nothing behind');
$node->safe_psql('calib', 'CREATE EXTENSION calib');
is(difference($first, $node->safe_psql('calib', $inventory)),
	'', 'a second CREATE EXTENSION makes the same as the first');

# --- every member
my $members = q{
WITH member AS (
	SELECT d.classid, d.objid
	FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'calib'
), func AS (
	SELECT p.*, p.oid::regprocedure::text AS name, l.lanname
	FROM member m
	JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
	JOIN pg_language l ON l.oid = p.prolang
), rel AS (
	SELECT c.*, c.oid::regclass::text AS name
	FROM member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
), typ AS (
	SELECT t.*, t.oid::regtype::text AS name
	FROM member m JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
	LEFT JOIN pg_class c ON c.oid = t.typrelid
	-- not array types and the row types of tables: nobody made them by hand
	WHERE t.typcategory <> 'A' AND coalesce(c.relkind, 'c') = 'c' AND t.typtype <> 'm'
)
};

none('every function, aggregate, table, view, sequence and type has a comment', $members . q{
	SELECT 'function ' || name FROM func WHERE obj_description(oid, 'pg_proc') IS NULL
	UNION ALL
	SELECT 'relation ' || name FROM rel
	WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT relispartition
		AND obj_description(oid, 'pg_class') IS NULL
	UNION ALL
	SELECT 'type ' || name FROM typ WHERE obj_description(oid, 'pg_type') IS NULL
	UNION ALL
	SELECT pg_describe_object(classid, objid, 0) FROM member
	WHERE classid IN ('pg_namespace'::regclass, 'pg_operator'::regclass, 'pg_cast'::regclass)
		AND obj_description(objid, classid::regclass::name) IS NULL});

none('every column of a table and of a composite type has a comment', $members . q{
	SELECT name || '.' || attname FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid
	WHERE relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped AND col_description(rel.oid, attnum) IS NULL
	UNION ALL
	SELECT typ.name || '.' || attname FROM typ JOIN pg_attribute a ON a.attrelid = typ.typrelid
	WHERE attnum > 0 AND NOT attisdropped AND col_description(a.attrelid, attnum) IS NULL});

# a BI tool shows a comment by itself, without that of the column before
none('comments are sentences that stand by themselves', $members . q{
	SELECT name || '.' || attname || ': ' || col_description(rel.oid, attnum)
	FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid
	WHERE relkind IN ('r', 'p', 'v') AND attnum > 0 AND NOT attisdropped
		AND col_description(rel.oid, attnum) !~ '^.{7,}[.]$'
	UNION ALL
	SELECT c.what || ': ' || c.comment FROM (
		SELECT 'function ' || name, obj_description(oid, 'pg_proc') FROM func
		UNION ALL SELECT 'relation ' || name, obj_description(oid, 'pg_class') FROM rel
		UNION ALL SELECT 'type ' || name, obj_description(oid, 'pg_type') FROM typ) AS c (what, comment)
	WHERE c.comment !~ '^.{7,}[.]$'});

none('every argument has a name', $members . q{
	SELECT name FROM func
	WHERE pronargs > 0 AND (proargnames IS NULL OR '' = ANY (proargnames))});

# What applications and BI tools rely on: a name less, or another order of arguments, breaks them.
my %columns = (
	attainment => 'unit_id unit_name unit_kind parent_id level is_leaf region measure product_line grain period_start period_end original_value target_value actual attainment attainment_original elapsed_share pace pace_basis',
	attainment_weekly => 'unit_id measure product_line grain period_start week original_value target_value actual attainment attainment_original elapsed_share pace',
	target_history => 'target_id value valid_from valid_to',
	behavior_weekly => 'unit_id week events weighted density customers active_days concentration late_share',
	indicator_weekly => 'unit_id week code numerator denominator value',
	shallow_coverage => 'unit_id visited stuck share flagged',
	adjustment_budget => 'unit_id measure product_line quarter_start used pending remaining',
	adjustment_trail => 'id unit_name old_value new_value change reason evidence status hours_to_file',
	request_trail => 'id unit_name reason evidence status hours_to_file',
	sri_monthly => 'unit_id month acted open dismissed recovered mean_days median_days',
	freshness => 'source last_event last_recorded lag_mean lag_p50 lag_p95',
	map { $_ => 'unit_id' } qw(target_gap diagnosis missed_but_active channel_focus ramp_up pressure nps_quarterly war_room));
none("view $_ has the columns it is read by", qq{
	SELECT c FROM unnest(string_to_array('$columns{$_}', ' ')) AS c
	WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass('calib.$_') AND a.attname = c)})
  for sort keys %columns;
none('functions take the arguments they are called with', q{
	WITH wanted (name, arguments) AS (VALUES
		('quadrant', 'attainment density_index floor line'), ('publish_targets', 'period_start unit_id'),
		('submit_adjustment', 'target_id new_value reason evidence'), ('submit_adjustments', 'target_ids change reason evidence'),
		('approve_adjustment', 'adjustment_id comment'), ('reject_adjustment', 'adjustment_id reason'),
		('file_adjustment', 'adjustment_id comment'), ('withdraw_adjustment', 'adjustment_id reason'),
		('approve_request', 'request_id comment'), ('reject_request', 'request_id reason'),
		('file_request', 'request_id comment'), ('withdraw_request', 'request_id reason'),
		('attach_evidence', 'kind title uri content observed_on'), ('audit_table', 'relation'), ('unaudit_table', 'relation'),
		('guard_table', 'relation value_column unit_column period_column grain product_line_column measure'), ('unguard_table', 'relation'),
		('rearm', ''), ('seal', ''), ('digest', ''), ('verify', 'digest'), ('prove', 'audit_id'),
		('attach', 'feed destination source mapping filter mode cursor_column'), ('backfill', 'feed'), ('detach', 'feed'), ('pull', 'feed'),
		('attach_crm', 'adapter schema'), ('ingest', 'source payload'), ('diagnose', 'as_of grain known_at'), ('detect', 'as_of'),
		('act', 'deviation_id action note'), ('dismiss', 'deviation_id reason'), ('comment_deviation', 'deviation_id note'),
		('open_meeting', 'unit_id month'), ('agenda', 'meeting_id'), ('decide', 'meeting_id item_id decision note'), ('close_meeting', 'meeting_id'),
		('run', 'job as_of'), ('schedule_jobs', ''), ('unschedule_jobs', ''), ('claim_outbox', 'n worker'), ('ack_outbox', 'id'),
		('setup_small_firm', ''), ('build_season', 'unit_id measure grain'), ('help', ''), ('health', ''))
	SELECT name FROM wanted w
	WHERE NOT EXISTS (SELECT FROM pg_proc p
		WHERE p.pronamespace = 'calib'::regnamespace AND p.proname = w.name
			AND coalesce(p.proargnames[:array_length(string_to_array(nullif(w.arguments, ''), ' '), 1)], '{}')
				= coalesce(string_to_array(nullif(w.arguments, ''), ' '), '{}'))});

none('every member lives in schema calib', $members . q{
	SELECT name FROM func WHERE pronamespace::regnamespace::text <> 'calib'
	UNION ALL SELECT name FROM rel WHERE relnamespace::regnamespace::text <> 'calib'
	UNION ALL SELECT name FROM typ WHERE typnamespace::regnamespace::text <> 'calib'});

none('SECURITY DEFINER functions and PL/pgSQL pin their search_path', $members . q{
	SELECT name FROM func
	-- what commits can pin nothing: a procedure that is no definer qualifies all it names
	WHERE (prosecdef OR (lanname = 'plpgsql' AND prokind <> 'p'))
		AND NOT coalesce(proconfig, '{}') && ARRAY['search_path=pg_catalog, pg_temp']});

none('SQL functions are bound at creation or pin their search_path', $members . q{
	SELECT name FROM func
	WHERE lanname = 'sql' AND prosqlbody IS NULL
		AND NOT coalesce(proconfig, '{}') && ARRAY['search_path=pg_catalog, pg_temp']});

none('no trigger function is executable by PUBLIC', $members . q{
	SELECT name FROM func
	WHERE prorettype IN ('trigger'::regtype, 'event_trigger'::regtype)
		AND has_function_privilege('public', oid, 'EXECUTE')});

# Those ask who calls and what of it he may see or do; one that takes anybody's relation,
# text or rows to act on them as another is for calib's own functions.
my $of_public = join ', ', map { "'$_'" } qw(
	ack_outbox acknowledge_agreement act act_effects actor_covers acts_by_person approve_adjustment
	approve_request attach attach_crm attach_evidence attainment_at attainment_weekly_now audit_table backfill_step behavior_in behavior_weekly_in
	cancel_meeting channel_focus_in claim_outbox close_meeting comment_deviation conversion_in decide
	detach detect diagnosed_period digest dismiss dismiss_reminder draft_agreement duties_own edit_report
	expected_triggers facts_waiting fed_sources feed_problems file_adjustment file_report file_request
	finish_reminder freshness_at guard_table held_duties holds indicator_in ingest job_problems
	login_is_delegate make_partitions nps_by_quarter open_meeting origin_of peer_figures period_quadrants pilot_candidates_now
	pilot_effects_now pilot_figures_now pilots_seen places_held plan_jobs pressure_now prune_outbox
	publish_targets pull ramp_up_in rearm resummarise reject_adjustment reject_request reminders_waiting rep_weeks_in
	response_in results_at run scheduler_state seal shallow_coverage_in skip_tick sri_by_month
	stale_results stray_triggers summary_state submit_adjustment submit_adjustments submit_request target_gaps targets_at
	targets_missing tier_fit_at unaudit_table unguard_table unit_labels units_asked units_ever_seen
	units_held units_known units_seen units_seen_before units_seen_or_all unplan_jobs unsealed_window verify verify_last
	war_room_now withdraw_adjustment withdraw_request);
none('a definer function is for PUBLIC where that was decided, and nowhere else', $members . qq{
	SELECT name FROM func WHERE prosecdef AND prokind <> 'a'
		AND has_function_privilege('public', oid, 'EXECUTE') AND proname NOT IN ($of_public)});

none('what runs code with the rights of whose table it is is not for PUBLIC', $members . q{
	SELECT name FROM func
	WHERE proname ~ '^(run_as_|ask_|feed_(read|remove|facts)|add_stages|put_|drop_|lock_table|grant_|revoke_)'
		AND has_function_privilege('public', oid, 'EXECUTE')});

none('what stands behind a door, a job\'s worker, and what says it is internal, is not for PUBLIC', $members . q{
	SELECT name FROM func
	WHERE (proname ~ '_behind_door$|^run_' OR obj_description(oid, 'pg_proc') ~ '\mInternal\M|; internal[.]')
		AND has_function_privilege('public', oid, 'EXECUTE')});

# what only fills in may be left out by a replica: the row comes filled
none('every trigger that keeps a rule fires always', $members . q{
	SELECT rel.name || ' ' || t.tgname FROM rel JOIN pg_trigger t ON t.tgrelid = rel.oid
	WHERE NOT t.tgisinternal AND t.tgenabled <> 'A' AND t.tgname !~ '^fill_'});

none('a dump has every table but what CREATE EXTENSION makes anew', $members . q{
	SELECT name FROM rel
	WHERE relkind = 'r' AND oid <> ALL (SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'calib')
		AND name <> ALL ('{calib.seed,calib.reason,calib.own_trigger,calib.era,calib.adapter,calib.adapter_feed,calib.adapter_stage}')
	UNION ALL
	SELECT rel.name FROM rel
	JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = rel.oid AND d.deptype = 'i' AND d.refclassid = 'pg_class'::regclass
	JOIN pg_extension e ON e.extname = 'calib'
	WHERE relkind = 'S' AND d.refobjid = ANY (e.extconfig) AND rel.oid <> ALL (e.extconfig)});

none('aggregates are parallel safe and combine', $members . q{
	SELECT name FROM func JOIN pg_aggregate a ON a.aggfnoid = func.oid
	WHERE proparallel <> 's' OR aggcombinefn = 0
		OR (aggtranstype = 'internal'::regtype AND (aggserialfn = 0 OR aggdeserialfn = 0))});

none("views show what their reader may see (security_invoker)", $members . q{
	SELECT name FROM rel
	WHERE relkind = 'v' AND NOT coalesce(reloptions, '{}')
		&& ARRAY['security_invoker=true', 'security_invoker=on', 'security_invoker=1']});

none('views show types that every BI driver reads, and every column has a comment', $members . q{
	SELECT name || '.' || attname FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid
	WHERE relkind = 'v' AND attnum > 0
		AND (atttypid::regtype::text NOT IN ('bigint', 'numeric', 'double precision', 'text', 'boolean',
				'date', 'timestamp with time zone', 'jsonb')
			OR col_description(rel.oid, attnum) IS NULL)});

# --- rights: a table of calib's that a release adds without rules shows here
# (the keys are the trigger's alone, and a partition is read as what it is a part of)
none('every table is under row-level security, and has a policy for reading where somebody may', $members . q{
	SELECT name FROM rel WHERE relkind IN ('r', 'p') AND (NOT relrowsecurity
		OR NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = rel.oid AND p.polcmd IN ('r', '*'))
			AND name NOT IN ('calib.activity_key', 'calib.activity_default'))
		AND name <> 'calib.seed'});

none('PUBLIC may read every view', $members . q{
	SELECT name FROM rel WHERE relkind = 'v' AND NOT has_table_privilege('public', rel.oid, 'SELECT')});

none('PUBLIC may do with a table what has a policy, and nothing else', $members . q{
	SELECT name || ' ' || p.privilege
	FROM rel CROSS JOIN (VALUES ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd'),
		('TRUNCATE', ''), ('REFERENCES', ''), ('TRIGGER', '')) p (privilege, command)
	WHERE relkind IN ('r', 'p') AND has_table_privilege('public', rel.oid, p.privilege)
		<> EXISTS (SELECT FROM pg_policy o WHERE o.polrelid = rel.oid AND o.polcmd = p.command::"char")});

none('no sequence is granted to PUBLIC', $members . q{
	SELECT name FROM rel WHERE CASE WHEN relkind = 'S' THEN has_sequence_privilege('public', rel.oid, 'USAGE, SELECT, UPDATE') END});

none('a function that reads every unit is not for PUBLIC', $members . q{
	SELECT name FROM func WHERE proname ~ '^all_|^(unit|diagnosis)_figures$' AND has_function_privilege('public', oid, 'EXECUTE')});

# --- the version is the control file's
my ($version) = slurp_file('calib.control') =~ /^default_version *= *'([^']+)'/m;
is($node->safe_psql('calib', q{SELECT extversion FROM pg_extension WHERE extname = 'calib'}),
	$version, 'the installed version is the control file\'s');
my $meta = decode_json(slurp_file('META.json'));
is($meta->{version}, $version, 'META.json has the version');
is($meta->{provides}{calib}{version}, $version, '... twice');
ok(-e $meta->{provides}{calib}{$_}, "META.json's $_ exists") for 'file';
my ($changelog) = slurp_file('CHANGELOG.md') =~ /^## \[([^]]+)\]/m;
is($changelog, $version, 'CHANGELOG.md has the version on top');

$node->stop;
done_testing();
