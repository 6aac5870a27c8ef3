# A CRM replicated into calib's database by logical replication: feeds on the
# subscriber's tables follow the initial copy and every change that is applied. Statement
# triggers never fire there; the row triggers do, and only they.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $crm = PostgreSQL::Test::Cluster->new('crm');
$crm->init(allows_streaming => 'logical');
$crm->append_conf('postgresql.conf', "autovacuum = off\n");
$crm->start;
my $calib = PostgreSQL::Test::Cluster->new('calib');
$calib->init;
$calib->append_conf('postgresql.conf', "autovacuum = off\nwal_retrieve_retry_interval = 100ms\n");
$calib->start;

# The same tables on both sides; the publisher knows nothing of calib.
my $tables = q{
	CREATE SCHEMA crm;
	CREATE TABLE crm.account (id uuid PRIMARY KEY, title text, owner_code text);
	CREATE TABLE crm.event (id bigint PRIMARY KEY, account_id uuid, owner_code text, starts timestamptz, gone boolean NOT NULL DEFAULT false);
	CREATE TABLE crm.deal (id bigint PRIMARY KEY, owner_code text, opened timestamptz, wanted numeric);
	CREATE TABLE crm.payment (id text, owner_code text, paid timestamptz, amount text, PRIMARY KEY (id, paid)) PARTITION BY RANGE (paid);
	CREATE TABLE crm.payment_old PARTITION OF crm.payment FOR VALUES FROM (MINVALUE) TO ('2025-07-01 00:00+08');
	CREATE TABLE crm.payment_new PARTITION OF crm.payment FOR VALUES FROM ('2025-07-01 00:00+08') TO (MAXVALUE);
};
$crm->safe_psql('postgres', $tables . q{
	CREATE PUBLICATION crm FOR ALL TABLES;
	INSERT INTO crm.account SELECT md5('account ' || n)::uuid, '客户 ' || n, 'o-' || n % 2 FROM generate_series(1, 20) n;
	INSERT INTO crm.event SELECT n, md5('account ' || n % 25)::uuid, (ARRAY['o-0', 'o-1', NULL])[1 + n % 3], timestamptz '2025-06-30 12:00+08' + n * interval '1 hour', n % 7 = 0
	FROM generate_series(1, 300) n;
	INSERT INTO crm.deal SELECT n, 'o-' || n % 2, timestamptz '2024-03-01 12:00+08' + n * interval '1 day', n FROM generate_series(1, 6) n;
	INSERT INTO crm.payment SELECT 'p' || n, 'o-' || n % 2, timestamptz '2025-06-25 12:00+08' + n * interval '1 day', CASE WHEN n = 5 THEN 'n/a' ELSE n::text END FROM generate_series(1, 20) n;
});
$calib->safe_psql('postgres', $tables . q{
	CREATE EXTENSION calib;
	INSERT INTO calib.unit (unit_id, kind, name, external_ref) VALUES (1, 'rep', 'Li', 'o-0'), (2, 'rep', 'Wang', 'o-1');
	SELECT calib.attach('account', 'customer', 'crm.account', '{"external_ref": "id::text", "name": "title", "unit": "owner_code"}');
	SELECT calib.attach('deal', 'opportunity', 'crm.deal', '{"external_ref": "''D-'' || id", "unit": "owner_code", "stage": "''proposal''", "amount": "wanted", "created_at": "opened"}');
	SELECT calib.attach('event', 'activity', 'crm.event', '{"external_id": "id::text", "unit": "owner_code", "customer": "account_id::text",
		"kind": "''visit''", "occurred_at": "starts"}', 'NOT gone');
	SELECT calib.attach('payment', 'result', 'crm.payment', '{"external_id": "id", "unit": "owner_code", "occurred_at": "paid", "amount": "amount::numeric"}');
});

# Facts beside the mapping over the subscriber's own tables, and those beside the publisher's.
my $facts = q{
	SELECT string_agg(x::text, E'\n' ORDER BY x::text) FROM (
		SELECT 'c', c.external_ref, c.name, u.external_ref, NULL FROM calib.customer c LEFT JOIN calib.unit u USING (unit_id) WHERE u.unit_id IS NOT NULL
		UNION ALL SELECT 'deal', o.external_ref, o.amount::text, u.external_ref, o.created_at FROM calib.opportunity o JOIN calib.unit u USING (unit_id)
		UNION ALL SELECT a.source, a.external_id, c.external_ref, u.external_ref, a.occurred_at FROM calib.activity a JOIN calib.unit u USING (unit_id) LEFT JOIN calib.customer c USING (customer_id)
		WHERE a.source <> 'manual'
		UNION ALL SELECT r.source, r.external_id, r.amount::text, u.external_ref, r.occurred_at FROM calib.result r JOIN calib.unit u USING (unit_id)) x};
