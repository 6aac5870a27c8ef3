# META.json, as PGXN takes it: the file itself, and what a fault in it is told as.
use strict;
use warnings;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $file = "$PostgreSQL::Test::Utils::tmp_check/META.json";

# What scripts/check_meta.pl says of META.json with a change.
sub faults
{
	my ($change, @files) = @_;
	my $meta = decode_json(slurp_file('META.json'));
	$change->($meta);
	open my $out, '>', $file or die "$file: $!";
	print $out JSON::PP->new->utf8->encode($meta);
	close $out;
	my ($said, $err) = ('', '');
	my @how = @files ? '--files' : ();
	IPC::Run::run([ $^X, 'scripts/check_meta.pl', @how, $file, 'calib.control' ], '<', \join("\n", @files), '>', \$said, '2>', \$err);
	return $said . $err;
}

my @release = qw(META.json Makefile README.md LICENSE src/schema.sql);
is(faults(sub { }, @release), '', 'META.json holds');
is(faults(sub { }, grep { !/schema|LICENSE/ } @release),
	"provides.calib.file names src/schema.sql, which is not in the release\nthe release has no LICENSE\n", 'the files it names are in the release');
is(faults(sub { delete $_[0]{$_} }), "$_ is missing\n", "without $_") for qw(name version abstract maintainer license provides meta-spec);

my @changes = (
	[ 'name has a colon', sub { $_[0]{name} = 'a:b' }, 'name is no term' ],
	[ 'a version of two parts', sub { $_[0]{version} = '0.1' }, 'version is no version' ],
	[ 'a version with a leading zero', sub { $_[0]{provides}{calib}{version} = '0.01.0' }, 'provides.calib.version is no version' ],
	[ 'another version than the control file', sub { $_[0]{version} = '9.9.9' }, qr/version is 9.9.9, the control file's \d/ ],
	[ 'another version provided', sub { $_[0]{provides}{calib}{version} = '9.9.9' }, qr/provides.calib.version is 9.9.9, the control file's \d/ ],
	[ 'a license of its own', sub { $_[0]{license} = 'beerware' }, 'license is no license' ],
	[ 'no maintainer in the list', sub { $_[0]{maintainer} = [] }, 'maintainer is no strings' ],
	[ 'nothing provided', sub { $_[0]{provides} = {} }, 'provides is no map' ],
	[ 'provided without a file', sub { delete $_[0]{provides}{calib}{file} }, 'provides.calib.file is missing' ],
	[ 'a path upwards', sub { $_[0]{provides}{calib}{file} = '../x.sql' }, 'provides.calib.file is no relative path' ],
	[ 'an unknown status', sub { $_[0]{release_status} = 'beta' }, 'release_status is no status' ],
	[ 'an unknown key', sub { $_[0]{author} = 'x' }, 'author is no key of the specification (own ones begin with X_)' ],
	[ 'an unknown phase', sub { $_[0]{prereqs}{later}{requires}{x} = '1.0.0' }, 'prereqs.later is no phase' ],
	[ 'a range that is none', sub { $_[0]{prereqs}{runtime}{requires}{PostgreSQL} = '>= 15' }, 'prereqs.runtime.requires.PostgreSQL is no range of versions' ],
	[ 'a tag with a slash', sub { $_[0]{tags} = ['a/b'] }, 'tags is no tags' ],
	[ 'another specification', sub { $_[0]{'meta-spec'}{version} = '2.0.0' }, 'meta-spec.version is another than 1.0.0' ]);
for my $case (@changes)
{
	my ($words, $change, $right) = @$case;
	like(faults($change), ref $right ? qr/^$right\S*\n$/ : qr/^\Q$right\E\n$/, $words);
}
is(faults(sub { $_[0]{X_own} = 1; $_[0]{license} = { own => 'https://example.com/license' }; $_[0]{maintainer} = [ 'a', 'b' ];
		$_[0]{prereqs}{runtime}{requires}{PostgreSQL} = '>= 15.0.0, != 16.0.0' }), '', 'what the specification allows besides');

done_testing();
