# Every ```sql block of README*.md and docs/*.md runs as it stands: per page in
# order, in a fresh database that has the extension. Blocks not meant to run
# are ```text in the pages. One page is one test.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# The page with everything but its SQL blanked out, so that the line numbers
# psql reports are the page's own.
sub sql_of_page
{
	my ($page) = @_;
	my ($sql, $inside, $blocks) = ('', 0, 0);
	for my $line (split /\n/, slurp_file($page))
	{
		if ($line =~ /^\s*```/)
		{
			$inside = !$inside && $line =~ /^\s*```sql\s*$/ ? 1 : $inside ? 0 : 2;
			$blocks++ if $inside == 1;
			$line = '';
		}
		$sql .= ($inside == 1 ? $line : '') . "\n";
	}
	return ($sql, $blocks);
}

my @pages = grep { (sql_of_page($_))[1] } sort(glob('README*.md'), glob('docs/*.md'));
plan skip_all => 'no page with an SQL block yet' unless @pages;

my $node = PostgreSQL::Test::Cluster->new('docs');
$node->init;
$node->start;

my $roles_sql = q{SELECT quote_ident(rolname) FROM pg_roles};
my %before = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', $roles_sql);

for my $page (@pages)
{
	my ($sql, $blocks) = sql_of_page($page);
	$node->safe_psql('postgres', 'CREATE DATABASE page');
	$node->safe_psql('page', 'CREATE EXTENSION calib');
	my ($out, $err) = ('', '');
	my $rc = $node->psql('page', $sql, stdout => \$out, stderr => \$err);
	ok($rc == 0, "$page: $blocks blocks") or diag($err);
	# Pages are strangers to each other: neither data nor roles stay.
	$node->safe_psql('postgres', 'DROP DATABASE page WITH (FORCE)');
	for my $role (split /\n/, $node->safe_psql('postgres', $roles_sql))
	{
		$node->safe_psql('postgres', "DROP ROLE $role") unless $before{$role};
	}
}

$node->stop;
done_testing();
