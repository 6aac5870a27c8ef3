# Jobs under a real scheduler: pg_cron in calib's database and beside it, run by an admin
# who is no superuser; killed in the middle of a run; on a standby; by lines of a crontab.
# It waits for two full minutes of the clock.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $share = qx($ENV{PG_CONFIG} --sharedir) if $ENV{PG_CONFIG};
chomp($share //= qx(pg_config --sharedir));
plan skip_all => 'pg_cron is not installed' unless -e "$share/extension/pg_cron.control";

my $node = PostgreSQL::Test::Cluster->new('job');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', q{
shared_preload_libraries = 'pg_cron'
cron.database_name = 'postgres'
cron.use_background_workers = on
max_worker_processes = 20
autovacuum = off
timezone = 'UTC'
});
$node->start;

sub value { return $node->safe_psql('postgres', $_[0]) }

# What it is refused with, as li or another role.
sub refused
{
	my ($role, $sql) = @_;
	my ($out, $err) = ('', '');
	$node->psql('postgres', "SET SESSION AUTHORIZATION $role; $sql", stdout => \$out, stderr => \$err);
	return $err =~ s/^psql:\S+ //r;
}

sub as { my ($role, $sql) = @_; return value("SET SESSION AUTHORIZATION $role; $sql") }

my $in_cron = q{SELECT count(*) || ' ' || count(*) FILTER (WHERE active AND username = 'li' AND database = 'postgres') FROM cron.job};
my $jobs = q{SELECT string_agg(check_name || ': ' || detail, '; ') FROM calib.health() WHERE NOT ok};

value(q{
	CREATE EXTENSION calib;
	CREATE ROLE li LOGIN;
	CREATE ROLE wang LOGIN;
	INSERT INTO calib.duty (role_name, duty, unit_id) VALUES ('li', 'admin', NULL), ('wang', 'admin', NULL);
});

# --- loaded and not created; created and not for everybody
like(refused('li', 'SELECT calib.schedule_jobs()'), qr/^ERROR: +pg_cron is loaded for this database, and its extension is not there.*CREATE EXTENSION pg_cron/s,
	'pg_cron is loaded and not created: the hint says what to do');
value('CREATE EXTENSION pg_cron');
like(value($jobs), qr/^jobs: announce, .*, weekly_report: not scheduled\.; scheduler: pg_cron is there, and nothing is scheduled/, 'health says that nothing is scheduled');
like(refused('li', 'SELECT calib.schedule_jobs()'), qr/^ERROR: +permission denied for schema cron/, 'scheduling in pg_cron takes USAGE on its schema');
is(value('SELECT count(*) FROM calib.job WHERE scheduled IS NOT NULL'), '0', '... and without it nothing was noted');
value('GRANT USAGE ON SCHEMA cron TO li, wang');

# --- as an admin who is no superuser
is(as('li', q{SELECT string_agg(job || ' ' || how || ' ' || command, ', ' ORDER BY job) FROM calib.schedule_jobs() WHERE schedule = '* * * * *'}),
	q{announce pg_cron SELECT calib.run('announce'), rollup pg_cron SELECT calib.run('rollup'), seal pg_cron SELECT calib.run('seal')}, 'three jobs run every minute');
is(value($in_cron), '9 9', 'all jobs are in pg_cron, as who scheduled them');
is(value($jobs), '', 'health: all is in order');
my $before = value(q{SELECT md5(string_agg(j::text, ' ' ORDER BY jobid)) FROM cron.job j});
is(as('li', 'SELECT count(*) FROM calib.schedule_jobs()'), '9', 'scheduling again');
is(as('wang', 'SELECT count(*) FROM calib.schedule_jobs()'), '9', 'and by another admin');
is(value(q{SELECT md5(string_agg(j::text, ' ' ORDER BY jobid)) FROM cron.job j}), $before, '... changes nothing');
like(refused('wang', 'SELECT calib.unschedule_jobs()'), qr/^ERROR: /, 'who did not schedule them and is no superuser does not take them out');
is(value($in_cron), '9 9', '... and none is out');
value(q{UPDATE cron.job SET active = false WHERE command ~ 'seal'; UPDATE cron.job SET schedule = '0 0 * * *' WHERE command ~ 'detect'; DELETE FROM cron.job WHERE command ~ 'pull'});
is(value($jobs), 'scheduler: In pg_cron, detect: altered; pull: missing; seal: inactive. SELECT * FROM calib.schedule_jobs() mends them.', 'health names what was changed there');
as('li', 'SELECT calib.schedule_jobs()');
is(value($jobs), '', '... and scheduling mends it');
is(value($in_cron), '9 9', '... without a second of any');