my $mapping = q{
	SELECT string_agg(x::text, E'\n' ORDER BY x::text) FROM (
		SELECT 'c', id::text, title, owner_code, NULL::timestamptz FROM crm.account
		UNION ALL SELECT 'deal', 'D-' || id, wanted::text, owner_code, opened FROM crm.deal
		UNION ALL SELECT 'event', id::text, account_id::text, owner_code, starts FROM crm.event WHERE NOT gone AND owner_code IN ('o-0', 'o-1')
		UNION ALL SELECT 'payment', id, amount, owner_code, paid FROM crm.payment WHERE amount <> 'n/a') x};
my $faults = q{
	SELECT string_agg(x, ' ' ORDER BY x) FROM (
		SELECT 'event ' || id FROM crm.event WHERE NOT gone AND (owner_code NOT IN ('o-0', 'o-1') OR owner_code IS NULL)
		UNION ALL SELECT 'payment ' || id FROM crm.payment WHERE amount = 'n/a') f (x)};
my $waiting = q{SELECT string_agg(DISTINCT source || ' ' || external_id, ' ' ORDER BY source || ' ' || external_id) FROM calib.feed_error};

# What a change is followed by: no retry, no backfill, only what was applied.
sub followed
{
	my ($what) = @_;
	$crm->wait_for_catchup('calib');
	is($calib->safe_psql('postgres', $mapping), $crm->safe_psql('postgres', $mapping), "$what: replicated");
	is($calib->safe_psql('postgres', $facts), $crm->safe_psql('postgres', $mapping), "$what: the facts follow");
	return;
}

$calib->safe_psql('postgres', q{CREATE SUBSCRIPTION calib CONNECTION '} . $crm->connstr . q{ dbname=postgres' PUBLICATION crm});
$calib->poll_query_until('postgres', q{SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel}) or die 'no initial copy';
# Tables are copied side by side: what one worker was entering while another referred to it
# waits for a retry.
$calib->safe_psql('postgres', 'SELECT calib.pull()');
followed('initial copy');
is($calib->safe_psql('postgres', $waiting), $calib->safe_psql('postgres', $faults), 'what a feed cannot take waits, and stops no replication');
cmp_ok($calib->safe_psql('postgres', 'SELECT count(*) FROM calib.feed_error'), '>', 50, '... and there was some');

$crm->safe_psql('postgres', q{INSERT INTO crm.event SELECT n, md5('account ' || n % 30)::uuid, 'o-1', timestamptz '2025-08-01 12:00+08' + n * interval '1 minute' FROM generate_series(1001, 1500) n});
followed('insert');
$crm->safe_psql('postgres', q{
	UPDATE crm.event SET starts = starts + interval '40 days', owner_code = 'o-0' WHERE id % 5 = 0;
	UPDATE crm.account SET title = title || ' 🍵', owner_code = 'o-1' WHERE owner_code = 'o-0';
	UPDATE crm.payment SET amount = amount || '.5' WHERE amount <> 'n/a'});
followed('update');
$crm->safe_psql('postgres', q{UPDATE crm.event SET id = -id WHERE id > 1400; UPDATE crm.event SET gone = NOT gone WHERE id % 11 = 0});
followed('keys that change, rows that leave the filter and come back');
$crm->safe_psql('postgres', q{UPDATE crm.payment SET paid = paid + interval '1 month' WHERE id < 'p5'});
followed('rows that move to another partition');
$crm->safe_psql('postgres', q{DELETE FROM crm.event WHERE id % 3 = 0; DELETE FROM crm.payment WHERE id = 'p2'});
followed('delete');
$crm->safe_psql('postgres', q{
	BEGIN;
	INSERT INTO crm.event VALUES (5000, NULL, 'o-1', '2025-08-01');
	SAVEPOINT s;
	UPDATE crm.event SET owner_code = 'o-1', starts = '2025-01-01';
	ROLLBACK TO s;
	COMMIT;
	BEGIN;
	DELETE FROM crm.event;
	ROLLBACK});
