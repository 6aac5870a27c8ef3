#!/usr/bin/perl
# check_meta.pl META.json [CONTROL]: META.json against the PGXN meta specification 1.0.0,
# and the version against the control file's. The names of the files of the release may
# come on standard input, one a line (`--files`): what META.json names must be among them.
# Prints a line per fault; exit status 1 where there is any.
use strict;
use warnings;
use JSON::PP;

my $with_files = @ARGV && $ARGV[0] eq '--files' && shift @ARGV;
my ($meta_file, $control_file) = @ARGV;
die "usage: check_meta.pl [--files] META.json [calib.control]\n" unless defined $meta_file;

my @faults;
sub fault { push @faults, join '', @_; return; }

sub slurp
{
	my ($file) = @_;
	open my $in, '<:raw', $file or die "$file: $!\n";
	local $/;
	return scalar <$in>;
}

# --- what values may be
my $semver = qr/^(?:0|[1-9][0-9]*)[.](?:0|[1-9][0-9]*)[.](?:0|[1-9][0-9]*)(?:-[A-Za-z][0-9A-Za-z-]*)?$/;
my %licenses = map { $_ => 1 } qw(agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd freebsd gfdl_1_2 gfdl_1_3
	gpl_1 gpl_2 gpl_3 lgpl_2_1 lgpl_3_0 mit mozilla_1_0 mozilla_1_1 openssl perl_5 postgresql qpl_1_0 ssleay sun zlib
	open_source restricted unrestricted unknown);
my %is = (
	string => sub { defined $_[0] && !ref $_[0] && $_[0] =~ /\S/ },
	term => sub { defined $_[0] && !ref $_[0] && length $_[0] >= 2 && $_[0] !~ m{[[:cntrl:]\s/\\:]} },
	version => sub { defined $_[0] && !ref $_[0] && $_[0] =~ $semver },
	# "1.2.0", ">= 1.2.0, != 1.5.0", 0
	range => sub { defined $_[0] && !ref $_[0] && !grep { !/^\s*(?:(?:[<>]=?|[!=]=)\s*)?(.*?)\s*$/ || ($1 ne '0' && $1 !~ $semver) } split /,/, $_[0] },
	url => sub { defined $_[0] && !ref $_[0] && $_[0] =~ m{^[a-z][a-z0-9+.-]*://\S+$} },
	strings => sub { my ($v) = @_; ref $v eq 'ARRAY' ? @$v && !grep { ref || !/\S/ } @$v : defined $v && !ref $v && $v =~ /\S/ },
	tags => sub { my ($v) = @_; ref $v eq 'ARRAY' && @$v && !grep { ref || !length || length > 255 || m{[/\\[:cntrl:]]} } @$v },
	license => sub {
		my ($v) = @_;
		return %$v && !grep { !m{^[a-z]+://\S+$} } values %$v if ref $v eq 'HASH';
		return !grep { ref || !$licenses{$_} } ref $v eq 'ARRAY' ? (@$v ? @$v : '') : $v // '';
	},
	status => sub { defined $_[0] && !ref $_[0] && $_[0] =~ /^(?:stable|testing|unstable)$/ },
	map => sub { ref $_[0] eq 'HASH' && %{ $_[0] } });

# check MAP, WHERE, REQUIRED, OPTIONAL: keys with the kind of their values.
sub check
{
	my ($map, $where, $required, $optional) = @_;
	return fault("$where must be a map") unless ref $map eq 'HASH';
	for my $key (sort keys %$required)
	{
		fault("$where$key is missing") unless exists $map->{$key};
	}
	for my $key (sort keys %$map)
	{
		next if $key =~ /^[xX]_/;
		my $kind = $required->{$key} // $optional->{$key};
		if (!defined $kind) { fault("$where$key is no key of the specification (own ones begin with X_)"); }
		elsif (!$is{$kind}->($map->{$key})) { fault("$where$key is no $kind"); }
	}
	return;
}

my $meta = eval { JSON::PP->new->utf8->decode(slurp($meta_file)) };
if (ref $meta ne 'HASH')
{
	print "$meta_file is no JSON object: ", $@ || 'another value', "\n";
	exit 1;
}
check($meta, '',
	{ name => 'term', version => 'version', abstract => 'string', maintainer => 'strings', license => 'license', provides => 'map', 'meta-spec' => 'map' },
	{ description => 'string', generated_by => 'string', tags => 'tags', no_index => 'map', prereqs => 'map', release_status => 'status', resources => 'map' });

if ($is{map}->($meta->{'meta-spec'}))
{
	check($meta->{'meta-spec'}, 'meta-spec.', { version => 'version' }, { url => 'url' });
	fault('meta-spec.version is another than 1.0.0') unless ($meta->{'meta-spec'}{version} // '') eq '1.0.0';
}
my %named;
if ($is{map}->($meta->{provides}))
{
	for my $extension (sort keys %{ $meta->{provides} })
	{
		my $what = $meta->{provides}{$extension};
		fault("provides.$extension is no term") unless $is{term}->($extension);
		check($what, "provides.$extension.", { file => 'string', version => 'version' }, { abstract => 'string', docfile => 'string' });
		next unless ref $what eq 'HASH';
		for my $key (grep { $is{string}->($what->{$_}) } qw(file docfile))
		{
			fault("provides.$extension.$key is no relative path") if $what->{$key} =~ m{^/|(?:^|/)[.][.](?:/|$)};
			$named{ $what->{$key} } = "provides.$extension.$key";
		}
	}
}
if ($is{map}->($meta->{prereqs}))
{
	for my $phase (sort keys %{ $meta->{prereqs} })
	{
		next if $phase =~ /^[xX]_/;
		fault("prereqs.$phase is no phase") unless $phase =~ /^(?:configure|build|test|runtime|develop)$/;
		fault("prereqs.$phase is no map"), next unless ref $meta->{prereqs}{$phase} eq 'HASH';
		for my $relation (sort keys %{ $meta->{prereqs}{$phase} })
		{
			my $needs = $meta->{prereqs}{$phase}{$relation};
			fault("prereqs.$phase.$relation is no relation") unless $relation =~ /^(?:requires|recommends|suggests|conflicts)$/;
			fault("prereqs.$phase.$relation is no map"), next unless ref $needs eq 'HASH';
			fault("prereqs.$phase.$relation.$_ is no range of versions") for grep { !$is{range}->($needs->{$_}) } sort keys %$needs;
		}
	}
}

# --- in step with the control file and the release
if (defined $control_file)
{
	my ($version) = slurp($control_file) =~ /^default_version *= *'([^']+)'/m;
	fault("version is $meta->{version}, the control file's $version") if $is{version}->($meta->{version}) && $meta->{version} ne $version;
	for my $extension (sort keys %{ ref $meta->{provides} eq 'HASH' ? $meta->{provides} : {} })
	{
		my $of = ref $meta->{provides}{$extension} eq 'HASH' ? $meta->{provides}{$extension}{version} : undef;
		fault("provides.$extension.version is $of, the control file's $version") if $is{version}->($of) && $of ne $version;
	}
}
if ($with_files)
{
	my %files = map { chomp; $_ => 1 } <STDIN>;
	fault("$named{$_} names $_, which is not in the release") for grep { !$files{$_} } sort keys %named;
	fault("the release has no $_") for grep { !$files{$_} } qw(META.json Makefile README.md LICENSE);
}
print map { "$_\n" } @faults;
exit(@faults ? 1 : 0);
