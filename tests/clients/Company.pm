# The small company of fixture.sql in a cluster of its own, with a password on loopback,
# which is all JDBC can reach. Its clock stands at the end of October 2025.
package Company;
use strict;
use warnings;
use FindBin;
use PostgreSQL::Test::Cluster;
use Test::More;

my $node;

# A server with database `clients`, and the password of the roles viewer and office.
sub start
{
	my ($name) = @_;
	my $password = join '', map { sprintf '%02x', int rand 256 } 1 .. 16;
	$node = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	$node->append_conf('postgresql.conf', <<'EOC');
listen_addresses = '127.0.0.1'
password_encryption = 'scram-sha-256'
calib.clock = '2025-10-30 18:00+08'
timezone = 'Asia/Shanghai'
autovacuum = off
EOC
	unlink $node->data_dir . '/pg_hba.conf';
	$node->append_conf('pg_hba.conf', "local all all trust\nhost clients viewer,office 127.0.0.1/32 scram-sha-256\n");
	$node->start;
	$node->safe_psql('postgres', qq{
		CREATE ROLE viewer LOGIN PASSWORD '$password';
		CREATE ROLE office LOGIN PASSWORD '$password';
		CREATE DATABASE clients;
	});
	$node->safe_psql('clients', 'CREATE EXTENSION calib');
	$node->command_ok([ 'psql', '-Xq', '-d', $node->connstr('clients'), '-f', "$FindBin::RealBin/fixture.sql" ], 'the fixture');
	return ($node, $password);
}

# What psql prints of a query as a role.
sub as
{
	my ($role, $sql) = @_;
	return $node->safe_psql('clients', $sql, extra_params => [ '-U', $role ]);
}

1;
