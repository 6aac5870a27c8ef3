-- What a push feed costs: the stage for bench/feed.sh.
--
-- A CRM's activity table with the indexes calib.activity has, of the same types (its
-- key a text, two of bigint and time), four times: plain; plain with the foreign keys
-- calib.activity has; followed by a feed; and followed by the same feed written as a
-- row trigger in PL/pgSQL. It resolves the same names, writes the same rows by the same
-- upsert, moves an unresolved row aside and never fails the CRM's statement, which in
-- PL/pgSQL takes a subtransaction a row.
\set QUIET on
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS calib;
DROP SCHEMA IF EXISTS calib_bench CASCADE;
CREATE SCHEMA calib_bench;

INSERT INTO calib.unit (unit_id, parent_id, kind, name, external_ref)
SELECT u, CASE WHEN u > 1 THEN 1 END, CASE WHEN u > 1 THEN 'rep' ELSE 'region' END, 'unit ' || u, u::text FROM generate_series(1, 1001) u;
INSERT INTO calib.customer (customer_id, unit_id, name, external_ref)
SELECT c, 2 + c % 1000, 'customer ' || c, c::text FROM generate_series(1, 50000) c;
INSERT INTO calib.opportunity (opportunity_id, customer_id, unit_id, external_ref)
SELECT o, o, 2 + o % 1000, o::text FROM generate_series(1, 50000) o;

CREATE TABLE calib_bench.plain (
    id text PRIMARY KEY,
    owner_id bigint,
    account_id bigint,
    deal_id bigint,
    type text,
    subject text,
    happened_at timestamptz,
    created_at timestamptz
);
CREATE INDEX ON calib_bench.plain (owner_id, happened_at);
CREATE INDEX ON calib_bench.plain (deal_id, happened_at);
CREATE TABLE calib_bench.keys (LIKE calib_bench.plain INCLUDING ALL);
CREATE TABLE calib_bench.push (LIKE calib_bench.plain INCLUDING ALL);
CREATE TABLE calib_bench.plpgsql (LIKE calib_bench.plain INCLUDING ALL);

-- The CRM's own tables that a row refers to, where it has foreign keys.
CREATE TABLE calib_bench.owner AS SELECT unit_id AS id FROM calib.unit;
CREATE TABLE calib_bench.account AS SELECT customer_id AS id FROM calib.customer;
CREATE TABLE calib_bench.deal AS SELECT opportunity_id AS id FROM calib.opportunity;
CREATE TABLE calib_bench.type AS SELECT unnest(ARRAY['Meeting', 'Call', 'Quote']) AS type;
ALTER TABLE calib_bench.owner ADD PRIMARY KEY (id);
ALTER TABLE calib_bench.account ADD PRIMARY KEY (id);
ALTER TABLE calib_bench.deal ADD PRIMARY KEY (id);
ALTER TABLE calib_bench.type ADD PRIMARY KEY (type);
ALTER TABLE calib_bench.keys
    ADD FOREIGN KEY (owner_id) REFERENCES calib_bench.owner,
    ADD FOREIGN KEY (account_id) REFERENCES calib_bench.account,
    ADD FOREIGN KEY (deal_id) REFERENCES calib_bench.deal,
    ADD FOREIGN KEY (type) REFERENCES calib_bench.type;

-- A million lines, written once. Keys ascend, as most CRMs' do.
SELECT current_setting('data_directory') || '/bench_feed.copy' AS file \gset
COPY (SELECT '00T' || lpad(n::text, 15, '0'), 2 + (n * 7919::bigint) % 1000, 1 + (n * 104729::bigint) % 50000,
        CASE WHEN n % 3 = 0 THEN 1 + (n * 1299709::bigint) % 50000 END,
        (ARRAY['Meeting', 'Call', 'Quote'])[1 + n % 3], 'Conversation number ' || n,
        timestamptz '2024-01-01 08:00+08' + n * interval '60 seconds', timestamptz '2024-01-01 09:00+08' + n * interval '60 seconds'
    FROM generate_series(1, :rows) n) TO :'file';

-- The feed in calib.
SELECT calib.attach('push', 'activity', 'calib_bench.push', jsonb_build_object(
    'external_id', 'id', 'unit', 'owner_id::text', 'customer', 'account_id::text', 'opportunity', 'deal_id::text',
    'kind', $$CASE type WHEN 'Meeting' THEN 'visit' WHEN 'Call' THEN 'call' WHEN 'Quote' THEN 'quote' END$$,
    'occurred_at', 'happened_at', 'recorded_at', 'created_at')) \g /dev/null

