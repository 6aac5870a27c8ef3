-- Random tampering with sealed rows by a superuser who has taken the triggers
-- off: each act alone, verified, undone. Every one must be found, told by row
-- and block, and nothing else blamed. psql -v acts=N -v seed=0.5 -f tamper.sql,
-- in a database of its own that has the extension. Fails where one is missed.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
SET client_min_messages = warning;
CREATE SCHEMA tamper;

-- A trail with gaps in its numbers and blocks of all sizes; texts that need
-- care; rows with and without the row before. The last block's end is left open.
INSERT INTO calib.unit (unit_id, kind, name) VALUES (1, 'company', 'top'), (2, 'team', '浙江 "quoted" \ back');
DO $$
BEGIN
    FOR i IN 1..120 LOOP
        SET LOCAL application_name = '';
        INSERT INTO calib.result (unit_id, occurred_at, amount, external_id) VALUES (2, '2025-01-01', i * 1.10, 'r' || i);
        IF i % 3 = 0 THEN
            UPDATE calib.unit SET name = 'name ' || i WHERE unit_id = 2;
        END IF;
        IF i % 4 = 0 THEN
            PERFORM nextval('calib.audit_audit_id_seq');
        END IF;
        COMMIT;
        IF i IN (1, 2, 5, 40, 41, 90, 117) THEN
            PERFORM calib.seal();
            COMMIT;
        END IF;
    END LOOP;
END $$;
ALTER TABLE calib.audit DISABLE TRIGGER USER;
DO $$
DECLARE
    c text;
BEGIN
    FOREACH c IN ARRAY '{simulated,relation,action,person,role,login,application_name,recorded_at,clock_at,transaction_id,era,row_hash}'::text[] LOOP
        EXECUTE format('ALTER TABLE calib.audit ALTER %I DROP NOT NULL', c);
    END LOOP;
END $$;

