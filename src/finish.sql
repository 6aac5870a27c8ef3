-- The last part: seeds that the trail should show, and the tools of this script.

SELECT calib.keep_in_dump('calib.holiday', seeded => true);

-- The triggers this script made, as they must stand: what calib.rearm() goes by.
INSERT INTO calib.own_trigger (relation, trigger, function, definition, enabled)
SELECT t.tgrelid, t.tgname, t.tgfoid::pg_catalog.regprocedure::pg_catalog.text, pg_catalog.pg_get_triggerdef(t.oid), t.tgenabled
FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.tgrelid
WHERE c.relnamespace OPERATOR(pg_catalog.=) 'calib'::pg_catalog.regnamespace AND NOT t.tgisinternal;

-- What psql lists by \dx+ and \ds+ says what it is for: identities' sequences have no
-- statement of their own to say it at.
DO $$
DECLARE
    column_of record;
BEGIN
    FOR column_of IN
        SELECT s.oid::pg_catalog.regclass AS sequence, d.refobjid::pg_catalog.regclass AS relation, a.attname
        FROM pg_catalog.pg_class s
        JOIN pg_catalog.pg_depend d ON d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
         AND d.objid OPERATOR(pg_catalog.=) s.oid AND d.deptype OPERATOR(pg_catalog.=) 'i'
        JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) d.refobjid AND a.attnum OPERATOR(pg_catalog.=) d.refobjsubid
        WHERE s.relkind OPERATOR(pg_catalog.=) 'S' AND s.relnamespace OPERATOR(pg_catalog.=) 'calib'::pg_catalog.regnamespace
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON SEQUENCE %s IS %L', column_of.sequence,
            pg_catalog.format('Numbers %s of %s.', column_of.attname, column_of.relation));
    END LOOP;
END $$;

DROP FUNCTION calib.keep_in_dump(regclass, boolean);
DROP FUNCTION calib.make_append_only(regclass, boolean);
DROP FUNCTION calib.put_on_trail(regclass);
