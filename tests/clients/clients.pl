# What BI clients see of calib: each driver lists the views of schema calib by its own
# catalogue calls and reads every one, as a role that may see one region, and as one that
# sees everything. What they print is compared with what the catalogs and psql say:
#   view VIEW COMMENT                 column VIEW COLUMN TYPE COMMENT
#   rows VIEW COUNT                   value VIEW COLUMN CLASS (of the driver's language)
#   unit VIEW UNIT_ID                 key TABLE COLUMN REFERENCED_TABLE
#   text, exact, moment               three values that must come through
# A driver that is not here is skipped, and said so.
use strict;
use warnings;
use IPC::Run;
use FindBin;
use lib $FindBin::RealBin;
use Company;
use PostgreSQL::Test::Utils;
use Test::More;

my @types = ('bigint', 'numeric', 'double precision', 'text', 'boolean', 'date', 'timestamp with time zone', 'jsonb');

# types and classes: in the order of @types. comments: whether the driver's catalogue calls
# have any (psqlODBC's have none, of no server's). keys: whether they list foreign keys.
my @clients = (
	{
		name => 'JDBC',
		run => [ 'java', '-cp', '/usr/share/java/postgresql.jar', 'Jdbc.java' ],
		here => sub { -e '/usr/share/java/postgresql.jar' && runs('javac', '-version') },
		types => [ 'int8 BIGINT', 'numeric NUMERIC', 'float8 DOUBLE', 'text VARCHAR', 'bool BIT', 'date DATE', 'timestamptz TIMESTAMP', 'jsonb OTHER' ],
		classes => [qw(Long BigDecimal Double String Boolean Date Timestamp PGobject)],
		comments => 1, keys => 1,
	},
	{
		name => 'psqlODBC',
		run => [ '/usr/bin/python3', 'odbc.py' ],
		here => sub { runs('/usr/bin/python3', '-c', 'import pyodbc; assert "PostgreSQL Unicode" in pyodbc.drivers()') },
		# SQL_BIGINT, SQL_NUMERIC, SQL_FLOAT, SQL_WLONGVARCHAR, SQL_BIT, SQL_TYPE_DATE, SQL_TYPE_TIMESTAMP, SQL_WVARCHAR
		types => [ 'int8 -5', 'numeric 2', 'float8 6', 'text -10', 'bool -7', 'date 91', 'timestamptz 93', 'jsonb -9' ],
		classes => [qw(int Decimal float str bool date datetime str)],
		keys => 1,
		# the moment comes in the time zone of the session, without it
		moment => '2025-10-13T09:00:00',
	},
	{
		name => 'SQLAlchemy',
		run => [ '/usr/bin/python3', 'reflection.py' ],
		here => sub { runs('/usr/bin/python3', '-c', 'import sqlalchemy, psycopg2') },
		types => [ 'BIGINT', 'NUMERIC', qr/DOUBLE_PRECISION/, 'TEXT', 'BOOLEAN', 'DATE', 'TIMESTAMP with zone', 'JSONB' ],
		classes => [qw(int Decimal float str bool date datetime), qr/dict|list/],
		comments => 1, keys => 1,
	},
	{
		name => 'psycopg 3',
		run => [ '/usr/bin/python3', 'psycopg3.py' ],
		here => sub { runs('/usr/bin/python3', '-c', 'import psycopg') },
		types => [qw(int8 numeric float8 text bool date timestamptz jsonb)],
		classes => [qw(int Decimal float str bool date datetime), qr/dict|list/],
		comments => 1,
	},
	{
		name => 'node-postgres',
		run => [ 'node', 'node.js' ],
		here => sub { runs('node', '-e', 'require("pg")') },
		types => [qw(int8 numeric float8 text bool date timestamptz jsonb)],
		# what a JavaScript number does not hold exactly is text
		classes => [qw(String String Number String Boolean Date Date), qr/Object|Array/],
		comments => 1,
	});

sub runs
{
	my ($out, $err);
	return eval { IPC::Run::run([@_], '<', \undef, '>', \$out, '2>', \$err) };
}

chdir $FindBin::RealBin or die $!;
$ENV{PYTHONDONTWRITEBYTECODE} = 1;

my ($node, $password) = Company::start('clients');

sub as { return split /\n/, Company::as(@_); }

# --- what there is, by the catalogs
my @views = as('postgres', q{SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = 'calib'::regnamespace ORDER BY relname COLLATE "C"});
my @view_comments = as('postgres', q{
	SELECT relname || E'\t' || obj_description(oid, 'pg_class')
	FROM pg_class WHERE relkind = 'v' AND relnamespace = 'calib'::regnamespace});
my $columns = q{
	FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
	WHERE c.relkind = 'v' AND c.relnamespace = 'calib'::regnamespace AND attnum > 0};
my %type_of = map { split /\t/ } as('postgres', qq{SELECT relname || '.' || attname || E'\t' || atttypid::regtype $columns});
my @column_comments = as('postgres', qq{SELECT relname || E'\t' || attname || E'\t' || col_description(c.oid, attnum) $columns});
my @keys = as('postgres', q{
	SELECT conrelid::regclass || E'\t' || attname || E'\t' || confrelid::regclass
	FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)
	WHERE contype = 'f' AND connamespace = 'calib'::regnamespace});
