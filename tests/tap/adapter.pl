# The adapters for what Fivetran replicates, on its public samples, where they are
# at hand (beside CALIB_DATA, or CALIB_FIVETRAN names their folder): facts and
# errors against plain SQL over the files as they came.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $data = $ENV{CALIB_FIVETRAN} // '';
plan skip_all => 'skipped: CALIB_FIVETRAN does not name the folder of the samples'
  unless -d "$data/fivetran_salesforce_seeds" && -d "$data/fivetran_hubspot_seeds";

my $node = PostgreSQL::Test::Cluster->new('adapter');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION calib');
sub query { return $node->safe_psql('postgres', $_[0]) }

# Types as Fivetran gives them: moments with a time zone, days, numbers, booleans.
sub type_of
{
	my ($column) = @_;
	return 'boolean' if $column =~ /^(is_\w+|_fivetran_(deleted|active)|closed_won|active)$/ && $column ne 'is_recurrence_2_x';
	return 'date' if $column =~ /^(activity_date|close_date|effective_date)$/;
	return 'timestamptz' if $column =~ /^(created_date|last_modified_date|completed_date_time|start_date_time|end_date_time|activated_date|_fivetran_(start|end|synced)|date_entered|start_time|property_(hs_)?(createdate|closedate|timestamp|lastmodifieddate))$/;
	return 'numeric' if $column =~ /^(amount|probability|property_amount|total_amount)$/;
	return 'bigint' if $column =~ /^(deal_id|company_id|owner_id|engagement_id|team_id|user_id|active_user_id|display_order|type_id)$/;
	return 'text';
}

sub load
{
	my ($schema, $table, $file) = @_;
	open my $in, '<', $file or die "$file: $!";
	my $head = <$in>;
	close $in;
	chomp $head;
	$head =~ s/\r$//;
	$head =~ s/"""([^"]+)"""/$1/g;
	my @columns = split /,/, $head;
	my $list = join ', ', map {
		my $type = type_of($_);
		$type = 'text' if $schema eq 'salesforce' && $type eq 'bigint';
		$type = 'bigint' if $schema eq 'hubspot' && $_ eq 'id' && $table =~ /^(company|team|users|engagement)$/;
		qq{"$_" $type}
	} @columns;
	query(qq{CREATE TABLE $schema."$table" ($list)});
	query(qq{SET TimeZone = 'UTC'; COPY $schema."$table" FROM '$file' (FORMAT csv, HEADER)});
}

query('CREATE SCHEMA salesforce; CREATE SCHEMA hubspot');
load('salesforce', $_, "$data/fivetran_salesforce_seeds/sf_${_}_data.csv")
  for qw(account opportunity opportunity_history task event user user_role order);
load('hubspot', $_, "$data/fivetran_hubspot_seeds/${_}_data.csv")
  for qw(deal deal_company deal_pipeline_stage deal_stage engagement_call engagement_meeting engagement_note
  engagement_email engagement_task engagement_company engagement_deal owner team team_user);
load('hubspot', 'company', "$data/fivetran_hubspot_seeds/company_data_postgres.csv");

for my $crm (qw(salesforce hubspot))
{
	my @feeds = split /\n/, query("SELECT feed FROM calib.attach_crm('${crm}_fivetran', '$crm', '$crm')");
	$node->safe_psql('postgres', "SET client_min_messages = warning; CALL calib.backfill('$_')") for @feeds;
}


# rows of one side that the other lacks
sub same
{
	my ($facts, $plain, $what) = @_;
	is(query("(($facts) EXCEPT ALL ($plain)) UNION ALL (($plain) EXCEPT ALL ($facts))"), '', $what);
	isnt(query("SELECT count(*) FROM ($plain) p"), '0', "$what: there are some");
}
# What waits of a feed, by problem, against what plain SQL says of its rows
sub waits
{
	my ($source, $plain, $what) = @_;
	same("SELECT external_id, problem, sqlstate FROM calib.feed_error WHERE source = '$source'", $plain, $what);
}

same(q{SELECT external_ref, name FROM calib.unit WHERE kind = 'rep' AND external_ref LIKE '005%'},
	q{SELECT id, name FROM salesforce."user" WHERE NOT _fivetran_deleted AND _fivetran_active}, 'users are reps');
