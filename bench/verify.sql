-- verify() over :rows rows of the trail, in one block, beside raw SHA-256 over the
-- same bytes; seal() as well. In turn, :runs times; medians.
\set QUIET on
\set ON_ERROR_STOP on
\pset footer off
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS bench CASCADE;
DROP EXTENSION IF EXISTS calib CASCADE;
CREATE EXTENSION calib;
CREATE SCHEMA bench;
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'company', 'top');
INSERT INTO calib.result (unit_id, external_id, occurred_at, amount)
SELECT 1, 'order ' || i, '2025-10-01', 100.50 + i FROM generate_series(1, :rows) i;
\timing on
SELECT calib.seal() AS sealed;
\timing off
VACUUM ANALYZE calib.audit;

-- The very bytes that verify() hashes, made beforehand, in C's order
CREATE FUNCTION bench.field(t text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(int4send(octet_length(t)) || t::bytea, '\xffffffff')
$$;
CREATE FUNCTION bench.micros(t timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT (extract(epoch FROM t - timestamptz '2000-01-01 00:00:00+00') * 1000000)::bigint::text
$$;
CREATE TABLE bench.bytes AS
SELECT '\x00'::bytea || bench.field('calib.audit.1') || bench.field(a.audit_id::text) || bench.field(a.transaction_id::text)
    || bench.field(bench.micros(a.recorded_at)) || bench.field(bench.micros(a.clock_at)) || bench.field(CASE WHEN a.simulated THEN 't' ELSE 'f' END)
    || bench.field(a.relation) || bench.field(a.action) || bench.field(replace(a.old_row::text, '\', '\\')) || bench.field(replace(a.new_row::text, '\', '\\'))
    || bench.field(a.person) || bench.field(a.role) || bench.field(a.login) || bench.field(a.application_name)
    || bench.field(a.client_addr) || bench.field(a.era::text) AS message, a.row_hash
FROM calib.audit a;
VACUUM ANALYZE bench.bytes;
DO $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT * FROM bench.bytes LIMIT 2000) b WHERE sha256(message) <> row_hash) THEN
        RAISE EXCEPTION 'these are not the bytes';
    END IF;
END $$;
CREATE TABLE bench.took (kind text, seconds float8);
CREATE PROCEDURE bench.measure(kind text) LANGUAGE plpgsql AS $$
DECLARE
    started timestamptz := clock_timestamp();
    fine boolean;
BEGIN
    CASE kind
        WHEN 'verify' THEN SELECT bool_and(ok) INTO fine FROM calib.verify();
        -- reading alone, and reading and hashing: the difference is raw SHA-256
        WHEN 'read' THEN SELECT bool_and(length(message) > 0) INTO fine FROM bench.bytes;
        WHEN 'sha256' THEN SELECT bool_and(length(sha256(message)) = 32) INTO fine FROM bench.bytes;
    END CASE;
    IF NOT fine THEN
        RAISE EXCEPTION 'verify is not green';
    END IF;
    INSERT INTO bench.took VALUES (kind, extract(epoch FROM clock_timestamp() - started));
    COMMIT;
END $$;
SET max_parallel_workers_per_gather = 0;
SELECT format('CALL bench.measure(%L)', k)
FROM generate_series(0, :runs) r, unnest(ARRAY['verify', 'read', 'sha256']) WITH ORDINALITY AS u (k, n)
ORDER BY r, n \gexec
DELETE FROM bench.took WHERE ctid IN (SELECT ctid FROM bench.took ORDER BY ctid LIMIT 3);

\echo verify in rows per second, and raw SHA-256 time over the same bytes as a share of its time
WITH median AS (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE kind = 'verify') AS verify,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE kind = 'read') AS read,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE kind = 'sha256') AS sha256
    FROM bench.took
), size AS (
    SELECT count(*) AS rows, avg(length(message)) AS bytes FROM bench.bytes
)
SELECT rows, round(bytes) AS bytes_a_row, round(verify::numeric, 2) AS verify_s, round((rows / verify)::numeric) AS rows_per_s,
    round((sha256 - read)::numeric, 2) AS sha256_s, round(((sha256 - read) / verify)::numeric, 2) AS share_of_raw_speed
FROM median, size;
