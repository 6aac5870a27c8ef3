#!/usr/bin/perl
# Checks a proof and a digest of calib's ledger, from docs/ledger.md alone: no
# database, no code of calib's, only Perl's own modules.
#
#   verify.pl PROOF.json DIGEST.json       does this row stand in the history of
#                                          the digest?
#   verify.pl --ledger EXPORT.jsonl DIGEST.json    is this whole export (see
#                                          docs/ledger.md) that history?
#
# Says "proved: ..." and exits 0, or "NOT proved: why" and exits 1.
use strict;
use warnings;
use Digest::SHA qw(sha256);
use Encode qw(encode);
use JSON::PP;

my @row_fields = qw(audit_id transaction_id recorded_at clock_at simulated relation action
	old_row new_row person role login application_name client_addr era);
my @block_fields = qw(block era horizon_from horizon first_audit_id last_audit_id row_count
	row_total root list_hash sealed_era next_transaction sequence_at sealed_at sealed_by);

sub refuse
{
	print "NOT proved: $_[0]\n";
	exit 1;
}

sub field
{
	my ($text) = @_;
	return "\xff\xff\xff\xff" unless defined $text;
	my $bytes = encode('UTF-8', $text);
	return pack('N', length $bytes) . $bytes;
}

sub message
{
	my ($prefix, $label, $names, $values) = @_;
	for my $name (@$names)
	{
		refuse("field $name is not there") unless exists $values->{$name};
	}
	refuse('there are fields the format does not have') unless @$names == keys %$values;
	return chr($prefix) . field($label) . join '', map { field($values->{$_}) } @$names;
}

sub row_hash { return sha256(message(0, 'calib.audit.1', \@row_fields, $_[0])) }
sub header_hash { return sha256(message(3, 'calib.block.1', \@block_fields, $_[0])) }
sub node { return sha256("\x01$_[0]$_[1]") }
sub chained { return sha256("\x02$_[0]$_[1]") }

sub bytes
{
	my ($hex, $what) = @_;
	refuse("$what is not 64 hexadecimal digits") unless defined $hex && !ref $hex && $hex =~ /^[0-9a-f]{64}$/;
	return pack 'H*', $hex;
}

sub number
{
	my ($text, $what) = @_;
	refuse("$what is not a number") unless defined $text && !ref $text && $text =~ /^\d{1,18}$/;
	return $text;
}

sub read_json
{
	my ($file) = @_;
	open my $in, '<:raw', $file or die "$file: $!\n";
	local $/;
	my $text = <$in>;
	my $value = eval { JSON::PP->new->utf8->decode($text) };
	refuse("$file is not JSON") unless ref $value eq 'HASH';
	return $value;
}