# --- a job with three days to make up for, whose second day takes long
value(q{
	CREATE TABLE did (n serial, at timestamptz);
	CREATE TABLE slow AS SELECT true AS yes;
	CREATE FUNCTION calib.run_test_day(as_of timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO public.did (at) VALUES (as_of);
		IF EXISTS (SELECT FROM public.slow) AND (SELECT count(*) FROM public.did) = 2 THEN
			PERFORM pg_sleep(600);
		END IF;
		RETURN 1;
	END $$;
	-- due six hours ago, so that no day begins while this runs
	INSERT INTO calib.job (job, every, at, replay, keep_days, label_en, label_zh)
	SELECT 'test_day', 'day', date_trunc('minute', (now() - interval '6 hours') AT TIME ZONE o.zone)::time, true, 30, 't', 't' FROM calib.organisation o;
	GRANT SELECT ON slow, did TO li;
});
as('li', 'SELECT calib.schedule_jobs()');
is(value(q{SELECT last_tick = calib.newest_tick(j, now()) FROM calib.job j WHERE job = 'test_day'}), 't', 'what lies before it was scheduled is not missed');
value(q{UPDATE calib.job j SET last_tick = calib.newest_tick(j, now() - interval '3 days') WHERE job = 'test_day'});
my @missed = split /\n/, value(q{SELECT t FROM calib.job j, calib.job_ticks(j, last_tick, now()) t WHERE job = 'test_day' ORDER BY t});
is(scalar @missed, 3, 'three days were missed');
as('li', q{SELECT cron.schedule('test', '* * * * *', 'SELECT calib.run(''test_day'')')});

# --- beside pg_cron's database, under names that nobody should choose
my $hostile = q{we"ird 'n\\ame $HOME `id` %s =x; --} . "\t竞";
my $long = 'x' x 63;
my $odd_role = q{o"dd 'ro\\le %; --};
(my $quoted_role = $odd_role) =~ s/"/""/g;
value(qq{CREATE ROLE "$quoted_role" SUPERUSER LOGIN});
my %of_database;
for my $database ($hostile, $long)
{
	(my $quoted = $database) =~ s/"/""/g;
	value(qq{CREATE DATABASE "$quoted" TEMPLATE template0});
	$node->safe_psql($database, 'CREATE EXTENSION calib');
	my $commands = qq{SET SESSION AUTHORIZATION "$quoted_role"; SELECT job, how, command FROM calib.schedule_jobs()};
	my @rows = split /\n/, $node->safe_psql($database, $commands);
	is(scalar(grep { /\|statement\|SELECT cron\.schedule/ } @rows), 10, 'beside pg_cron there are statements, the tenth for its log');
	$of_database{$database} = join "\n", map { s/^[^|]*\|[^|]*\|//r } @rows;
	value($of_database{$database}) for 1 .. 2;
	(my $literal = $database) =~ s/'/''/g;
	is(value(qq{SELECT count(*) || ' ' || count(DISTINCT jobname) FROM cron.job WHERE database = '$literal'}), '9 9', '... that schedule each job once in that database');
	(my $role_literal = $odd_role) =~ s/'/''/g;
	is(value(qq{SELECT count(*) FROM cron.job WHERE database = '$literal' AND username = '$role_literal'}), '9', '... as who scheduled them there');
	is($node->safe_psql($database, q{SELECT string_agg(check_name || ': ' || detail, '; ') FROM calib.health() WHERE NOT ok}), '', '... where all is in order');
}
is(value(q{SELECT count(*) FROM cron.job WHERE database = 'postgres' AND command ~ 'job_run_details'}), '2', "a job for pg_cron's log of each");
like(value($jobs), qr/^jobs: test_day: late: due at [^;]*$/, 'which is nothing to the first, where a job is late');

# --- a line of a crontab, as cron hands it to the shell
my $line = $node->safe_psql($hostile, q{SELECT calib.crontab_line('* * * * *', 'SELECT calib.run(''seal'')')});
like($line, qr/^\* \* \* \* \* psql [^\n]*[^\\\n]$/, 'a line of a crontab is one line');
unlike($line, qr/(?<!\\)%/, 'whose command cron does not cut off');
(my $command = $line) =~ s/^(?:\* ){5}//;
$command =~ s/\\%/%/g;
{
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	my ($out, $err) = ('', '');
	ok(IPC::Run::run([ 'sh', '-c', $command ], '>', \$out, '2>', \$err), 'it runs') or diag($err);
	is("$out$err", '', '... without a word');
}
is($node->safe_psql($hostile, q{SELECT rows FROM calib.job_run WHERE job = 'seal'}), '1', '... and sealed');

# --- a standby
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('job_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT calib.run('test_day') IS NULL AND calib.run('seal') IS NULL AND calib.run('maintain') IS NULL}), 't', 'on a standby nothing runs');
like($standby->safe_psql('postgres', $jobs), qr/^jobs: test_day: late: due at [^;]*$/, 'and health says there what it says here');

# --- pg_cron runs what was scheduled, and is killed in the middle of it
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'}), 'the full minute has come, and the second day is being run');
is(value(q{SELECT calib.run('test_day') IS NULL}), 't', 'what runs does not run a second time');
$standby->stop;
my @processes = split /\n/, value(q{SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()});
push @processes, (slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/);
$node->kill9;
# not all notice: the launcher of a newer pg_cron runs on. And the last of them may still
# hold the server's memory
kill 'KILL', @processes;
for (1 .. 600)
{
	last unless kill 0, @processes;
	select undef, undef, undef, 0.1;
}
is(kill(0, @processes), 0, 'the server was killed');
$node->start;
is(value('SELECT count(*) FROM did'), '0', 'of the run in the middle nothing is there');
is(value(q{SELECT count(*) FROM calib.job_run WHERE job = 'test_day'}), '0', '... no tick counts as run');
is(value(q{SELECT count(*) FROM cron.job_run_details WHERE command ~ 'test_day' AND status = 'succeeded'}), '0', '... and pg_cron claims none');
value('DELETE FROM slow');
ok($node->poll_query_until('postgres', q{SELECT count(*) >= 3 FROM did}), 'the next full minute makes up for it');
is(value('SELECT string_agg(at::text, E\'\n\' ORDER BY n) FROM did'), join("\n", @missed), 'every day that was missed, once and in order');
is(value(q{SELECT count(*) || ' ' || sum(rows) || ' ' || max(tries) FROM calib.job_run WHERE job = 'test_day' AND error IS NULL AND person = 'li'}), '3 3 1', 'each is in the log');
is(as('li', q{SELECT calib.run('test_day')}), '0', 'and nothing is left');
ok($node->poll_query_until('postgres', q{SELECT count(DISTINCT job) = 2 FROM calib.job_run WHERE job IN ('seal', 'announce') AND person = 'li' AND error IS NULL}),
	'announce and seal have run, as who scheduled them');
ok($node->poll_query_until('postgres', q{SELECT count(DISTINCT command) = 2 FROM cron.job_run_details WHERE status = 'succeeded' AND username = 'li' AND command ~ '(seal|announce)'}),
	'and pg_cron says so');
ok($node->poll_query_until($hostile, q{SELECT count(*) = 1 FROM calib.job_run WHERE job = 'announce' AND error IS NULL}), 'in the database of the odd name, too');
is(value(q{SELECT bool_and(ok) AND count(*) > 1 FROM calib.verify()}), 't', 'the trail is sealed, and the ledger whole');

# --- pg_cron's log is cleared out, of calib's jobs and no others
value(q{
	INSERT INTO cron.job_run_details (jobid, database, username, command, status, start_time, end_time)
	SELECT 1, d, 'li', c, 'succeeded', now() - days * interval '1 day', now() - days * interval '1 day'
	FROM (VALUES ('postgres'), ('elsewhere')) d (d), (VALUES ('SELECT calib.run(''seal'')'), ('VACUUM')) c (c), (VALUES (6), (8)) x (days);
	INSERT INTO cron.job_run_details (runid, jobid, database, username, command, status) VALUES (-1, 1, 'postgres', 'li', 'SELECT calib.run(''seal'')', 'failed');
});
# the months ahead are there, so that what it returns is what it cleared out
value(q{SELECT calib.make_partitions()});
is(value(q{SELECT calib.run_maintain(now())}), '2', 'what is older than the runs of announce are kept, and what never began');
is(value(q{SELECT count(*) FROM cron.job_run_details WHERE end_time < now() - interval '5 days'}), '7', 'all else is there');

# --- taken out, by a superuser whoever scheduled them; pg_cron dropped
is(value(q{SELECT count(*) FROM calib.unschedule_jobs() WHERE how = 'pg_cron'}), '10', 'a superuser takes all out');
is(value(q{SELECT count(*) FROM cron.job WHERE database = 'postgres' AND jobname ~ '^calib' AND jobname !~ 'log'}), '0', 'none is left');
is(value('SELECT count(*) FROM calib.unschedule_jobs()'), '0', 'and there is nothing more to take out');
my $out_of = $node->safe_psql($hostile, 'SELECT command FROM calib.unschedule_jobs()');
value($out_of);
is(value(q{SELECT count(*) FROM cron.job WHERE database ~ '^we' OR command ~ 'we.ird'}), '0', 'statements take out what statements put in');
as('li', 'SELECT calib.schedule_jobs()');
value('DROP EXTENSION pg_cron');
like(value($jobs), qr/^scheduler: The jobs were scheduled in pg_cron, which is absent now/, 'where pg_cron is dropped, health says so');

$node->stop;
done_testing();
