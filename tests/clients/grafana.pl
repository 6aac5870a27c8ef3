# The Grafana dashboards: the committed JSON is what build.js writes, and every query of it
# runs on calib's views, as a role that sees one region, and gives its panel what it draws.
# Grafana's macros and variables stand for what Grafana would put there.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Company;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = "$FindBin::RealBin/../../dashboard/grafana";
my @files = sort glob "$folder/*.*.json";
cmp_ok(scalar @files, '>=', 4, 'there are dashboards in two languages');

# --- the committed files are the built ones
SKIP:
{
	my ($out, $err) = ('', '');
	my $here = eval { IPC::Run::run([ 'node', '-e', "require('$folder/node_modules/\@grafana/grafana-foundation-sdk/package.json')" ], '<', \undef, '>', \$out, '2>', \$err) };
	skip "Grafana's builders are not here", 1 unless $here;
	my $built = PostgreSQL::Test::Utils::tempdir();
	IPC::Run::run([ 'node', "$folder/build.js", $built ], '<', \undef, '>', \$out, '2>', \$err) or diag($err);
	is(join(' ', grep { my ($name) = m{([^/]+)$}; !-e "$built/$name" || slurp_file($_) ne slurp_file("$built/$name") } @files),
		'', 'what is committed is what build.js writes');
}

my ($node) = Company::start('grafana');
my $calendar = { from => "'2024-10-30T10:00:00Z'", to => "'2025-10-30T10:00:00Z'" };
my %value = (kind => "'team'", indicator => "'visits'");

# The query as Grafana sends it. A variable stands in the address of the page, for anybody to
# write: one that is not quoted would be SQL, and is left as it is.
sub sent
{
	my ($sql, $unit) = @_;
	my %of = (%value, unit => "'$unit'");
	$sql =~ s/\$__timeFilter\(((?:[^()]|\((?:[^()])*\))*)\)/$1 BETWEEN $calendar->{from} AND $calendar->{to}/g;
	$sql =~ s/\$__timeFrom\(\)/$calendar->{from}/g;
	$sql =~ s/\$__timeTo\(\)/$calendar->{to}/g;
	$sql =~ s/\$\{(\w+):sqlstring\}/$of{$1}/g;
	return $sql;
}

# Columns as [name, type], and the number of rows, as a role.
sub result_of
{
	my ($role, $sql) = @_;
	my @columns = map { [ split /\|/ ] } split /\n/, Company::as($role, "$sql \\gdesc");
	return (Company::as($role, "SELECT count(*) FROM ($sql) AS panel"), @columns);
}

my $number = qr/^(?:bigint|numeric|double precision)$/;
my $plain = qr/^(?:bigint|numeric|double precision|text|boolean|date|timestamp with time zone)$/;

# What is wrong with the columns for a panel of a type.
sub misfit
{
	my ($type, $format, @columns) = @_;
	my @numbers = grep { $_->[1] =~ $number } @columns;
	my %names;
	return 'a name twice' if grep { $names{ $_->[0] }++ } @columns;
	return 'no name' if grep { $_->[0] eq '?column?' || $_->[0] eq '' } @columns;
	return "a type: $_->[1]" for grep { $_->[1] !~ $plain } @columns;
	if ($format eq 'time_series')
	{
		return 'time comes first' unless $columns[0][0] eq 'time' && $columns[0][1] eq 'timestamp with time zone';
		return 'nothing to draw' unless @numbers;
		return "a column that is neither metric nor number: $_->[0]" for grep { $_->[0] !~ /^(?:time|metric)$/ && $_->[1] !~ $number } @columns;
	}
	return 'two numbers first' if $type eq 'xychart' && grep { $_->[1] !~ $number } @columns[ 0, 1 ];
	return 'no number' if $type =~ /^(?:stat|bargauge)$/ && !@numbers;
	return '';
}

# What only admins read, and what this company has none of for the unit that is shown.
my $may_be_empty = qr/pilot_effect/;
my %panels;
for my $file (@files)
{
	my ($name) = $file =~ m{([^/]+)[.]json$};
	my $dashboard = decode_json(slurp_file($file));
	ok($dashboard->{uid} && $dashboard->{title}, "$name has a title and an id");
	my %known = map { $_->{name} => 1 } @{ $dashboard->{templating}{list} };
	for my $variable (grep { $_->{type} eq 'query' } @{ $dashboard->{templating}{list} })
	{
		my ($rows) = result_of('viewer', $variable->{query});
		cmp_ok($rows, '>', 0, "$name: values of $variable->{name}");
	}
	my @wrong;
	for my $panel (@{ $dashboard->{panels} })
	{
		my $title = "$name: $panel->{title}";
		my ($target) = @{ $panel->{targets} };
		my $sql = $target->{rawSql};
		push @wrong, "$title has no description" unless $panel->{description};
		push @wrong, "$title names a variable that is not there" if grep { !$known{$_} } $sql =~ /\$\{(\w+)/g;
		push @wrong, "$title reads raw facts" if $sql =~ /calib[.](?:activity|result)\b/;
		push @wrong, "$title has a macro that is not known here" if sent($sql, 11) =~ /\$/;
		my ($rows, @columns) = result_of('viewer', sent($sql, 11));
		my $misfit = misfit($panel->{type}, $target->{format}, @columns);
		push @wrong, "$title: $misfit" if $misfit;
		# a region and a team: each has what the other has not
		my ($above) = result_of('viewer', sent($sql, 10));
		push @wrong, "$title is empty" if $rows + $above == 0 && $sql !~ $may_be_empty;
		my ($office) = result_of('office', sent($sql, 11));
		push @wrong, "$title shows the viewer more than the office" if $rows > $office;
		push @{ $panels{ $name =~ s/[.]\w+$//r } }, [ $name =~ /(\w+)$/, $panel->{type}, scalar @columns ];
		# another region's unit
		push @wrong, "$title shows another region" if $sql =~ /\$\{unit\b/ && (result_of('viewer', sent($sql, 21)))[0] > 0;
	}
	is(join("\n", @wrong), '', "$name: every panel's query runs and gives what it draws (" . @{ $dashboard->{panels} } . ' panels)');
}
for my $name (sort keys %panels)
{
	my ($en, $zh) = map { my $language = $_; join ' ', map { "$_->[1]/$_->[2]" } grep { $_->[0] eq $language } @{ $panels{$name} } } qw(en zh);
	is($en, $zh, "$name has the same panels in both languages");
}

$node->stop;
done_testing();
