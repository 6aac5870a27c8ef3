# The type behavior where bytes come from outside or are broken inside: binary
# COPY, dump and restore, other encodings, cancelling, and corrupt pages.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('behavior');
$node->init;
$node->start;
my $dir = PostgreSQL::Test::Utils::tempdir;
my $seed = $ENV{CALIB_SEED} || time;
srand $seed;
note "CALIB_SEED=$seed";

sub value { return $node->safe_psql('postgres', $_[0]) }

sub spit
{
	my ($name, $bytes) = @_;
	open my $file, '>:raw', "$dir/$name" or die $!;
	print $file $bytes;
	close $file or die $!;
	return;
}

# A summary of acts and, in one of ten, one too large to keep them
$node->safe_psql('postgres', q{
	CREATE EXTENSION calib;
	CREATE TABLE summary AS
	SELECT g, calib.behavior('2025-03-01 UTC'::timestamptz + (n * 7919 % 5000000) * interval '1 second', CASE WHEN n % 17 > 0 THEN n % (200 + g) END,
	    (ARRAY['visit', 'call', 'quote', '拜访'])[1 + n % 4], n / 8.0, 'Europe/Berlin',
	    '2025-03-01 UTC'::timestamptz + (n * 7919 % 5000000 + n % 100 * 3600) * interval '1 second') AS b
	FROM generate_series(0, 19) AS g, LATERAL generate_series(1, CASE WHEN g % 10 = 0 THEN 12000 ELSE 20 + g * 9 END) AS n
	GROUP BY g;
});
is(value('SELECT count(*), count(*) FILTER (WHERE calib.distinct_events(b) > 4096) FROM summary'), '20|2', 'summaries of both forms');

# --- binary COPY
value("\\copy summary TO '$dir/good' (FORMAT binary)");
$node->safe_psql('postgres', "CREATE TABLE again (LIKE summary)");
$node->safe_psql('postgres', "\\copy again FROM '$dir/good' (FORMAT binary)");
is(value('SELECT count(*), bool_and(a.b OPERATOR(calib.=) s.b) FROM again a JOIN summary s USING (g)'), '20|t', 'binary and back is the same');

# one tuple: 19 bytes of header, a count, and the value with its length; a trailer
my $hex = value(q{SELECT substr(b::text, 3) FROM summary WHERE g = 3});
my $good = pack 'H*', $hex;
my @script = ('\set VERBOSITY sqlstate');
my $length = length $good;
for my $n (1 .. 200)
{
	my $bad = $good;
	my $at = int rand $length;
	if ($n % 4 == 0) { $bad = substr $good, 0, $at }
	elsif ($n % 4 == 1) { substr($bad, $at, 1) = chr((ord(substr $bad, $at, 1) + 1 + int rand 255) % 256) }
	elsif ($n % 4 == 2) { substr($bad, $at, 0) = chr int rand 256 }
	else { substr($bad, $at, 1) = '' }
	$bad = $good . 'x' if $bad eq $good;
	spit("bad$n", "PGCOPY\n\377\r\n\0" . pack('NN', 0, 0) . pack('n', 1) . pack('N', length $bad) . $bad . pack('n', 65535));
	push @script, "\\copy again (b) FROM '$dir/bad$n' (FORMAT binary)";
}
my ($status, $out, $err) = $node->psql('postgres', join("\n", @script), on_error_stop => 0);
my @refused = $err =~ /ERROR:  22P03/g;
is(scalar @refused, 200, 'every broken value in binary is refused with 22P03');
is(value('SELECT count(*) FROM again'), '20', 'and none got in');

# --- dump and restore
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->safe_psql('restored', 'CREATE EXTENSION calib');
command_ok([ 'pg_dump', '-Fc', '-t', 'summary', '-f', "$dir/dump", $node->connstr('postgres') ], 'pg_dump');
command_ok([ 'pg_restore', '-d', $node->connstr('restored'), "$dir/dump" ], 'pg_restore');
is($node->safe_psql('restored', 'SELECT md5(string_agg(b::text, $$,$$ ORDER BY g)) FROM summary'),
	value('SELECT md5(string_agg(b::text, $$,$$ ORDER BY g)) FROM summary'), 'restored summaries are the same');

# --- where a database does not know its encoding, a kind must be UTF-8 all the same
$node->safe_psql('postgres', q{CREATE DATABASE bytes ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0});
$node->safe_psql('bytes', 'CREATE EXTENSION calib');
my $visit = q{SELECT calib.events(b, '拜访'), calib.density(b, '{"拜访": 2}', 1), calib.kind_counts(b), b
	FROM (SELECT calib.behavior('2025-08-04', 1, '拜访', 1) AS b) AS x};
