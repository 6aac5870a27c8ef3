-- The rules on a user's own table of quotas: see src/guard_table.c.

-- A regclass follows a rename and is dumped as a name. A row whose table was
-- dropped is not dumped: in another database its number may be another table's.
CREATE TABLE calib.guarded (
    relation regclass PRIMARY KEY,
    value_column text NOT NULL,
    unit_column text NOT NULL,
    period_column text NOT NULL,
    product_line_column text,
    grain text NOT NULL CHECK (grain IN ('month', 'quarter', 'year')),
    measure text NOT NULL CHECK (measure <> ''),
    guarded_at timestamptz NOT NULL DEFAULT now(),
    guarded_by text NOT NULL
);
COMMENT ON TABLE calib.guarded IS
'Tables of users whose rows are held to the rules, each with its partitions; written by calib.guard_table and calib.unguard_table alone.';
COMMENT ON COLUMN calib.guarded.relation IS 'The table.';
COMMENT ON COLUMN calib.guarded.value_column IS 'Its column with the target''s value.';
COMMENT ON COLUMN calib.guarded.unit_column IS 'Its column with the unit: external_ref, else unit_id.';
COMMENT ON COLUMN calib.guarded.period_column IS 'Its column with a day or time of the period.';
COMMENT ON COLUMN calib.guarded.product_line_column IS 'Its column with the product line; NULL: it has none.';
COMMENT ON COLUMN calib.guarded.grain IS 'month, quarter or year.';
COMMENT ON COLUMN calib.guarded.measure IS 'What its targets count.';
COMMENT ON COLUMN calib.guarded.guarded_at IS 'Since when.';
COMMENT ON COLUMN calib.guarded.guarded_by IS 'The person who asked for it.';
SELECT pg_catalog.pg_extension_config_dump('calib.guarded',
    'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) relation)');

-- One row for each row of a guarded table, under the key as that row writes it:
-- which target mirrors it. A target has one row at most.
CREATE TABLE calib.guarded_row (
    relation regclass NOT NULL REFERENCES calib.guarded ON DELETE CASCADE,
    unit_ref text NOT NULL,
    product_line text NOT NULL,
    period_start date NOT NULL,
    target_id bigint NOT NULL UNIQUE REFERENCES calib.target,
    PRIMARY KEY (relation, unit_ref, product_line, period_start)
);
COMMENT ON TABLE calib.guarded_row IS
'Which target mirrors which row of a guarded table; written by calib''s triggers alone.';
COMMENT ON COLUMN calib.guarded_row.relation IS 'The guarded table.';
COMMENT ON COLUMN calib.guarded_row.unit_ref IS 'The unit as the row names it.';
COMMENT ON COLUMN calib.guarded_row.product_line IS 'The row''s product line; empty: none.';
COMMENT ON COLUMN calib.guarded_row.period_start IS 'First day of the row''s period.';
COMMENT ON COLUMN calib.guarded_row.target_id IS 'The target.';
SELECT pg_catalog.pg_extension_config_dump('calib.guarded_row',
    'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) relation)');

-- Who put a table under guard, and who took it off, is on the trail.
SELECT calib.put_on_trail('calib.guarded');

-- Triggers ----------------------------------------------------------------------

-- Not a definer function: it takes calib's rights for single statements only, so
-- that an update that touches no quota costs next to nothing.
CREATE FUNCTION calib.guard_row() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'calib_guard_row';
COMMENT ON FUNCTION calib.guard_row() IS
'Trigger on guarded tables: does to the mirrored target what was done to the row, by the rules on targets (KC001 to KC008), or refuses. Fires only on tables that calib.guarded names, and their partitions.';
REVOKE EXECUTE ON FUNCTION calib.guard_row() FROM PUBLIC;

CREATE FUNCTION calib.write_back() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'calib_write_back';
COMMENT ON FUNCTION calib.write_back() IS
'Trigger: a target that changes takes its row in a guarded table along, as that table''s owner in a security-restricted operation; KC004 where the table does not take the value.';
REVOKE EXECUTE ON FUNCTION calib.write_back() FROM PUBLIC;
CREATE TRIGGER write_back AFTER UPDATE ON calib.target
    FOR EACH ROW EXECUTE FUNCTION calib.write_back();