-- And by hand.
CREATE TABLE calib_bench.aside (external_id text, source_row jsonb, problem text, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION calib_bench.follow() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    unit bigint;
    customer bigint;
    opportunity bigint;
BEGIN
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND OLD.id <> NEW.id) THEN
        DELETE FROM calib.activity a WHERE a.source = 'plpgsql' AND a.external_id = OLD.id;
        IF TG_OP = 'DELETE' THEN
            RETURN NULL;
        END IF;
    END IF;
    unit := coalesce((SELECT a.unit_id FROM calib.unit_alias a WHERE a.source = 'plpgsql' AND a.external_ref = NEW.owner_id::text),
        (SELECT u.unit_id FROM calib.unit u WHERE u.external_ref = NEW.owner_id::text));
    IF unit IS NULL THEN
        INSERT INTO calib_bench.aside (external_id, source_row, problem) VALUES (NEW.id, to_jsonb(NEW), 'unknown unit');
        RETURN NULL;
    END IF;
    IF NEW.account_id IS NOT NULL THEN
        customer := coalesce((SELECT a.customer_id FROM calib.customer_alias a WHERE a.source = 'plpgsql' AND a.external_ref = NEW.account_id::text),
            (SELECT c.customer_id FROM calib.customer c WHERE c.external_ref = NEW.account_id::text));
    END IF;
    IF NEW.deal_id IS NOT NULL THEN
        opportunity := (SELECT o.opportunity_id FROM calib.opportunity o WHERE o.external_ref = NEW.deal_id::text);
    END IF;
    IF customer IS NULL AND NEW.account_id IS NOT NULL OR opportunity IS NULL AND NEW.deal_id IS NOT NULL THEN
        INSERT INTO calib_bench.aside (external_id, source_row, problem) VALUES (NEW.id, to_jsonb(NEW), 'unknown customer or opportunity');
        RETURN NULL;
    END IF;
    BEGIN
        INSERT INTO calib.activity AS a (source, external_id, unit_id, customer_id, opportunity_id, kind, occurred_at, recorded_at)
        VALUES ('plpgsql', NEW.id, unit, customer, opportunity,
            CASE NEW.type WHEN 'Meeting' THEN 'visit' WHEN 'Call' THEN 'call' WHEN 'Quote' THEN 'quote' END, NEW.happened_at, NEW.created_at)
        ON CONFLICT (source, external_id) DO UPDATE SET unit_id = excluded.unit_id, customer_id = excluded.customer_id,
            opportunity_id = excluded.opportunity_id, kind = excluded.kind, occurred_at = excluded.occurred_at, recorded_at = excluded.recorded_at
        WHERE (a.unit_id, a.customer_id, a.opportunity_id, a.kind, a.occurred_at, a.recorded_at)
            IS DISTINCT FROM (excluded.unit_id, excluded.customer_id, excluded.opportunity_id, excluded.kind, excluded.occurred_at, excluded.recorded_at);
    EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
        INSERT INTO calib_bench.aside (external_id, source_row, problem) VALUES (NEW.id, to_jsonb(NEW), SQLERRM);
    END;
    RETURN NULL;
END $$;
CREATE TRIGGER follow AFTER INSERT OR UPDATE OR DELETE ON calib_bench.plpgsql
    FOR EACH ROW EXECUTE FUNCTION calib_bench.follow();

-- CPU seconds of this backend, user and system: what a busy machine does not
-- blur. Linux only; elsewhere elapsed time.
CREATE FUNCTION calib_bench.cpu() RETURNS float8 LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN (SELECT (f[12]::float8 + f[13]::float8) / 100
            FROM regexp_split_to_array(regexp_replace(pg_read_file('/proc/self/stat'), '^.*\) ', ''), ' ') AS f);
EXCEPTION WHEN OTHERS THEN
    RETURN extract(epoch FROM clock_timestamp());
END $$;

-- Every run finds empty tables; what is thrown away is not followed.
CREATE PROCEDURE calib_bench.clear() LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('calib.restoring', 'on', false);
    TRUNCATE calib_bench.plain, calib_bench.keys, calib_bench.push, calib_bench.plpgsql, calib_bench.aside, calib.activity;
    DELETE FROM calib.feed_error;
    PERFORM set_config('calib.restoring', 'off', false);
    COMMIT;
END $$;

CREATE TABLE calib_bench.took (act text, kind text, run integer, seconds float8, cpu float8);
CREATE PROCEDURE calib_bench.load(kind text, run integer, file text) LANGUAGE plpgsql AS $$
DECLARE
    started timestamptz;
    cpu float8;
BEGIN
    CALL calib_bench.clear();
    started := clock_timestamp();
    cpu := calib_bench.cpu();
    EXECUTE format('COPY calib_bench.%I FROM %L', kind, file);
    COMMIT;
    INSERT INTO calib_bench.took VALUES ('COPY', kind, run, extract(epoch FROM clock_timestamp() - started), calib_bench.cpu() - cpu);
    IF NOT calib_bench.sound(kind) THEN
        RAISE EXCEPTION 'the facts of % are not what its rows say', kind;
    END IF;
    COMMIT;
END $$;

-- Whether calib has what the rows say, no more and no less.
CREATE FUNCTION calib_bench.sound(kind text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    sound boolean;
    fact constant text := 'SELECT external_id, unit_id, customer_id, opportunity_id, kind, occurred_at, recorded_at FROM calib.activity WHERE source = %1$L';
    wanted constant text := $q$SELECT id, owner_id, account_id, deal_id,
        CASE type WHEN 'Meeting' THEN 'visit' WHEN 'Call' THEN 'call' WHEN 'Quote' THEN 'quote' END, happened_at, created_at FROM calib_bench.%1$I$q$;
BEGIN
    IF kind NOT IN ('push', 'plpgsql') THEN
        RETURN true;
    END IF;
    EXECUTE format('SELECT NOT EXISTS (' || fact || ' EXCEPT ALL ' || wanted || ') AND NOT EXISTS (' || wanted || ' EXCEPT ALL ' || fact || ')', kind) INTO sound;
    RETURN sound;
END $$;

-- One activity more, under a key of its own: what a client of pgbench does.
CREATE SEQUENCE calib_bench.number;
ANALYZE;
