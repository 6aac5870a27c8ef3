# The SQL of README*.md and docs/*.md runs as it stands, and gives what the page
# says: per page in order, in one session, in a fresh database that has the
# extension. One page is one test. Three kinds of fenced blocks count:
#   sql                      must run;
#   text with a psql table   what the sql block before it printed, or a part of it;
#   text with "ERROR:"       statements and what they are refused with. `...` in it
#                            stands for anything.
# Any other text block is left alone. CALIB_PAGES="docs/guard.md README.md" plays
# these alone, for whoever writes one.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# The fenced blocks of a page: kind, first line (from 1), lines.
sub blocks_of
{
	my ($page) = @_;
	my (@blocks, $open);
	my $number = 0;
	for my $line (split /\n/, slurp_file($page))
	{
		$number++;
		if ($line !~ /^\s*```(\w*)/) { push @{ $open->{lines} }, $line if $open; }
		elsif ($open) { push @blocks, $open; undef $open; }
		else { $open = { kind => $1, at => $number, lines => [] }; }
	}
	for my $block (@blocks)
	{
		next if $block->{kind} ne 'text';
		$block->{kind} = (grep { /^ERROR:/ } @{ $block->{lines} }) ? 'error'
		  : (grep { /^-{3,}(\+-+)*$/ } @{ $block->{lines} }) ? 'table' : 'other';
	}
	return @blocks;
}

# What psql runs for a page: its SQL at the page's own line numbers, which psql
# reports, with a mark in both outputs where a block begins.
sub script_of
{
	my (@blocks) = @_;
	my @script = ('\pset format aligned \pset tuples_only off \pset footer off \set VERBOSITY verbose \set SHOW_CONTEXT never');
	for my $n (0 .. $#blocks)
	{
		my ($kind, $at, @lines) = ($blocks[$n]{kind}, $blocks[$n]{at}, @{ $blocks[$n]{lines} });
		next if $kind ne 'sql' && $kind ne 'error';
		push @script, '' while @script < $at - 1;
		push @script, "\\echo \@\@$n \\warn \@\@$n" . ($kind eq 'error' ? ' \set ON_ERROR_STOP 0' : '');
		for my $line (@lines)
		{
			last if $kind eq 'error' && $line =~ /^ERROR:/;
			push @script, $line;
		}
		push @script, 'ROLLBACK; RESET SESSION AUTHORIZATION; RESET calib.actor; \set ON_ERROR_STOP 1' if $kind eq 'error';
	}
	return join("\n", @script) . "\n";
}

# An output by block: its lines without blank ones and without what a page leaves out.
sub by_block
{
	my ($output) = @_;
	my ($n, %told);
	for my $line (split /\n/, $output)
	{
		if ($line =~ /^\@\@(\d+)$/) { $n = $1; next; }
		$line =~ s/^psql:\S+ (?=[A-Z]+: )//;
		$line =~ s/\s+$//;
		next if $line eq '' || $line =~ /^(?:LOCATION|WARNING|SCHEMA NAME|TABLE NAME|COLUMN NAME|CONSTRAINT NAME): /;
		push @{ $told{$n} }, $line if defined $n;
	}
	return map { $_ => join("\n", @{ $told{$_} }) . "\n" } keys %told;
}

# What a page promises and does not get, as a message; '' where all is as printed.
sub broken_promise
{
	my ($blocks, $out, $err) = @_;
	my %printed = by_block($out);
	my %refused = by_block($err);
	my $before;
	for my $n (0 .. $#$blocks)
	{
		my ($kind, $at, @lines) = ($blocks->[$n]{kind}, $blocks->[$n]{at}, @{ $blocks->[$n]{lines} });
		if ($kind eq 'sql') { $before = $n; next; }
		next if $kind eq 'other' || ($kind eq 'table' && !defined $before);
		shift @lines while $kind eq 'error' && $lines[0] !~ /^ERROR:/;
		my $promised = join '', map { s/\s+$//r . "\n" } grep { /\S/ } @lines;
		my $told = ($kind eq 'error' ? $refused{$n} : $printed{$before}) // '';
		my $pattern = join '.*', map { quotemeta } split /\.\.\./, $promised, -1;
		return "line $at promises\n$promised... and gets\n$told" unless $told =~ /^$pattern/m;
		undef $before if $kind eq 'table';
	}
	return '';
}

my @wanted = split ' ', $ENV{CALIB_PAGES} // '';
@wanted = sort(glob('README*.md'), glob('docs/*.md')) unless @wanted;
my @pages = grep { grep { $_->{kind} eq 'sql' } blocks_of($_) } @wanted;
plan skip_all => 'no page with an SQL block yet' unless @pages;

my $node = PostgreSQL::Test::Cluster->new('docs');
$node->init;
# An ANALYZE is a writing transaction: a seal of the ledger's waits for it.
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;

my $roles_sql = q{SELECT quote_ident(rolname) FROM pg_roles};
my %before = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', $roles_sql);

# Copied for each page: that is quicker than to create the extension again.
$node->safe_psql('postgres', 'CREATE DATABASE blank');
$node->safe_psql('blank', 'CREATE EXTENSION calib');

for my $page (@pages)
{
	my @blocks = blocks_of($page);
	$node->safe_psql('postgres', 'CREATE DATABASE page TEMPLATE blank');
	my ($out, $err) = ('', '');
	my $rc = $node->psql('page', script_of(@blocks), stdout => \$out, stderr => \$err);
	my $broken = $rc == 0 ? broken_promise(\@blocks, $out, $err) : $err;
	ok($broken eq '', "$page: " . @blocks . ' blocks') or diag($broken);
	# Pages are strangers to each other: neither data nor roles stay.
	$node->safe_psql('postgres', 'DROP DATABASE page WITH (FORCE)');
	for my $role (split /\n/, $node->safe_psql('postgres', $roles_sql))
	{
		$node->safe_psql('postgres', "DROP ROLE $role") unless $before{$role};
	}
}

# The catalog and the pages: every table and view is told of somewhere, every column of
# a view, and the list of names has no name that is gone.
my $prose = join '', map { slurp_file($_) } glob('docs/*.md');
my @relations = split /\n/, $node->safe_psql('blank', q{SELECT relname FROM pg_class WHERE relnamespace = 'calib'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition ORDER BY 1});
is(join(' ', grep { $prose !~ /\b$_\b/ } @relations), '', 'every table and view is on a page');
my @columns = split /\n/, $node->safe_psql('blank', q{SELECT DISTINCT a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
	WHERE c.relnamespace = 'calib'::regnamespace AND c.relkind = 'v' AND a.attnum > 0 ORDER BY 1});
is(join(' ', grep { $prose !~ /\b$_\b/ } @columns), '', '... and every column of a view');
my %there = map { $_ => 1 } @relations, split /\n/, $node->safe_psql('blank', q{SELECT proname FROM pg_proc WHERE pronamespace = 'calib'::regnamespace});
is(join(' ', grep { !$there{$_} } slurp_file('docs/names.md') =~ /`(\w+)`(?=[,\s|])(?=[^\n]*\|)/g), '', 'docs/names.md names what there is');

$node->stop;
done_testing();