ALTER TABLE calib.target ENABLE ALWAYS TRIGGER write_back;

-- The trigger names are src/guard_table.c's, which refuses others. PostgreSQL
-- clones a row trigger to each partition, never one of TRUNCATE; children by
-- inheritance get neither.
CREATE FUNCTION calib.guard_triggers(of_table regclass DEFAULT NULL) RETURNS SETOF calib.expected_trigger
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT e.*
    FROM calib.guarded g
    CROSS JOIN LATERAL calib.leaves(g.relation) WITH ORDINALITY AS l (relid, place)
    CROSS JOIN (VALUES
        (1, 'calib_guard', 'AFTER INSERT OR DELETE OR UPDATE ON %s FOR EACH ROW'),
        (2, 'calib_guard_truncate', 'BEFORE TRUNCATE ON %s FOR EACH STATEMENT')) AS t (n, name, what)
    CROSS JOIN LATERAL calib.expect_trigger(l.relid, t.name, t.what, 'calib.guard_row()') AS e
    WHERE g.relation = coalesce(of_table, g.relation)
    ORDER BY g.relation, l.place, t.n;
END;
COMMENT ON FUNCTION calib.guard_triggers(regclass) IS
'The triggers that guarded tables and their partitions must have, parents first. NULL: all tables.';
REVOKE EXECUTE ON FUNCTION calib.guard_triggers(regclass) FROM PUBLIC;

-- Attaching ---------------------------------------------------------------------

CREATE FUNCTION calib.take_rows(relation regclass) RETURNS bigint
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'calib_take_rows';
COMMENT ON FUNCTION calib.take_rows(regclass) IS
'Takes the baseline of every row of a table in calib.guarded, as if it were inserted now; returns how many. Reads below SQL.';
REVOKE EXECUTE ON FUNCTION calib.take_rows(regclass) FROM PUBLIC;

CREATE FUNCTION calib.guard_table(relation regclass, value_column name, unit_column name, period_column name,
    grain text DEFAULT 'quarter', product_line_column name DEFAULT NULL, measure text DEFAULT 'collection')
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part regclass;
    unknown name;
BEGIN
    PERFORM calib.check_own_table($1, 'guard a table');
    IF num_nulls($2, $3, $4, $5, $7) > 0 THEN
        RAISE EXCEPTION USING ERRCODE = '22004',
            MESSAGE = 'cannot guard a table: value, unit and period column, grain and measure must not be null';
    END IF;
    IF $5 NOT IN ('month', 'quarter', 'year') THEN
        RAISE EXCEPTION USING ERRCODE = '22023',
            MESSAGE = format('unknown grain "%s"', $5), HINT = 'Use month, quarter or year.';
    END IF;
    IF $7 = '' OR (SELECT count(DISTINCT c) <> count(c) FROM unnest(ARRAY[$2, $3, $4, $6]) AS c) THEN
        RAISE EXCEPTION USING ERRCODE = '22023',
            MESSAGE = 'cannot guard a table: the measure is empty, or a column is named twice';
    END IF;
    PERFORM calib.lock_table($1);
    SELECT c INTO unknown FROM unnest(ARRAY[$2, $3, $4, $6]) AS c
    WHERE c IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = $1 AND a.attname = c AND a.attnum > 0 AND NOT a.attisdropped);
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '42703',
            MESSAGE = format('cannot guard a table: %s has no column "%s"', $1, unknown),
            HINT = format('Its columns are %s.', (SELECT string_agg(a.attname, ', ' ORDER BY a.attnum)
                FROM pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped));
    END IF;
    SELECT g.relation INTO part FROM calib.guarded g
    WHERE g.relation <> $1 AND g.relation IN (SELECT l FROM calib.leaves($1) AS l);
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '42710',
            MESSAGE = format('cannot guard a table: %s, a part of %s, is guarded by itself', part, $1),
            HINT = format('SELECT calib.unguard_table(%L) first.', part);
    END IF;
    INSERT INTO calib.guarded (relation, value_column, unit_column, period_column, product_line_column,
        grain, measure, guarded_by)
    VALUES ($1, $2, $3, $4, $6, $5, $7, calib.person()) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '42710',
            MESSAGE = format('table %s is guarded already', $1),
            HINT = 'calib.rearm() mends its triggers; calib.unguard_table() takes them off, and targets stay.';
    END IF;
    PERFORM calib.put_trigger(e) FROM calib.guard_triggers($1) AS e;
    RETURN calib.take_rows($1);