s/\bcalib\.//g for @keys;
my %counts;
for my $role (qw(viewer office))
{
	$counts{$role} = { map { split /\t/ } as($role, join ' UNION ALL ', map { qq{SELECT '$_' || E'\\t' || count(*) FROM calib.$_} } @views) };
}
my %east = map { $_ => 1 } as('postgres', 'SELECT unit_id FROM calib.unit_ancestors() WHERE ancestor_id = 10');
my @of_units = grep { $type_of{"$_.unit_id"} } @views;

# --- what the fixture is good for
is(join(' ', grep { $counts{office}{$_} == 0 } @views), '', 'the fixture gives every view rows');
is(join(' ', grep { $counts{viewer}{$_} == 0 } @views),
	'agreement_current agreement_version feed_state outbox_state pilot_effect pilot_figure reminder_waiting waiting_step',
	'a viewer of a region reads all but what is for HR, risk, managers and admins');
is(join(' ', grep { !as('office', "SELECT 1 FROM calib.$_ WHERE unit_id IN (20, 21, 22, 23, 2101, 2102, 2201, 2202, 2301, 2302) LIMIT 1") } @of_units),
	'', 'whoever sees everything finds the other region in every view of units');

sub sorted { return join "\n", sort @_; }

# Whether what a driver says is one of the things it may say.
sub fits
{
	my ($said, $right) = @_;
	return ref $right ? $said =~ /^(?:$right)$/ : $said eq $right;
}

# The lines a client prints as a role: kind => [ [field, ...], ... ].
sub lines_of
{
	my ($client, $role) = @_;
	local $ENV{PGPASSWORD} = $password;
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run([ @{ $client->{run} }, $node->port, 'clients', $role ], '<', \undef, '>', \$out, '2>', \$err);
	ok($ok, "$client->{name} reads every view as $role") or diag($err);
	utf8::decode($out);
	my %lines;
	for my $line (split /\r?\n/, $out)
	{
		my ($kind, @fields) = split /\t/, $line, -1;
		push @{ $lines{$kind} }, \@fields;
	}
	return %lines;
}

for my $client (@clients)
{
	my $name = $client->{name};
  SKIP:
	{
		skip "the driver of $name is not here", 1 unless $client->{here}->();
		my %type = map { $types[$_] => $client->{types}[$_] } 0 .. $#types;
		my %class = map { $types[$_] => $client->{classes}[$_] } 0 .. $#types;

		my %seen = lines_of($client, 'viewer');
		is(sorted(map { $_->[0] } @{ $seen{view} }), sorted(@views), "$name lists every view");
		is(join("\n", grep { /\S/ } map { "$_->[0].$_->[1] is $_->[2]" } grep { !fits($_->[2], $type{ $type_of{"$_->[0].$_->[1]"} // '' } // '') } @{ $seen{column} }),
			'', "$name knows the type of every column");
		is(scalar @{ $seen{column} }, scalar keys %type_of, '... and lists them all');
		if ($client->{comments})
		{
			is(sorted(map { utf8::encode(my $c = $_->[1]); "$_->[0]\t$c" } @{ $seen{view} }), sorted(@view_comments), "$name has the comment of every view");
			is(sorted(map { utf8::encode(my $c = $_->[3]); "$_->[0]\t$_->[1]\t$c" } @{ $seen{column} }), sorted(@column_comments), '... and of every column');
		}
		is(sorted(map { join "\t", @$_ } @{ $seen{key} }), sorted(@keys), "$name lists the foreign keys") if $client->{keys};
		is(sorted(map { join "\t", @$_ } @{ $seen{rows} }), sorted(map { "$_\t$counts{viewer}{$_}" } @views), "$name reads as many rows as psql, as viewer");
		is(join(' ', map { "$_->[0]:$_->[1]" } grep { !$east{ $_->[1] } } @{ $seen{unit} }), '', "$name shows the viewer the own region alone");
		cmp_ok(scalar @{ $seen{unit} }, '>', scalar @of_units, '... and that it shows');
		is($seen{text}[0][0], "\x{6d59}\x{6c5f}", "$name reads Chinese");
		is($seen{exact}[0][0], '920', '... a number exactly');
		# 2025-10-13 09:00 in Shanghai
		is($seen{moment}[0][0], $client->{moment} // 1760317200, '... and a moment');

		my %all = lines_of($client, 'office');
		is(sorted(map { join "\t", @$_ } @{ $all{rows} }), sorted(map { "$_\t$counts{office}{$_}" } @views), "$name reads as many rows as psql, as office");
		is(join("\n", map { "$_->[0].$_->[1] is $_->[2]" } grep { !fits($_->[2], $class{ $type_of{"$_->[0].$_->[1]"} // '' } // '') } @{ $all{value} }),
			'', "$name gives values their type");
	}
}

$node->stop;
done_testing();
