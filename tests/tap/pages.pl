# What the pages say of one another and of the source, without a server: links
# between them resolve, anchors included; every page is on the map; every SQLSTATE
# that the source raises stands in docs/errors.md; what is there in two languages
# has the same blocks in both.
use strict;
use warnings;
use utf8;
use Encode qw(decode encode);
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;
use Test::More;

sub text_of { return decode('UTF-8', slurp_file($_[0]), Encode::FB_CROAK); }

# A page without its fenced and indented blocks and its code spans: what is left is prose.
sub prose_of
{
	my ($page) = @_;
	my $text = text_of($page);
	$text =~ s/^\s*```.*?^\s*```\s*$//gms;
	$text =~ s/^ {4}.*$//gm;
	return $text;
}

# A heading's anchor as forges make it: lower case, no punctuation, blanks to hyphens.
sub anchor_of
{
	my ($heading) = @_;
	$heading =~ s/\[([^]]*)\]\([^)]*\)/$1/g;
	$heading = lc $heading;
	$heading =~ s/[^\w\- ]//g;
	return $heading =~ s/ /-/gr;
}

sub anchors_of
{
	my ($page) = @_;
	my %seen;
	return map { my $a = anchor_of($_); my $n = $seen{$a}++; ($n ? "$a-$n" : $a) => 1 } prose_of($page) =~ /^#+ +(.*?)\s*$/gm;
}

# The path of a link of a page's, seen from where we are.
sub resolve
{
	my ($page, $path) = @_;
	my @way;
	return $page if $path eq '';
	for my $step (split m{/}, dirname($page) . "/$path")
	{
		if ($step eq '..') { pop @way; }
		elsif ($step ne '.') { push @way, $step; }
	}
	return join '/', @way;
}

# The links of a page that lead nowhere.
sub dead_links
{
	my ($page) = @_;
	my @dead;
	(my $prose = prose_of($page)) =~ s/`[^`\n]*`//g;
	for my $link ($prose =~ /\]\(([^)\s]+)\)/g)
	{
		next if $link =~ /^[a-z]+:/;
		my ($path, $anchor) = split /#/, $link, 2;
		my $file = resolve($page, $path);
		if (!-e $file) { push @dead, "$link: no $file"; }
		elsif (defined $anchor && !{ anchors_of($file) }->{$anchor}) { push @dead, "$link: no such heading in $file"; }
	}
	return @dead;
}

my @pages = sort(glob('README*.md'), glob('docs/*.md'));

for my $page (@pages)
{
	my @dead = dead_links($page);
	is(encode("UTF-8", join("\n", @dead)), '', "$page: links lead somewhere");
}

# The map.
my $map = text_of('docs/README.md');
is(join(' ', grep { !/README/ && index($map, '(' . s{^docs/}{}r . ')') < 0 } @pages), '', 'docs/README.md lists every page');

# SQLSTATEs: names from the server's own header and calib.h, and literals in SQL.
sub sqlstates_raised
{
	my %number;
	my $includes = `pg_config --includedir-server`;
	chomp $includes;
	for my $header ("$includes/utils/errcodes.h", 'src/calib.h')
	{
		my $text = slurp_file($header);
		while ($text =~ /#define (ERRCODE_\w+) MAKE_SQLSTATE\(([^)]*)\)/g)
		{
			my ($name, $digits) = ($1, $2);
			$number{$name} = $digits =~ s/\W//gr;
		}
	}
	my %raised;
	for my $file (glob('src/*.c'), glob('src/*.h'), glob('src/*.sql'))
	{
		my $source = slurp_file($file);
		$raised{ $number{$1} // $1 } = $file while $source =~ /\b(ERRCODE_(?!TO_CATEGORY)\w+)/g;
		$raised{$1} = $file while $source =~ /'((?=[0-9A-Z]*[0-9])[0-9A-Z]{5})'/g;
	}
	return %raised;
}

my %raised = sqlstates_raised();
my $errors = slurp_file('docs/errors.md');
cmp_ok(scalar keys %raised, '>', 30, 'the source raises many SQLSTATEs');
is(join(' ', map { "$_ ($raised{$_})" } grep { $errors !~ /^\|[^|]*\b$_\b/m } sort keys %raised), '', 'docs/errors.md has each of them');
is(join(' ', grep { $errors !~ /^\|[^|]*\bKC0$_\b/m } qw(01 02 03 04 05 06 07 08 09 10)), '', '... and all of class KC');

# Two languages, one page: as many blocks of each kind.
for my $zh (grep { /\.zh-CN\.md$/ } @pages)
{
	my $en = $zh =~ s/\.zh-CN//r;
	my @kinds = map { join ' ', text_of($_) =~ /^\s*```(\w+)/gm } $zh, -e $en ? $en : $zh;
	is($kinds[0], $kinds[1], "$zh has the blocks of the English page, where there is one");
	# Chinese prose has Chinese punctuation.
	my @narrow = grep { ($_ =~ s/`[^`]*`|\]\([^)]*\)//gr) =~ /\p{Han}[,;:?!(]|[,;)]\p{Han}/ } split /\n/, prose_of($zh);
	is(encode('UTF-8', join "\n", @narrow), '', "$zh has full-width punctuation");
}

done_testing();