END $$;
COMMENT ON FUNCTION calib.guard_table(regclass, name, name, name, text, name, text) IS
'Puts the hard rules on a table of quotas: each row is mirrored by a target, an UPDATE of the value is an adjustment or fails (KC001 to KC008), and an adjustment filed is written back. Returns the rows taken as baselines. unit_column matches external_ref, else unit_id (23503); values are above 0 (22023), keys unique (23505), and equal to a target that is there (KC004). Takes duty admin for everyone and the table''s ownership (42501); no view, foreign table, temporary table or partition (42809).';

-- Rows may have come or gone through a hole in the triggers, or with a partition that
-- was attached or detached: all are taken anew.
CREATE FUNCTION calib.retake_rows(relation regclass) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM calib.lock_table($1);
    DELETE FROM calib.guarded_row r WHERE r.relation = $1;
    PERFORM calib.take_rows($1);
END $$;
COMMENT ON FUNCTION calib.retake_rows(regclass) IS
'Takes the rows of a guarded table anew; their targets keep their values, and a row that says another one is refused (KC004).';
REVOKE EXECUTE ON FUNCTION calib.retake_rows(regclass) FROM PUBLIC;

CREATE FUNCTION calib.rows_taken(relation regclass) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT count(*) || ' ' || coalesce(sum(hashtextextended(row(r.*)::text, 0)), 0)
    FROM calib.guarded_row r WHERE r.relation = rows_taken.relation;
END;
COMMENT ON FUNCTION calib.rows_taken(regclass) IS
'The rows of a guarded table that are mirrored, as a fingerprint: another one means other rows.';
REVOKE EXECUTE ON FUNCTION calib.rows_taken(regclass) FROM PUBLIC;

CREATE FUNCTION calib.mend_rows(relation regclass, OUT changed boolean, OUT detail text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    before text := calib.rows_taken($1);
BEGIN
    PERFORM calib.retake_rows($1);
    changed := calib.rows_taken($1) <> before;
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE ~ '^(40|53|57|58)' THEN
        RAISE;
    END IF;
    changed := true;
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    detail := SQLERRM || coalesce(': ' || nullif(detail, ''), '');
END $$;
COMMENT ON FUNCTION calib.mend_rows(regclass) IS
'calib.retake_rows for calib.rearm: whether other rows are mirrored now, or the error that stopped it.';
REVOKE EXECUTE ON FUNCTION calib.mend_rows(regclass) FROM PUBLIC;

CREATE FUNCTION calib.unguard_table(relation regclass) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    whole regclass;
BEGIN
    IF $1 IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = '22004', MESSAGE = 'cannot stop guarding a table: no table is named';
    END IF;
    PERFORM calib.check_owner($1, 'stop guarding a table');
    PERFORM calib.lock_table($1, 'ACCESS EXCLUSIVE');
    DELETE FROM calib.guarded g WHERE g.relation = $1;
    IF NOT FOUND THEN
        SELECT g.relation INTO whole FROM calib.guarded g WHERE $1 IN (SELECT l FROM calib.leaves(g.relation) AS l);
        RAISE EXCEPTION USING ERRCODE = '42704',
            MESSAGE = format('table %s is not guarded', $1),
            HINT = CASE WHEN whole IS NULL THEN 'calib.guarded lists the tables that are.'
                ELSE format('It is a part of %s, which is.', whole) END;
    END IF;
    PERFORM calib.drop_triggers($1, 'calib.guard_row()');
    PERFORM calib.revoke_from_owners($1, 'calib.guard_row()');
END $$;
COMMENT ON FUNCTION calib.unguard_table(regclass) IS
'Takes the rules off a table; its targets stay, with their values and adjustments, and hold when it is guarded again. Takes duty admin for everyone and the table''s ownership (42501).';