same(q{SELECT u.external_ref, u.name, p.external_ref FROM calib.unit u LEFT JOIN calib.unit p ON p.unit_id = u.parent_id
       WHERE u.kind = 'team' AND u.external_ref NOT LIKE 'team-%'},
	q{SELECT r.id, r.name, p.id FROM salesforce.user_role r LEFT JOIN salesforce.user_role p ON p.id = r.parent_role_id WHERE r._fivetran_active}, 'roles are teams, one below the other');
same(q{SELECT external_ref, name, unit_id IS NULL FROM calib.customer WHERE external_ref LIKE '001%' AND name <> external_ref},
	q{SELECT id, name, true FROM salesforce.account WHERE NOT is_deleted AND _fivetran_active}, 'accounts that are not deleted are customers, here nobody\'s');
is(query(q{SELECT count(*) FROM calib.opportunity o WHERE o.external_ref LIKE '006q%'}), '0', 'all opportunities of the sample are deleted');
waits("salesforce_$_->[0]", qq{SELECT id, format('unit "%s" is not known', owner_id), '23503' FROM salesforce."$_->[0]"}, $_->[1])
  for ['task', 'tasks of one who is no user wait'], ['event', 'so do events'], ['order', 'and orders'];

same(q{SELECT external_ref, name FROM calib.unit WHERE kind = 'rep' AND external_ref !~ '^00'},
	q{SELECT owner_id::text, coalesce(first_name || ' ' || last_name, first_name, last_name, email, owner_id::text) FROM hubspot.owner}, 'owners are reps, under hashes as names');
same(q{SELECT u.external_ref, p.external_ref FROM calib.unit u JOIN calib.unit p ON p.unit_id = u.parent_id WHERE p.external_ref LIKE 'team-%'},
	q{SELECT o.owner_id::text, 'team-' || m.team_id FROM hubspot.owner o JOIN hubspot.team_user m ON m.user_id = o.active_user_id}, 'those with a user are in his team');
same(q{SELECT external_ref, name, created_at FROM calib.customer WHERE external_ref !~ '^00' AND name <> external_ref},
	q{SELECT id::text, property_name, property_createdate FROM hubspot.company WHERE NOT is_deleted AND property_name IS NOT NULL}, 'companies are customers');
waits('hubspot_opportunity', q{SELECT deal_id::text, CASE WHEN owner_id IS NULL THEN 'unit is null' ELSE 'stage is null' END, '23502' FROM hubspot.deal},
	'deals of nobody wait, and those in no stage');
waits('hubspot_stage', q{SELECT concat_ws(' ', deal_id, extract(epoch FROM _fivetran_start)), format('opportunity "%s" is not known', deal_id), '23503' FROM hubspot.deal_stage},
	'the history of deals that wait, or are not there, waits');
waits('hubspot_meeting', q{SELECT engagement_id::text, 'unit is null', '23502' FROM hubspot.engagement_meeting}, 'meetings of nobody wait');
waits('hubspot_note', q{SELECT engagement_id::text, CASE WHEN property_hubspot_owner_id IS NULL THEN 'unit is null'
	ELSE format('unit "%s" is not known', property_hubspot_owner_id) END, CASE WHEN property_hubspot_owner_id IS NULL THEN '23502' ELSE '23503' END
	FROM hubspot.engagement_note n WHERE NOT EXISTS (SELECT FROM hubspot.owner o WHERE o.owner_id::text = n.property_hubspot_owner_id)}, 'so do notes');
same(q{SELECT source, external_id FROM calib.feed_error WHERE source IN ('hubspot_call', 'hubspot_email', 'hubspot_task')
	UNION ALL SELECT source, external_id FROM calib.activity WHERE source IN ('hubspot_call', 'hubspot_email', 'hubspot_task')},
	q{SELECT 'hubspot_call', engagement_id::text FROM hubspot.engagement_call WHERE NOT _fivetran_deleted
	UNION ALL SELECT 'hubspot_email', engagement_id::text FROM hubspot.engagement_email WHERE NOT _fivetran_deleted
	UNION ALL SELECT 'hubspot_task', engagement_id::text FROM hubspot.engagement_task WHERE NOT _fivetran_deleted}, 'every other engagement is a fact or waits');
is(query(q{SELECT count(*) FROM calib.feed_error WHERE problem = '' OR problem IS NULL}), '0', 'every error says what is wrong');

$node->stop;
done_testing();
