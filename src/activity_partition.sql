-- The partitions of calib.activity, a month each: made ahead, and dropped when they are
-- older than the organisation keeps them.

-- Indexes ------------------------------------------------------------------------

-- Of each partition. A room that searches activities another way adds its line.
CREATE FUNCTION calib.activity_indexes() RETURNS TABLE (suffix text, definition text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 6
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    VALUES ('unit', '(unit_id, occurred_at)'),
           ('opportunity', '(opportunity_id, occurred_at)'),
           -- what is due
           ('due', '(unit_id, due_at) WHERE due_at IS NOT NULL'),
           -- freshness
           ('recorded', 'USING brin (recorded_at) WITH (autosummarize = on)');
END;
COMMENT ON FUNCTION calib.activity_indexes() IS
'The indexes each partition of calib.activity has beside its primary key: the end of the name, and what follows ON table in CREATE INDEX.';

CREATE FUNCTION calib.index_activities(leaf regclass) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name text := (SELECT c.relname FROM pg_class c WHERE c.oid = $1);
    wanted record;
BEGIN
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I PRIMARY KEY (source, external_id)', $1, name || '_pkey');
    FOR wanted IN SELECT i.suffix, i.definition FROM calib.activity_indexes() i LOOP
        EXECUTE format('CREATE INDEX %I ON %s %s', name || '_' || wanted.suffix, $1, wanted.definition);
    END LOOP;
END $$;
COMMENT ON FUNCTION calib.index_activities(regclass) IS
'Gives a partition of calib.activity its primary key and its indexes.';
REVOKE EXECUTE ON FUNCTION calib.index_activities(regclass) FROM PUBLIC;

-- TRUNCATE fires no row trigger, and a parent's statement trigger not for a partition
-- that is named itself: each has its own.
CREATE FUNCTION calib.keep_activity_key_truncate() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = TG_RELID AND i.inhparent = 'calib.activity'::regclass) THEN
        RAISE EXCEPTION USING ERRCODE = '39P01',
            MESSAGE = 'function calib.keep_activity_key_truncate keeps partitions of calib.activity only';
    END IF;
    IF NOT calib.restoring() THEN
        EXECUTE format('DELETE FROM calib.activity_key k USING ONLY %s a
            WHERE k.source = a.source AND k.external_id = a.external_id', TG_RELID::regclass);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION calib.keep_activity_key_truncate() IS
'Trigger: with the activities of a partition that is truncated go their keys.';
REVOKE EXECUTE ON FUNCTION calib.keep_activity_key_truncate() FROM PUBLIC;

CREATE FUNCTION calib.watch_truncate(leaf regclass) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER keep_activity_key_truncate BEFORE TRUNCATE ON %s
        FOR EACH STATEMENT EXECUTE FUNCTION calib.keep_activity_key_truncate()', $1);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER keep_activity_key_truncate', $1);
    EXECUTE format('CREATE TRIGGER mark_activity_truncate AFTER TRUNCATE ON %s
        FOR EACH STATEMENT EXECUTE FUNCTION calib.mark_activity()', $1);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER mark_activity_truncate', $1);
END $$;
COMMENT ON FUNCTION calib.watch_truncate(regclass) IS
'Gives a partition of calib.activity its trigger of TRUNCATE.';
REVOKE EXECUTE ON FUNCTION calib.watch_truncate(regclass) FROM PUBLIC;

-- The default partition ------------------------------------------------------------

-- Takes what has no month's partition, so that nothing is refused for want of one.
CREATE TABLE calib.activity_default PARTITION OF calib.activity DEFAULT;
COMMENT ON TABLE calib.activity_default IS
'Activities of months that have no partition (yet); read and written as calib.activity.';
SELECT calib.keep_in_dump('calib.activity_default');
DO $$
DECLARE
    told record;
BEGIN
    FOR told IN
        SELECT a.attname, col_description(a.attrelid, a.attnum) AS is FROM pg_attribute a
        WHERE a.attrelid = 'calib.activity'::regclass AND a.attnum > 0 AND NOT a.attisdropped
    LOOP
        EXECUTE format('COMMENT ON COLUMN calib.activity_default.%I IS %L', told.attname, told.is);
    END LOOP;
