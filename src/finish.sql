-- The last part: seeds that the trail should show, and the tools of this script.

SELECT calib.keep_in_dump('calib.holiday', seeded => true);

-- The triggers this script made, as they must stand: what calib.rearm() goes by.
INSERT INTO calib.own_trigger (relation, trigger, function, definition, enabled)
SELECT t.tgrelid, t.tgname, t.tgfoid::pg_catalog.regprocedure::pg_catalog.text, pg_catalog.pg_get_triggerdef(t.oid), t.tgenabled
FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.tgrelid
WHERE c.relnamespace OPERATOR(pg_catalog.=) 'calib'::pg_catalog.regnamespace AND NOT t.tgisinternal;

DROP FUNCTION calib.keep_in_dump(regclass, boolean);
DROP FUNCTION calib.make_append_only(regclass, boolean);
DROP FUNCTION calib.put_on_trail(regclass);