sub read_digest
{
	my $digest = read_json($_[0]);
	refuse('not a digest of format calib.digest.1') unless ($digest->{format} // '') eq 'calib.digest.1';
	return (number($digest->{block}, 'the block of the digest'), bytes($digest->{hash}, 'the hash of the digest'));
}

# The root a leaf's path leads to, in a tree of so many leaves. At each level
# the node has a sibling on the left, on the right, or (last of an odd number)
# none.
sub root_of
{
	my ($hash, $at, $count, @path) = @_;
	refuse('the position is outside the block') if $at >= $count;
	while ($count > 1)
	{
		if ($at % 2)
		{
			$hash = node(shift(@path) // refuse('the path is too short'), $hash);
		}
		elsif ($at + 1 < $count)
		{
			$hash = node($hash, shift(@path) // refuse('the path is too short'));
		}
		$at = int($at / 2);
		$count = int(($count + 1) / 2);
	}
	refuse('the path is too long') if @path;
	return $hash;
}

sub check_proof
{
	my ($proof, $digest_block, $digest_hash) = @_;
	refuse('not a proof of format calib.proof.1') unless ($proof->{format} // '') eq 'calib.proof.1';
	my ($row, $block) = ($proof->{row}, $proof->{block});
	refuse('no row or no block') unless ref $row eq 'HASH' && ref $block eq 'HASH';
	refuse('no path or no chain') unless ref $proof->{path} eq 'ARRAY' && ref $proof->{chain} eq 'ARRAY';
	my $count = number($proof->{rows}, 'rows');
	refuse('the block has another number of rows') unless $count == number($block->{row_count}, 'row_count');
	my $root = root_of(row_hash($row), number($proof->{position}, 'position'), $count,
		map { bytes($_, 'a hash of the path') } @{ $proof->{path} });
	refuse('the row is not in the block') unless $root eq bytes($block->{root}, 'the root');
	refuse('the row is of another era') unless $row->{era} eq $block->{era};
	refuse('the row\'s transaction is not the block\'s')
		unless $row->{transaction_id} >= $block->{horizon_from} && $row->{transaction_id} < $block->{horizon};
	my $hash = chained(bytes($proof->{previous}, 'previous'), header_hash($block));
	my $at = number($block->{block}, 'the block\'s number');
	for my $header (@{ $proof->{chain} })
	{
		last if $at == $digest_block;
		$hash = chained($hash, bytes($header, 'a hash of the chain'));
		$at++;
	}
	refuse("the proof does not reach block $digest_block of the digest") unless $at == $digest_block;
	refuse('the chain does not lead to the digest') unless $hash eq $digest_hash;
	return "row $row->{audit_id} is in block $block->{block}, and that in the history of the digest";
}

# The whole export: a line is a row or a block, as its fields; blocks in order,
# each after its rows, the rows of a block by audit_id.
sub merkle
{
	my @level = @_;
	while (@level > 1)
	{
		my @up;
		push @up, @level > 1 ? node(shift @level, shift @level) : shift @level while @level;
		@level = @up;
	}
	return $level[0];
}

sub list_hash
{
	my @entries = @_;
	my $hash = "\0" x 32;
	$hash = sha256("\x04$hash" . join '', splice @entries, 0, 1024) while @entries;
	return $hash;
}

sub check_ledger
{
	my ($file, $digest_block, $digest_hash) = @_;
	open my $in, '<:raw', $file or die "$file: $!\n";
	my ($hash, $number, $total, @leaves, @list) = ("\0" x 32, 0, 0);
	my ($met, $blocks, $vouched) = ($digest_block == 0 && $digest_hash eq $hash, 0, 0);
	while (my $line = <$in>)
	{
		my $entry = eval { JSON::PP->new->utf8->decode($line) } or refuse("line $. is not JSON");
		if ($entry->{row})
		{
			push @leaves, row_hash($entry->{row});
			push @list, pack('q>', $entry->{row}{audit_id}) . $leaves[-1];
			next;
		}
		my $block = $entry->{block};
		$number++;
		$total += @leaves;
		refuse("block $number is missing") unless $block->{block} == $number;
		refuse("block $number: rows are missing or too many") unless $block->{row_count} == @leaves && $block->{row_total} == $total;
		refuse("block $number: a row was changed") unless merkle(@leaves) eq bytes($block->{root}, 'the root');
		refuse("block $number: the list was changed") unless list_hash(@list) eq bytes($block->{list_hash}, 'list_hash');
		$hash = chained($hash, header_hash($block));
		($met, $blocks, $vouched) = (1, $number, $total) if $number == $digest_block && $hash eq $digest_hash;
		@leaves = @list = ();
	}
	refuse('the chain does not lead to the digest') unless $met;
	# What stands behind the digest's block may have been written by anybody.
	my $later = $total + @leaves - $vouched;
	return "$vouched rows in $blocks blocks, the history of the digest" . ($later ? "; $later later rows, for which it does not speak" : '');
}

my $whole = @ARGV && $ARGV[0] eq '--ledger' && shift @ARGV;
die "usage: verify.pl PROOF.json DIGEST.json | verify.pl --ledger EXPORT.jsonl DIGEST.json\n" unless @ARGV == 2;
my @digest = read_digest($ARGV[1]);
print 'proved: ', ($whole ? check_ledger($ARGV[0], @digest) : check_proof(read_json($ARGV[0]), @digest)), "\n";