END $$;
SELECT calib.index_activities('calib.activity_default');
SELECT calib.watch_truncate('calib.activity_default');

-- Months ---------------------------------------------------------------------------

CREATE FUNCTION calib.activity_leaves() RETURNS TABLE (leaf regclass, from_at timestamptz, to_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 30
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET datestyle = 'ISO'
BEGIN ATOMIC
    SELECT b.leaf, b.bound[1]::timestamptz, b.bound[2]::timestamptz
    FROM (SELECT c.oid::regclass AS leaf, regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''(.*)''\) TO \(''(.*)''\)') AS bound
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
          WHERE i.inhparent = 'calib.activity'::regclass) b
    WHERE b.bound IS NOT NULL
    ORDER BY 2;
END;
COMMENT ON FUNCTION calib.activity_leaves() IS
'The partitions of calib.activity but the default one, and the time each is for: from_at up to, not including, to_at.';

-- Rows come to the new table before it is a partition, and leave the default one while
-- no trigger is awake: to calib they stay where they are. Whoever writes meanwhile waits.
CREATE FUNCTION calib.move_from_default(leaf regclass, from_at timestamptz, to_at timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET calib.restoring = on
SET session_replication_role = replica
AS $$
DECLARE
    moved bigint;
    columns text := (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
                     WHERE a.attrelid = 'calib.activity'::regclass AND a.attnum > 0 AND NOT a.attisdropped);
BEGIN
    EXECUTE format('INSERT INTO %s (%s) SELECT %s FROM ONLY calib.activity_default d
        WHERE d.occurred_at >= $1 AND d.occurred_at < $2', $1, columns, columns) USING $2, $3;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved > 0 THEN
        DELETE FROM ONLY calib.activity_default d WHERE d.occurred_at >= $2 AND d.occurred_at < $3;
    END IF;
    RETURN moved;
END $$;
COMMENT ON FUNCTION calib.move_from_default(regclass, timestamptz, timestamptz) IS
'Moves the activities of a time from the default partition to a table that is about to be a partition, past all triggers; returns how many.';
REVOKE EXECUTE ON FUNCTION calib.move_from_default(regclass, timestamptz, timestamptz) FROM PUBLIC;

-- From where the month before ends to where the month after begins: those may have been
-- made while the organisation had another time zone. NULL where nothing is left.
CREATE FUNCTION calib.month_span(month date, OUT from_at timestamptz, OUT to_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH span AS (
        SELECT calib.start_of(month_span.month) AS from_at, calib.start_of((month_span.month + interval '1 month')::date) AS to_at
    ), between AS (
        SELECT coalesce((SELECT max(l.to_at) FROM calib.activity_leaves() l
                         WHERE l.from_at <= s.from_at AND l.to_at > s.from_at - interval '26 hours'), s.from_at) AS from_at,
               coalesce((SELECT min(l.from_at) FROM calib.activity_leaves() l
                         WHERE l.from_at > s.from_at AND l.from_at < s.to_at + interval '26 hours'), s.to_at) AS to_at
        FROM span s
    )
    SELECT CASE WHEN b.from_at < b.to_at THEN b.from_at END, CASE WHEN b.from_at < b.to_at THEN b.to_at END FROM between b;
END;
COMMENT ON FUNCTION calib.month_span(date) IS
'The time a partition of a month (its first day) would be for; NULL: other partitions have it.';
REVOKE EXECUTE ON FUNCTION calib.month_span(date) FROM PUBLIC;

CREATE FUNCTION calib.make_partition(month date) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
SET datestyle = 'ISO'
AS $$
DECLARE
    leaf text := format('calib.%I', 'activity_' || to_char($1, 'YYYY_MM'));
    span record;
BEGIN
    IF to_regclass(leaf) IS NOT NULL OR (SELECT s.from_at IS NULL FROM calib.month_span($1) s) THEN
        RETURN false;
    END IF;
    -- who is told the default partition, and comes to it when the month has its own, would
    -- be refused (23514): who writes waits before
    LOCK TABLE ONLY calib.activity IN SHARE ROW EXCLUSIVE MODE;
    LOCK TABLE ONLY calib.activity_default IN ACCESS EXCLUSIVE MODE;
    -- somebody may have made it meanwhile, or retention have dropped what it is for
    span := calib.month_span($1);
    IF to_regclass(leaf) IS NOT NULL OR span.from_at IS NULL OR span.from_at < calib.activity_kept_from() THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %s (LIKE calib.activity INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS)', leaf);
    EXECUTE format('COMMENT ON TABLE %s IS %L', leaf,
        format('Activities of %s; read and written as calib.activity.', to_char($1, 'YYYY-MM')));
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', leaf);
    PERFORM calib.move_from_default(leaf::regclass, span.from_at, span.to_at);
    PERFORM calib.index_activities(leaf::regclass);
    EXECUTE format('ALTER TABLE calib.activity ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', leaf, span.from_at, span.to_at);
    PERFORM calib.watch_truncate(leaf::regclass);
    RETURN true;
END $$;
COMMENT ON FUNCTION calib.make_partition(date) IS
'Makes the partition of a month (its first day), with what the default one has of it; false where there is one. Internal.';
REVOKE EXECUTE ON FUNCTION calib.make_partition(date) FROM PUBLIC;

-- A stray date must not make a table: of what lies in the default partition those months
-- get one that began in the last ten years, or are wanted anyway.
CREATE FUNCTION calib.months_in_default(before_day date) RETURNS SETOF date
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 12
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    SELECT DISTINCT date_trunc('month', d.occurred_at AT TIME ZONE o.zone)::date
    FROM ONLY calib.activity_default d CROSS JOIN calib.organisation o
    WHERE d.occurred_at >= calib.start_of(($1 - interval '10 years')::date) AND d.occurred_at < calib.start_of($1)
      AND d.occurred_at >= calib.activity_kept_from();
END $$;
COMMENT ON FUNCTION calib.months_in_default(date) IS
'First days of the months before a day, ten years back, of which the default partition has activities that are kept.';
REVOKE EXECUTE ON FUNCTION calib.months_in_default(date) FROM PUBLIC;

-- Each month by itself: where somebody holds the table for longer than we wait, so that
-- all others would wait behind us, the month is left for the next run.
CREATE FUNCTION calib.make_months(from_day date, to_day date) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1s'
AS $$
DECLARE
    wanted date;
    made bigint := 0;
BEGIN
    FOR wanted IN
        SELECT g.at::date FROM generate_series(date_trunc('month', $1::timestamp), ($2 - 1)::timestamp, interval '1 month') AS g (at)
        WHERE calib.start_of(g.at::date) >= calib.activity_kept_from()
        UNION
        SELECT m.day FROM calib.months_in_default($2) AS m (day)
        ORDER BY 1
    LOOP
        BEGIN
            made := made + calib.make_partition(wanted)::integer;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            RAISE WARNING 'the partition of % waits for the next run: %', to_char(wanted, 'YYYY-MM'), SQLERRM;
            EXIT;
        END;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION calib.make_months(date, date) IS
'What calib.make_partitions does. Internal.';
REVOKE EXECUTE ON FUNCTION calib.make_months(date, date) FROM PUBLIC;

CREATE FUNCTION calib.make_partitions(from_day date DEFAULT NULL, to_day date DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    first date := coalesce($1, calib.today());
    last date := coalesce($2, (date_trunc('month', greatest(first, calib.today())) + interval '4 months')::date);
BEGIN
    PERFORM calib.require_duty('{admin}', NULL, 'make partitions');
    IF NOT isfinite(first) OR NOT isfinite(last) OR first < '0001-01-01' OR last > '10000-01-01' OR last < first OR last > first + 3660 THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'partitions are made for days in order, at most ten years of them',
            DETAIL = format('From %s up to %s.', first, last);
    END IF;
    RETURN calib.make_months(first, last);
END $$;
COMMENT ON FUNCTION calib.make_partitions(date, date) IS
'Makes the monthly partitions of calib.activity for the days [from_day, to_day), and for what the default one holds of the ten years before to_day; returns how many. NULL: this month and the three after it. A month somebody keeps locked for a second is left with a warning. Duty admin for everyone (42501); days reversed, infinite, or over ten years: 22023. The job maintain calls it.';

-- Retention ------------------------------------------------------------------------

-- What a week keeps of an activity does not say for which opportunity it was.
CREATE TABLE calib.opportunity_day (
    opportunity_id bigint NOT NULL REFERENCES calib.opportunity ON DELETE CASCADE,
    day date NOT NULL,
    PRIMARY KEY (opportunity_id, day)
);
COMMENT ON TABLE calib.opportunity_day IS
'Days on which something was done for an opportunity, of activities that retention dropped: the conversion of their periods still counts it as worked. Filled by the job maintain alone.';
COMMENT ON COLUMN calib.opportunity_day.opportunity_id IS 'The opportunity.';
COMMENT ON COLUMN calib.opportunity_day.day IS 'Day in organisation time.';
SELECT calib.keep_in_dump('calib.opportunity_day');

-- Of opportunities that are there, and stay while we are at it: of those on their way out
-- nothing is kept.
CREATE FUNCTION calib.keep_opportunity_days(leaf regclass, before timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('INSERT INTO calib.opportunity_day (opportunity_id, day)
        SELECT o.opportunity_id, d.day
        FROM (SELECT DISTINCT a.opportunity_id, calib.day_of(a.occurred_at) AS day FROM ONLY %s a
              WHERE a.opportunity_id IS NOT NULL AND a.occurred_at < $1) d
        JOIN calib.opportunity o ON o.opportunity_id = d.opportunity_id
        FOR KEY SHARE OF o
        ON CONFLICT DO NOTHING', $1) USING $2;
END $$;
COMMENT ON FUNCTION calib.keep_opportunity_days(regclass, timestamptz) IS
'Keeps, of activities of before a moment that are about to be dropped from a partition, on which days they were for which opportunity. Internal.';
REVOKE EXECUTE ON FUNCTION calib.keep_opportunity_days(regclass, timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.note_dropped_behind_door(kept_from timestamptz, facts bigint) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO calib.activity_dropped (kept_from, facts, dropped_at) VALUES ($1, $2, calib.clock());
END $$;
COMMENT ON FUNCTION calib.note_dropped_behind_door(timestamptz, bigint) IS 'What calib.note_dropped does.';
REVOKE EXECUTE ON FUNCTION calib.note_dropped_behind_door(timestamptz, bigint) FROM PUBLIC;
CREATE FUNCTION calib.note_dropped(kept_from timestamptz, facts bigint) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'calib_call_through_door';
COMMENT ON FUNCTION calib.note_dropped(timestamptz, bigint) IS 'Notes what retention dropped. Internal.';
REVOKE EXECUTE ON FUNCTION calib.note_dropped(timestamptz, bigint) FROM PUBLIC;

CREATE FUNCTION calib.drop_from_default(before timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET calib.restoring = on
SET session_replication_role = replica
AS $$
DECLARE
    dropped bigint;
BEGIN
    WITH gone AS (
        DELETE FROM ONLY calib.activity_default d WHERE d.occurred_at < $1 RETURNING d.source, d.external_id
    ), forgotten AS (
        DELETE FROM calib.activity_key k USING gone g WHERE k.source = g.source AND k.external_id = g.external_id
    )
    SELECT count(*) INTO dropped FROM gone;
    RETURN dropped;
END $$;
COMMENT ON FUNCTION calib.drop_from_default(timestamptz) IS
'Deletes activities of before a moment from the default partition, with their keys, past all triggers; returns how many. Internal.';
REVOKE EXECUTE ON FUNCTION calib.drop_from_default(timestamptz) FROM PUBLIC;

-- No reader may be in calib.activity at all, and nobody who names a partition in these.
-- Who changed one of the old activities before we had them has marked the day.
CREATE FUNCTION calib.drop_partitions(leaves regclass[], kept_from timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    leaf regclass;
BEGIN
    LOCK TABLE ONLY calib.activity IN ACCESS EXCLUSIVE MODE;
    -- what somebody has detached is theirs
    IF EXISTS (SELECT unnest($1) EXCEPT SELECT l.leaf FROM calib.activity_leaves() l) THEN
        RAISE EXCEPTION USING ERRCODE = 'lock_not_available', MESSAGE = 'a partition was detached';
    END IF;
    FOREACH leaf IN ARRAY $1 || 'calib.activity_default'::regclass LOOP
        EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', leaf);
    END LOOP;
    IF calib.may_drop_before(calib.day_of($2)) < calib.day_of($2) THEN
        RAISE EXCEPTION USING ERRCODE = 'lock_not_available',
            MESSAGE = format('activities of before %s wait to be summed up', $2);
    END IF;
    FOREACH leaf IN ARRAY $1 LOOP
        EXECUTE format('DROP TABLE %s', leaf);
    END LOOP;
END $$;
COMMENT ON FUNCTION calib.drop_partitions(regclass[], timestamptz) IS
'Drops partitions of calib.activity that are older than what is kept, if all of before it is summed up (else 55P03). Internal.';
REVOKE EXECUTE ON FUNCTION calib.drop_partitions(regclass[], timestamptz) FROM PUBLIC;

-- What takes long comes first, while everybody reads and writes activities; the tables
-- last. Where we and a writer wait for one another it is we who give way, for our patience
-- is shorter than is usual.
CREATE FUNCTION calib.drop_old_activities(as_of timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1s'
SET deadlock_timeout = '10ms'
AS $$
DECLARE
    months integer;
    kept_from timestamptz;
    leaves regclass[];
    last_to timestamptz;
    leaf regclass;
    dropped bigint;
    forgotten bigint;
BEGIN
    SELECT o.activity_months INTO months FROM calib.organisation o;
    IF months IS NULL THEN
        RETURN 0;
    END IF;
    -- A rollup between what it found marked and what it reads would find nothing to read,
    -- and store that.
    PERFORM calib.lock_summaries('retention');
    kept_from := calib.start_of(date_trunc('month', calib.may_drop_before(
        (date_trunc('month', calib.day_of($1)) - make_interval(months => months))::date))::date);
    -- nobody makes a month of what is about to go
    LOCK TABLE ONLY calib.activity_default IN ROW EXCLUSIVE MODE;
    SELECT coalesce(array_agg(l.leaf ORDER BY l.to_at), '{}'), max(l.to_at) INTO leaves, last_to
    FROM calib.activity_leaves() l WHERE l.to_at <= kept_from;
    kept_from := greatest(kept_from, calib.activity_kept_from());
    FOREACH leaf IN ARRAY leaves || 'calib.activity_default'::regclass LOOP
        PERFORM calib.keep_opportunity_days(leaf, kept_from);
    END LOOP;
    dropped := calib.drop_from_default(kept_from);
    IF kept_from > calib.activity_kept_from() THEN
        DELETE FROM calib.activity_key k WHERE k.occurred_at < last_to;
        GET DIAGNOSTICS forgotten = ROW_COUNT;
        dropped := dropped + forgotten;
        PERFORM calib.drop_partitions(leaves, kept_from);
        -- in the same transaction: a fact that finds its month gone finds this, too
        PERFORM calib.note_dropped(kept_from, dropped);
    END IF;
    RETURN dropped;
EXCEPTION WHEN lock_not_available OR deadlock_detected OR serialization_failure THEN
    -- the last: one of them went home to its month while we waited for it
    RAISE WARNING 'activities older than % months wait for the next run: %', months, SQLERRM;
    RETURN 0;
END $$;
COMMENT ON FUNCTION calib.drop_old_activities(timestamptz) IS
'Drops activities older than calib.organisation.activity_months as of a time, by whole months; returns how many. Where somebody keeps calib.activity or one of their opportunities for longer than a second, sums them up, or marks a day of theirs meanwhile, they stay until the next run. READ COMMITTED only (25001). Internal.';
REVOKE EXECUTE ON FUNCTION calib.drop_old_activities(timestamptz) FROM PUBLIC;