-- The format, as a forger would have it
CREATE FUNCTION tamper.field(t text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(int4send(octet_length(convert_to(t, 'UTF8'))) || convert_to(t, 'UTF8'), '\xffffffff')
$$;
CREATE FUNCTION tamper.micros(t timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT (extract(epoch FROM t - timestamptz '2000-01-01 00:00:00+00') * 1000000)::bigint::text
$$;
CREATE FUNCTION tamper.row_hash(a calib.audit) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256('\x00'::bytea || tamper.field('calib.audit.1') || tamper.field(a.audit_id::text) || tamper.field(a.transaction_id::text)
        || tamper.field(tamper.micros(a.recorded_at)) || tamper.field(tamper.micros(a.clock_at))
        || tamper.field(CASE WHEN a.simulated THEN 't' WHEN NOT a.simulated THEN 'f' END)
        || tamper.field(a.relation) || tamper.field(a.action) || tamper.field(a.old_row::text) || tamper.field(a.new_row::text)
        || tamper.field(a.person) || tamper.field(a.role) || tamper.field(a.login) || tamper.field(a.application_name)
        || tamper.field(a.client_addr) || tamper.field(a.era::text))
$$;

-- Chance -----------------------------------------------------------------------------
CREATE FUNCTION tamper.upto(n bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$ SELECT floor(random() * n)::bigint $$;
CREATE TABLE tamper.sealed AS
SELECT row_number() OVER (ORDER BY a.audit_id) - 1 AS n, a.audit_id, l.block
FROM calib.leaf l CROSS JOIN unnest(l.audit_ids) i JOIN calib.audit a ON a.audit_id = i;
CREATE UNIQUE INDEX ON tamper.sealed (n);
CREATE FUNCTION tamper.any_row(OUT audit_id bigint, OUT block bigint) LANGUAGE sql VOLATILE AS $$
    SELECT audit_id, block FROM tamper.sealed WHERE n = (SELECT tamper.upto((SELECT count(*) FROM tamper.sealed)))
$$;
-- A text with one character changed, put in or taken away.
CREATE FUNCTION tamper.touch(t text) RETURNS text LANGUAGE plpgsql VOLATILE STRICT AS $$
DECLARE
    at int := tamper.upto(length(t) + 1)::int;
    c text := chr(32 + tamper.upto(95)::int);
BEGIN
    RETURN CASE tamper.upto(3) WHEN 0 THEN left(t, at) || c || substr(t, at + 2)
        WHEN 1 THEN left(t, at) || c || substr(t, at + 1)
        ELSE left(t, at) || substr(t, at + 2) END;
END $$;
CREATE FUNCTION tamper.touch(j jsonb) RETURNS jsonb LANGUAGE plpgsql VOLATILE STRICT AS $$
DECLARE
    other jsonb;
BEGIN
    LOOP
        BEGIN
            other := tamper.touch(j::text)::jsonb;
            IF other::text <> j::text THEN
                RETURN other;
            END IF;
        EXCEPTION WHEN data_exception OR program_limit_exceeded OR untranslatable_character THEN
            NULL;
        END;
    END LOOP;
END $$;
-- Changes one field of a row by a byte, to another row's, to NULL or from it; tells whether it is another now.
CREATE FUNCTION tamper.change(id bigint, field text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    expression text;
    other bigint := (tamper.any_row()).audit_id;
    changed boolean;
BEGIN
    expression := CASE tamper.upto(6)
        WHEN 0 THEN format('(SELECT o.%I FROM calib.audit o WHERE o.audit_id = %s)', field, other)
        WHEN 1 THEN 'NULL'
        ELSE CASE field
            WHEN 'transaction_id' THEN '#|transaction_id # (1::bigint << tamper.upto(62)::int)'
            WHEN 'recorded_at' THEN '#|recorded_at + (1 + tamper.upto(1000000)) * interval ''1 microsecond'''
            WHEN 'clock_at' THEN '#|clock_at - (1 + tamper.upto(1000000)) * interval ''1 microsecond'''
            WHEN 'simulated' THEN '#|NOT simulated'
            WHEN 'old_row' THEN '#|coalesce(tamper.touch(old_row), ''{}'')'
            WHEN 'new_row' THEN '#|coalesce(tamper.touch(new_row), ''null'')'
            WHEN 'client_addr' THEN '#|coalesce(tamper.touch(client_addr), '''')'
            WHEN 'era' THEN '#|overlay(era::text PLACING to_hex(tamper.upto(16)) FROM 1 + tamper.upto(8)::int FOR 1)::uuid'
            WHEN 'row_hash' THEN '#|set_byte(row_hash, tamper.upto(32)::int, tamper.upto(256)::int)'
            ELSE format('#|tamper.touch(%I)', field) END END;
    EXECUTE format('WITH was AS (SELECT %2$I::text AS v FROM calib.audit WHERE audit_id = %1$s), made AS
        (UPDATE calib.audit SET %2$I = %3$s WHERE audit_id = %1$s RETURNING %2$I::text AS v)
        SELECT was.v IS DISTINCT FROM made.v FROM was, made', id, field, replace(expression, '#|', '')) INTO changed;
    RETURN changed;
END $$;

-- One act ---------------------------------------------------------------------------
CREATE TABLE tamper.act (n int, kind text, expected text[], found text[]);
-- What verify() must say is "block/row", one for each row it may name.
CREATE FUNCTION tamper.act(OUT kind text, OUT expected text[]) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    a record := tamper.any_row();
    b record := tamper.any_row();
    field text := (ARRAY['transaction_id', 'recorded_at', 'clock_at', 'simulated', 'relation', 'action', 'old_row', 'new_row',
        'person', 'role', 'login', 'application_name', 'client_addr', 'era', 'row_hash'])[1 + tamper.upto(15)];
    id bigint;
BEGIN
    kind := (ARRAY['change', 'change', 'change', 'change and hash', 'delete', 'insert', 'insert and hash', 'renumber', 'swap', 'swap and hash'])[1 + tamper.upto(10)];
    expected := ARRAY[a.block || '/' || a.audit_id];
    IF kind LIKE 'swap%' THEN
        WHILE b.audit_id = a.audit_id LOOP
            b := tamper.any_row();
        END LOOP;
        UPDATE calib.audit SET audit_id = -audit_id WHERE audit_id IN (a.audit_id, b.audit_id);
        UPDATE calib.audit SET audit_id = CASE audit_id WHEN -a.audit_id THEN b.audit_id ELSE a.audit_id END WHERE audit_id < 0;
        expected := expected || (b.block || '/' || b.audit_id);
    ELSIF kind = 'delete' THEN
        DELETE FROM calib.audit WHERE audit_id = a.audit_id;
    ELSIF kind LIKE 'insert%' OR kind = 'renumber' THEN
        -- a free number before, between or behind
        LOOP
            id := tamper.upto(400) - 50;
            EXIT WHEN NOT EXISTS (SELECT FROM calib.audit t WHERE t.audit_id = id);
        END LOOP;
        IF kind = 'renumber' THEN
            UPDATE calib.audit SET audit_id = id WHERE audit_id = a.audit_id;
            expected := expected || (a.block || '/' || id);
        ELSE
            INSERT INTO calib.audit SELECT id, transaction_id, recorded_at, clock_at, simulated, relation, action, old_row, new_row,
                person, role, login, application_name, client_addr, era, row_hash FROM calib.audit t WHERE t.audit_id = a.audit_id;
            expected := ARRAY[a.block || '/' || id];
        END IF;
    ELSE
        WHILE NOT tamper.change(a.audit_id, field) LOOP
        END LOOP;
        kind := kind || ' ' || field;
    END IF;
    IF kind LIKE '%and hash%' AND field <> 'row_hash' THEN
        UPDATE calib.audit t SET row_hash = tamper.row_hash(t) WHERE audit_id IN (a.audit_id, b.audit_id, id);
    END IF;
END $$;
CREATE PROCEDURE tamper.acts(acts int) LANGUAGE plpgsql AS $$
DECLARE
    kind text;
    expected text[];
    found text[];
BEGIN
    FOR i IN 1..acts LOOP
        BEGIN
            SELECT * INTO kind, expected FROM tamper.act();
            SELECT coalesce(array_agg(DISTINCT coalesce(v.block::text, '-') || '/' || coalesce(substring(v.problem FROM '\mrow (-?\d+)'), '?')), '{}') INTO found
            FROM calib.verify() v WHERE NOT v.ok;
            RAISE EXCEPTION USING ERRCODE = 'TAMPR';
        EXCEPTION WHEN SQLSTATE 'TAMPR' THEN
            INSERT INTO tamper.act VALUES (i, kind, expected, found);
        END;
        IF i % 500 = 0 THEN
            COMMIT;
        END IF;
    END LOOP;
END $$;

SELECT bool_and(ok) AS sound_before, count(*) - 1 AS blocks FROM calib.verify();
SELECT count(*) AS sealed_rows FROM tamper.sealed;
SELECT setseed(:seed);
CALL tamper.acts(:acts);
SELECT bool_and(ok) AS sound_after FROM calib.verify();

-- Found: every row expected is named with its block. A row moved to where no
-- block is (by its transaction or era) is named a second time, without one.
CREATE VIEW tamper.judged AS
SELECT *, expected <@ found AS localised,
    (SELECT bool_and(f = ANY (expected) OR split_part(f, '/', 2) = ANY (SELECT split_part(e, '/', 2) FROM unnest(expected) e)) FROM unnest(found) f) AS nothing_else
FROM tamper.act;
SELECT CASE WHEN kind LIKE 'change%' THEN regexp_replace(kind, ' [a-z_]+$', '') ELSE kind END AS act, count(*) AS acts,
    count(*) FILTER (WHERE found <> '{}') AS detected, count(*) FILTER (WHERE localised) AS localised,
    count(*) FILTER (WHERE nothing_else) AS nothing_else_blamed
FROM tamper.judged GROUP BY ROLLUP (1) ORDER BY 1;
SELECT * FROM tamper.judged WHERE NOT localised OR nothing_else IS NOT TRUE LIMIT 10;
DO $$
BEGIN
    IF EXISTS (SELECT FROM tamper.judged WHERE NOT localised OR nothing_else IS NOT TRUE) THEN
        RAISE EXCEPTION 'tampering was missed or misplaced';
    END IF;
END $$;
