-- Adapters: what is known of other people's tables, as rows. One call attaches a CRM.
-- The rows are this script's alone: not dumped, as each version brings its own.

CREATE TABLE calib.adapter (
    adapter text PRIMARY KEY CHECK (adapter <> ''),
    label text NOT NULL,
    version_note text
);
COMMENT ON TABLE calib.adapter IS 'CRMs, and versions of one, whose tables calib knows.';
COMMENT ON COLUMN calib.adapter.adapter IS 'Its name.';
COMMENT ON COLUMN calib.adapter.label IS 'Which CRM in which version, and how it came here.';
COMMENT ON COLUMN calib.adapter.version_note IS 'What sets this version apart.';

CREATE TABLE calib.adapter_feed (
    adapter text NOT NULL REFERENCES calib.adapter,
    feed text NOT NULL CHECK (feed <> ''),
    position integer NOT NULL,
    destination text NOT NULL,
    relation text NOT NULL,
    mapping jsonb NOT NULL CHECK (jsonb_typeof(mapping) = 'object'),
    filter text,
    requires jsonb NOT NULL CHECK (jsonb_typeof(requires) = 'object'),
    PRIMARY KEY (adapter, feed),
    UNIQUE (adapter, position)
);
COMMENT ON TABLE calib.adapter_feed IS 'The feeds of an adapter.';
COMMENT ON COLUMN calib.adapter_feed.adapter IS 'The adapter.';
COMMENT ON COLUMN calib.adapter_feed.feed IS 'Second part of the feed''s name; the first is given to calib.attach_crm.';
COMMENT ON COLUMN calib.adapter_feed.position IS 'Order in which they are attached and are to be filled.';
COMMENT ON COLUMN calib.adapter_feed.destination IS 'As in calib.feed.';
COMMENT ON COLUMN calib.adapter_feed.relation IS 'Name of the table in the CRM''s schema.';
COMMENT ON COLUMN calib.adapter_feed.mapping IS 'As in calib.feed; %1$I stands for the CRM''s schema, %% for a percent sign.';
COMMENT ON COLUMN calib.adapter_feed.filter IS 'As in calib.feed; %1$I and %% as in mapping.';
COMMENT ON COLUMN calib.adapter_feed.requires IS 'Tables of the CRM''s schema and the columns that mapping and filter read of each.';

CREATE TABLE calib.adapter_stage (
    adapter text PRIMARY KEY REFERENCES calib.adapter,
    query text NOT NULL
);
COMMENT ON TABLE calib.adapter_stage IS 'How an adapter finds the stages of opportunities.';
COMMENT ON COLUMN calib.adapter_stage.adapter IS 'The adapter.';
COMMENT ON COLUMN calib.adapter_stage.query IS
'Query whose two columns are the stages by name, the first one first, and whether each is an early one; %1$I and %% as in adapter_feed.mapping.';

CREATE FUNCTION calib.adapter_faults(adapter text, schema name, only_feeds text[]) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH needed AS (
        SELECT t.key AS relation, c.attname
        FROM calib.adapter_feed f
        CROSS JOIN LATERAL jsonb_each(f.requires) AS t (key, value)
        CROSS JOIN LATERAL jsonb_array_elements_text(t.value) AS c (attname)
        WHERE f.adapter = adapter_faults.adapter AND (only_feeds IS NULL OR f.feed = ANY (only_feeds))
        GROUP BY t.key, c.attname
    ), found AS (
        SELECT n.relation, n.attname, k.oid AS relid, a.attnum
        FROM needed n
        LEFT JOIN (pg_class k JOIN pg_namespace s ON s.oid = k.relnamespace AND s.nspname = adapter_faults.schema)
            ON k.relname = n.relation AND k.relkind IN ('r', 'p', 'v', 'm', 'f')
        LEFT JOIN pg_attribute a ON a.attrelid = k.oid AND a.attname = n.attname AND a.attnum > 0 AND NOT a.attisdropped
    )
    SELECT CASE WHEN bool_and(f.relid IS NULL)
                THEN format('table %I.%I is missing', adapter_faults.schema, f.relation)
                ELSE format('table %I.%I lacks %s', adapter_faults.schema, f.relation,
                    string_agg(quote_ident(f.attname), ', ' ORDER BY f.attname)) END
    FROM found f
    WHERE f.attnum IS NULL
    GROUP BY f.relation
    ORDER BY f.relation;
