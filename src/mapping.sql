-- What a feed's mapping may say: the canonical columns, and every fault at once.
-- See src/mapping.c.

CREATE FUNCTION calib.canonical_columns()
RETURNS TABLE (destination text, place integer, canonical text, type text, required boolean)
LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 60
AS 'MODULE_PATHNAME', 'calib_canonical_columns';
COMMENT ON FUNCTION calib.canonical_columns() IS
'What a feed may say of a fact, per destination: the columns a mapping names, their type, and whether it must. The first of each is the fact''s key.';

CREATE FUNCTION calib.check_expression(expression text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'calib_check_expression';
COMMENT ON FUNCTION calib.check_expression(text) IS
'Raises 42601 unless a text, parsed alone, is exactly one expression: no second one, no FROM or WHERE, no name, nothing left open.';
REVOKE EXECUTE ON FUNCTION calib.check_expression(text) FROM PUBLIC;

CREATE FUNCTION calib.ask_source(feed_id bigint, query text, argument text[]) RETURNS SETOF text
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE ROWS 1000
AS 'MODULE_PATHNAME', 'calib_ask_source';
COMMENT ON FUNCTION calib.ask_source(bigint, text, text[]) IS
'The one column, of type text, of a query on a feed''s source, run as its mapping is: as the owner who attached it (42501 where the source has another), in a security-restricted operation with pinned settings. $1 is argument.';
REVOKE EXECUTE ON FUNCTION calib.ask_source(bigint, text, text[]) FROM PUBLIC;

-- PostgreSQL itself tells what is wrong: it plans the expression over the source as
-- the owner and reads no row. In a WHERE no aggregate, window or set-returning
-- function may stand; the row has its columns, none of the system's.
CREATE FUNCTION calib.expression_fault(source regclass, expression text, wanted text) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $$
BEGIN
    PERFORM calib.check_expression($2);
    PERFORM calib.run_as_owner($1, format(E'SELECT FROM (SELECT * FROM ONLY %s) AS %I WHERE (%s\n)%s LIMIT 0',
        $1, (SELECT c.relname FROM pg_class c WHERE c.oid = $1), $2, $3));
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE ~ '^(40|53|54|55|57|58|XX)' THEN
        RAISE;
    END IF;
    RETURN regexp_replace(SQLERRM, ' in WHERE$', '');
END $$;
COMMENT ON FUNCTION calib.expression_fault(regclass, text, text) IS
'What is wrong with an expression over the rows of a source; NULL: nothing. wanted: what follows it to make a condition of it, ::type IS NOT NULL or IS TRUE.';
REVOKE EXECUTE ON FUNCTION calib.expression_fault(regclass, text, text) FROM PUBLIC;

CREATE FUNCTION calib.mapping_faults(destination text, source regclass, mapping jsonb, filter text) RETURNS SETOF text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    mapped record;
    fault text;
BEGIN
    IF jsonb_typeof($3) IS DISTINCT FROM 'object' THEN
        RETURN NEXT 'the mapping is no JSON object of columns and expressions';
        RETURN;
    END IF;
    RETURN QUERY
    SELECT format('"%s" is missing', c.canonical) FROM calib.canonical_columns() c
    WHERE c.destination = $1 AND c.required AND NOT $3 ? c.canonical ORDER BY c.place;
    FOR mapped IN
        SELECT m.key AS name, $3 ->> m.key AS expression, jsonb_typeof($3 -> m.key) AS kind, c.type
        FROM jsonb_object_keys($3) AS m (key)
        LEFT JOIN calib.canonical_columns() c ON c.destination = $1 AND c.canonical = m.key
        ORDER BY c.place, m.key
    LOOP
        fault := CASE
            WHEN mapped.type IS NULL THEN format('there is no such column of destination %s', $1)
            WHEN mapped.kind <> 'string' THEN 'the expression is no text'
            ELSE calib.expression_fault($2, mapped.expression, format('::%s IS NOT NULL', mapped.type)) END;
        IF fault IS NOT NULL THEN
            RETURN NEXT format('"%s": %s', mapped.name, fault);
        END IF;
    END LOOP;
    fault := CASE WHEN $4 IS NOT NULL THEN calib.expression_fault($2, $4, ' IS TRUE') END;
    IF fault IS NOT NULL THEN
        RETURN NEXT 'filter: ' || fault;
    END IF;
END $$;
COMMENT ON FUNCTION calib.mapping_faults(text, regclass, jsonb, text) IS
'Everything that is wrong with a mapping and its filter, a line each.';
REVOKE EXECUTE ON FUNCTION calib.mapping_faults(text, regclass, jsonb, text) FROM PUBLIC;