is($node->safe_psql('bytes', $visit), value($visit), 'a kind outside of ASCII');
like(value($visit), qr/^1\|2\|/, 'is found by its name');
my (undef, undef, $invalid) = $node->psql('bytes', q{\set VERBOSITY sqlstate
	SELECT calib.behavior('2025-08-04', 1, E'\\xff', 1)});
like($invalid, qr/22021/, 'and one that is not UTF-8 is refused');

# --- cancelling in the middle of a large state
for my $query (
	'SELECT calib.behavior(now() - i % 1000 * interval \'1 day\', i * 7919 % 9999991, \'visit\', 1) FROM generate_series(1, 40000000) AS i',
	'SELECT sum(calib.events(b)) FROM (SELECT calib.rollup(s.b) AS b FROM summary s, generate_series(1, 10000000) AS i GROUP BY i % 3) AS x')
{
	my ($s, $o, $e) = $node->psql('postgres', "SET statement_timeout = '1s'; $query");
	like($e, qr/statement timeout/, 'a long aggregate can be cancelled');
}

# --- what a broken disk may hold: an error or a figure, never a crash
$node->safe_psql('postgres', q{
	CREATE CAST (bytea AS calib.behavior) WITHOUT FUNCTION;
	CREATE FUNCTION bent(good bytea) RETURNS bytea LANGUAGE plpgsql AS $$
	DECLARE
		at int;
	BEGIN
		FOR i IN 1 .. 1 + floor(random() * 3)::int LOOP
			at := floor(random() * length(good))::int;
			CASE floor(random() * 4)::int
				WHEN 0 THEN good := set_byte(good, at, floor(random() * 256)::int);
				WHEN 1 THEN good := substr(good, 1, at) || substr(good, at + 2);
				WHEN 2 THEN good := substr(good, 1, at) || '\xff' || substr(good, at + 1);
				ELSE good := set_byte(good, at, (get_byte(good, at) # 128));
			END CASE;
		END LOOP;
		RETURN good;
	END $$;
	CREATE FUNCTION play(bad calib.behavior) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		asked text;
		state text;
		answers int := 0;
	BEGIN
		FOREACH asked IN ARRAY '{events,quantity,distinct_events,late_events,customers,active_days,active_dates,longest_gap,concentration,distinct_concentration,first_at,last_at,zone,kind_counts,customer_counts,acts,rollup}'::text[] LOOP
			BEGIN
				EXECUTE format('SELECT count(x) FROM (SELECT calib.%I($1) AS x) AS y', asked) USING bad;
				answers := answers + 1;
			EXCEPTION WHEN OTHERS THEN
				GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
				-- acts not kept; a time, a date, a count out of range
				IF state NOT IN ('XX001', '22023', '22003', '22008', '22021') THEN
					RETURN format('%s: %s %s', asked, state, SQLERRM);
				END IF;
			END;
		END LOOP;
		BEGIN
			PERFORM calib.rollup(b) FROM (SELECT bad AS b UNION ALL SELECT b FROM summary WHERE g IN (3, 10)) AS x;
		EXCEPTION WHEN data_corrupted OR invalid_parameter_value OR numeric_value_out_of_range THEN
		END;
		RETURN CASE WHEN answers > 0 THEN 'answered' ELSE 'refused' END;
	END $$;
});
is(value(qq{SET statement_timeout = '60s'; SELECT setseed(}
		. rand() . q{) IS NULL;
	SELECT string_agg(said, ', ' ORDER BY said) FROM (
		SELECT DISTINCT play(bent(calib.behavior_send(b))::calib.behavior) AS said FROM summary, generate_series(1, 40) WHERE g <> 0) AS x})
	=~ s/^\w*\n//r, 'answered, refused', "no crash and no strange error of what is corrupt (seed $seed)");
# Zeros are the likeliest; and a state on its way between processes begins with one.
for my $zero ('set_byte(calib.behavior_send(b), 0, 0)', q{decode(repeat('00', 300), 'hex')}, q{decode('0000000004030201' || repeat('00', 30), 'hex')})
{
	my ($s, $o, $e) = $node->psql('postgres', "\\set VERBOSITY sqlstate\nSELECT calib.rollup($zero\::calib.behavior) FROM summary WHERE g = 3");
	like($e, qr/\bXX001\b/, "a value of zeros is corrupt: $zero");
}
is(value('SELECT 1'), '1', 'the server is up');

# --- the reader alone, under the sanitizers
SKIP:
{
	skip 'no compiler', 1 if system('cc --version >/dev/null 2>&1') != 0;
	command_ok([ 'sh', 'scripts/fuzz.sh', 3000, $seed ], "the reader alone, with sanitizers (seed $seed)");
}

$node->stop;
done_testing();