END;
COMMENT ON FUNCTION calib.adapter_faults(text, name, text[]) IS
'The tables and columns that an adapter, or some feeds of it, needs and a schema lacks, a line each.';

-- The query reads other people's tables: with the rights of who owns them.
CREATE FUNCTION calib.add_stages(feed_id bigint, query text) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO calib.stage (stage, position, early)
    SELECT q.found ->> 0, (SELECT coalesce(max(s.position), 0) FROM calib.stage s) + row_number() OVER (ORDER BY q.place),
           (q.found ->> 1)::boolean
    FROM (SELECT a.found::jsonb, a.place
          FROM calib.ask_source(add_stages.feed_id,
              format('SELECT jsonb_build_array(q.stage, q.early)::text FROM (%s) AS q (stage, early)', add_stages.query), '{}')
              WITH ORDINALITY AS a (found, place)) q
    WHERE NOT EXISTS (SELECT FROM calib.stage s WHERE s.stage = q.found ->> 0);
END;
COMMENT ON FUNCTION calib.add_stages(bigint, text) IS
'Adds the stages a query tells behind those there are: stage and early, in order. It is run as the mapping of a feed is.';
REVOKE EXECUTE ON FUNCTION calib.add_stages(bigint, text) FROM PUBLIC;

CREATE FUNCTION calib.attach_crm(adapter text, schema name, source text DEFAULT NULL, only_feeds text[] DEFAULT NULL)
RETURNS TABLE (feed text, destination text, relation text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    prefix text := coalesce($3, $1);
    faults text[];
    part record;
    attached bigint;
    of_deals bigint;
BEGIN
    IF num_nulls($1, $2) > 0 THEN
        RAISE EXCEPTION USING ERRCODE = '22004', MESSAGE = 'cannot attach a CRM: adapter and schema must not be null';
    END IF;
    IF NOT EXISTS (SELECT FROM calib.adapter a WHERE a.adapter = $1) THEN
        RAISE EXCEPTION USING ERRCODE = '42704', MESSAGE = format('there is no adapter "%s"', $1),
            HINT = 'calib.adapter lists those that are.';
    END IF;
    PERFORM calib.require_duty('{admin}', NULL, 'attach a CRM');
    faults := ARRAY(SELECT format('there is no feed "%s"', o) FROM unnest($4) AS o
                    WHERE NOT EXISTS (SELECT FROM calib.adapter_feed f WHERE f.adapter = $1 AND f.feed = o))
        || ARRAY(SELECT calib.adapter_faults($1, $2, $4));
    IF faults <> '{}' THEN
        RAISE EXCEPTION USING ERRCODE = 'KC009',
            MESSAGE = format('adapter "%s" does not fit schema "%s"', $1, $2),
            DETAIL = array_to_string(faults, E'\n'),
            HINT = 'Another version has an adapter of its own; name the feeds that fit in only_feeds.';
    END IF;
    FOR part IN
        SELECT prefix || '_' || f.feed AS name, f.* FROM calib.adapter_feed f
        WHERE f.adapter = $1 AND ($4 IS NULL OR f.feed = ANY ($4)) ORDER BY f.position
    LOOP
        attached := calib.attach(part.name, part.destination, format('%I.%I', $2, part.relation)::regclass,
            (SELECT jsonb_object_agg(m.key, format(m.value, $2)) FROM jsonb_each_text(part.mapping) AS m (key, value)),
            format(part.filter, $2));
        of_deals := coalesce(of_deals, CASE WHEN part.destination IN ('opportunity', 'stage_change') THEN attached END);
        feed := part.name;
        destination := part.destination;
        relation := part.relation;
        RETURN NEXT;
    END LOOP;
    PERFORM calib.add_stages(of_deals, format(s.query, $2)) FROM calib.adapter_stage s WHERE s.adapter = $1;
END $$;
COMMENT ON FUNCTION calib.attach_crm(text, name, text, text[]) IS
'Attaches the feeds of an adapter, or some of them, to the tables of a schema, and adds the CRM''s stages behind those there are. The feeds are named source_feed; source is the adapter where it is not given. Tables or columns missing: KC009, the detail names them all, and nothing is attached. Unknown adapter: 42704. Takes duty admin for everyone and the tables'' ownership (42501), as calib.attach does.';