followed('what is rolled back');
$crm->safe_psql('postgres', q{UPDATE crm.event SET owner_code = 'o-1' WHERE owner_code IS NULL; UPDATE crm.payment SET amount = '5' WHERE amount = 'n/a'});
followed('faults mended');
$calib->safe_psql('postgres', 'SELECT calib.pull()');
is($calib->safe_psql('postgres', 'SELECT count(*) FROM calib.feed_error'), '0', 'faults mended: nothing waits any more');

# No foreign key cascades where changes are applied: a deal takes along what hangs on it.
$calib->safe_psql('postgres', q{
	INSERT INTO calib.opportunity_day (opportunity_id, day) SELECT opportunity_id, day FROM calib.opportunity, unnest('{2024-03-10,2024-03-11}'::date[]) day;
	INSERT INTO calib.activity (source, external_id, unit_id, opportunity_id, kind, occurred_at) SELECT 'manual', external_ref, 1, opportunity_id, 'visit', '2025-08-01' FROM calib.opportunity});
$crm->safe_psql('postgres', q{UPDATE crm.deal SET wanted = 10 * wanted WHERE id = 1; DELETE FROM crm.deal WHERE id IN (2, 5); INSERT INTO crm.deal VALUES (7, 'o-1', '2025-08-01', 7)});
followed('deals');
is($calib->safe_psql('postgres', q{
	SELECT (SELECT count(*) FROM calib.opportunity_day), (SELECT count(*) FROM calib.opportunity_day LEFT JOIN calib.opportunity o USING (opportunity_id) WHERE o.opportunity_id IS NULL),
		(SELECT count(*) FROM calib.activity a WHERE a.source = 'manual' AND a.opportunity_id IN (SELECT opportunity_id FROM calib.opportunity)),
		(SELECT string_agg(a.external_id, ' ' ORDER BY a.external_id) FROM calib.activity a WHERE a.source = 'manual' AND a.opportunity_id IS NULL)}),
	'8|0|4|D-2 D-5', 'a deal that goes takes its days along, and its activities name it no more');
$calib->safe_psql('postgres', q{DELETE FROM calib.activity WHERE source = 'manual'});

# The subscriber's own sessions go by the statement triggers, a fact is never taken twice.
$calib->safe_psql('postgres', q{INSERT INTO crm.event VALUES (9000, NULL, 'o-0', '2025-08-02')});
is($calib->safe_psql('postgres', q{SELECT count(*) FROM calib.activity WHERE external_id = '9000'}), '1', 'a row entered on the subscriber');
$calib->safe_psql('postgres', q{DELETE FROM crm.event WHERE id = 9000});
is($calib->safe_psql('postgres', q{SELECT string_agg(DISTINCT tgname || ' ' || tgenabled::text, ', ' ORDER BY tgname || ' ' || tgenabled::text) FROM pg_trigger WHERE tgrelid = 'crm.event'::regclass}),
	'calib_feed_delete O, calib_feed_insert O, calib_feed_row R, calib_feed_truncate A, calib_feed_update O', 'each trigger in the sessions it is for');

$crm->safe_psql('postgres', 'TRUNCATE crm.event, crm.payment');
followed('truncate');
is($calib->safe_psql('postgres', 'SELECT (SELECT count(*) FROM calib.activity), (SELECT count(*) FROM calib.result)'), '0|0', 'truncate: no fact is left');
$crm->safe_psql('postgres', q{INSERT INTO crm.event VALUES (1, NULL, 'o-1', '2025-08-01'); INSERT INTO crm.payment VALUES ('p', 'o-1', '2025-08-01', 7)});
followed('and on it goes');

# Without its row trigger nothing would have been followed.
$calib->safe_psql('postgres', 'ALTER TABLE crm.event DISABLE TRIGGER calib_feed_row');
$crm->safe_psql('postgres', q{INSERT INTO crm.event VALUES (2, NULL, 'o-1', '2025-08-01')});
$crm->wait_for_catchup('calib');
is($calib->safe_psql('postgres', 'SELECT (SELECT count(*) FROM crm.event), (SELECT count(*) FROM calib.activity)'), '2|1', 'it is the row trigger that follows');
unlike(slurp_file($calib->logfile), qr/ERROR/, 'the subscriber met no error');

$calib->safe_psql('postgres', 'DROP SUBSCRIPTION calib');
$calib->stop;
$crm->stop;
done_testing();
