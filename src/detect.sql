-- Detection: opens deviations for what is found, and ends those that went away.

CREATE TABLE calib.detection (
    as_of timestamptz PRIMARY KEY CHECK (isfinite(as_of)),
    opened bigint NOT NULL,
    observed bigint NOT NULL,
    acted bigint NOT NULL,
    recovered bigint NOT NULL
);
COMMENT ON TABLE calib.detection IS
'The detections run. Detection goes forward only: one at or before the newest does nothing.';
COMMENT ON COLUMN calib.detection.as_of IS 'The time looked at.';
COMMENT ON COLUMN calib.detection.opened IS 'Deviations opened, and told.';
COMMENT ON COLUMN calib.detection.observed IS 'Deviations opened in silence, for a pilot.';
COMMENT ON COLUMN calib.detection.acted IS 'Ended by a filing that no detection had seen yet.';
COMMENT ON COLUMN calib.detection.recovered IS 'Ended because they went away by themselves.';
SELECT calib.keep_in_dump('calib.detection');

CREATE INDEX deviation_unit ON calib.deviation (unit_id, kind);
CREATE INDEX deviation_naming ON calib.deviation USING gin (units) WHERE units IS NOT NULL;

-- What stands already ---------------------------------------------------------------

-- A quarter and its months are one problem, not four.
CREATE FUNCTION calib.overlaps(finding calib.finding, grain text, period_start date) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ($1).period_start < calib.period_end($3, $2) AND calib.period_end(($1).period_start, ($1).grain) > $3;
COMMENT ON FUNCTION calib.overlaps(calib.finding, text, date) IS
'Whether what was found is about a period that overlaps another. Internal.';
REVOKE EXECUTE ON FUNCTION calib.overlaps(calib.finding, text, date) FROM PUBLIC;

CREATE FUNCTION calib.standing(finding calib.finding, kind text, line bigint[], as_of timestamptz, reopen_days integer) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM calib.deviation d
        WHERE d.ending IS NULL AND d.kind = $2 AND d.subject = ($1).subject AND d.observed = ($1).observed
          AND (d.unit_id = ($1).unit_id OR d.units && $3)
          AND d.measure = ($1).measure AND d.product_line = ($1).product_line
          -- what is not about a target is one problem, whatever the quarter
          AND (d.measure = '' OR calib.overlaps($1, d.grain, d.period_start)))
    THEN
        RETURN 'open';
    END IF;
    IF EXISTS (
        SELECT FROM calib.deviation d
        WHERE d.ending IN ('acted', 'dismissed') AND d.kind = $2 AND d.subject = ($1).subject AND d.observed = ($1).observed
          AND (d.unit_id = ($1).unit_id OR d.units && $3)
          AND d.measure = ($1).measure AND d.product_line = ($1).product_line
          AND (d.grain = ($1).grain OR calib.overlaps($1, d.grain, d.period_start))
          -- in seconds: reopen_days may be any number, where it means never
          AND extract(epoch FROM $4 - d.ended_at) < 86400::bigint * $5)
    THEN
        RETURN 'rests';
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION calib.standing(calib.finding, text, bigint[], timestamptz, integer) IS
'Whether a deviation of this kind is not to be opened for what was found: open, one of the unit is or one names it or a unit above it (line: itself and those above), of this period or one that overlaps it; rests, one was acted on or dismissed within reopen_days. Else NULL. Internal.';
REVOKE EXECUTE ON FUNCTION calib.standing(calib.finding, text, bigint[], timestamptz, integer) FROM PUBLIC;

-- Folding -----------------------------------------------------------------------------

-- One deviation of the parent in place of one of each child: where more than half of
-- the children call for the same, or the market-wide case holds. Counted are the
-- children's own diagnoses; those that have one already, or rest, are not named.
CREATE FUNCTION calib.fold(as_of timestamptz, findings calib.finding[]) RETURNS SETOF calib.finding
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    WITH line AS MATERIALIZED (
        SELECT a.unit_id, array_agg(a.ancestor_id) AS units
        FROM calib.unit_ancestors(calib.day_of($1)) a GROUP BY a.unit_id
    ), policy AS MATERIALIZED (
        SELECT p.unit_id, p.reopen_days FROM calib.policy_at(calib.day_of($1)) p
    ), found AS MATERIALIZED (
        SELECT f AS finding, f.*, l.units AS line, p.reopen_days
        FROM unnest($2) f JOIN line l USING (unit_id) JOIN policy p USING (unit_id)
        WHERE f.observed IS NOT NULL AND f.measure <> ''
    ), pool AS (
        SELECT f.parent_id, f.observed, f.measure, f.product_line, f.grain, f.period_start, f.pool, count(*) AS children,
               row_number() OVER (PARTITION BY f.parent_id, f.observed, f.measure, f.product_line, f.grain, f.period_start
                                  ORDER BY count(*) DESC, f.pool) AS rank
        FROM found f
        WHERE f.parent_id IS NOT NULL AND f.missed IS NOT NULL
        GROUP BY f.parent_id, f.observed, f.measure, f.product_line, f.grain, f.period_start, f.pool
    ), below AS (
        -- each child beside its parent, which is in the loop in the same way
        SELECT above.unit_id AS above_id, above.finding AS above,
               g.children, f.*,
               CASE WHEN above.reason_code = 'market_wide' AND above.kind IS NOT NULL
                    THEN CASE WHEN f.missed AND coalesce(f.kind, 'environment') = 'environment' THEN 'environment' END
                    ELSE f.kind END AS folds_as,
               coalesce(above.reason_code = 'market_wide' AND above.kind IS NOT NULL, false) AS market_wide
        FROM found f
        JOIN pool g USING (parent_id, observed, measure, product_line, grain, period_start, pool)
        JOIN found above ON above.unit_id = f.parent_id AND above.observed = f.observed AND above.measure = f.measure
         AND above.product_line = f.product_line AND above.grain = f.grain AND above.period_start = f.period_start
        WHERE g.rank = 1 AND f.missed IS NOT NULL AND g.children >= above.min_peers
    ), folded AS (
        SELECT b.above_id, b.above, b.market_wide, b.folds_as, b.children,
               count(*) AS calling, string_agg(b.unit_name, ', ' ORDER BY b.unit_id) AS names,
               array_agg(b.unit_id ORDER BY b.unit_id)
                 FILTER (WHERE calib.standing(b.finding, b.folds_as, b.line, $1, b.reopen_days) IS NULL) AS named,
               jsonb_agg(b.figures ORDER BY b.unit_id) AS figures,
               mode() WITHIN GROUP (ORDER BY b.remedy) AS remedy
        FROM below b
        WHERE b.folds_as IS NOT NULL
        GROUP BY 1, 2, 3, 4, 5
        HAVING b.market_wide OR 2 * count(*) > b.children
    )
    SELECT (f.above).unit_id, (f.above).unit_name, (f.above).parent_id, (f.above).pool, (f.above).min_peers,
           (f.above).measure, (f.above).product_line, (f.above).grain, (f.above).period_start,
           (f.above).observed, (f.above).missed, (f.above).ready, (f.above).places, f.folds_as, '',
           CASE WHEN f.market_wide THEN (f.above).remedy ELSE f.remedy END,
           CASE WHEN f.market_wide THEN (f.above).reason_code ELSE 'below_' || f.folds_as END,
           CASE WHEN f.market_wide THEN (f.above).reason_args
                ELSE jsonb_build_object('calling', f.calling, 'children', f.children, 'names', f.names) END,
           (f.above).figures || jsonb_build_object('below', f.figures), f.named
    FROM folded f
    WHERE f.named IS NOT NULL;
END $$;
COMMENT ON FUNCTION calib.fold(timestamptz, calib.finding[]) IS
'The findings of parents that stand for those of their children, named in units: where more than half of the children with targets (the largest group of one kind and peer group, at least min_peers) call for the same kind, or the market-wide case holds; also of parents whose deviation is open, or rests. Internal.';
REVOKE EXECUTE ON FUNCTION calib.fold(timestamptz, calib.finding[]) FROM PUBLIC;

-- Opening ------------------------------------------------------------------------------

-- In the order in which it is opened: what is opened first is what the rest joins, so
-- parents come before children and large grains before small ones.
CREATE FUNCTION calib.to_open(as_of timestamptz, findings calib.finding[])
RETURNS TABLE (finding calib.finding, line bigint[], rests boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    folded calib.finding[] := ARRAY(SELECT z FROM calib.fold($1, $2) z);
BEGIN
    RETURN QUERY
    WITH line AS MATERIALIZED (
        SELECT a.unit_id, array_agg(a.ancestor_id) AS units
        FROM calib.unit_ancestors(calib.day_of($1)) a GROUP BY a.unit_id
    ), policy AS MATERIALIZED (
        SELECT p.unit_id, p.reopen_days FROM calib.policy_at(calib.day_of($1)) p
    ), call AS (
        SELECT z AS found, z.unit_id FROM unnest(folded) z
        UNION ALL
        -- what a unit carries for those below is one deviation with its own
        SELECT f, f.unit_id
        FROM unnest($2) f
        WHERE f.kind IS NOT NULL AND f.observed IS NOT NULL
          AND NOT EXISTS (SELECT FROM unnest(folded) z WHERE z.unit_id = f.unit_id AND z.measure = f.measure
                          AND z.product_line = f.product_line AND z.grain = f.grain AND z.period_start = f.period_start)
    ), stands AS (
        SELECT c.*, l.units, calib.standing(c.found, (c.found).kind, l.units, $1, p.reopen_days) AS how
        FROM call c JOIN line l USING (unit_id) JOIN policy p USING (unit_id)
    )
    SELECT s.found, s.units, coalesce(s.how = 'rests', false)
    FROM stands s
    -- those that join the ones an open deviation names are told it
    WHERE s.how IS DISTINCT FROM 'open' OR (s.found).units IS NOT NULL
    ORDER BY cardinality(s.units), s.unit_id, (s.found).measure, (s.found).product_line,
             array_position('{year,quarter,month,week}', (s.found).grain), (s.found).kind, (s.found).subject;
END $$;
COMMENT ON FUNCTION calib.to_open(timestamptz, calib.finding[]) IS
'Of what was found, what is to be opened or named by what is open: folded into parents, without what stands already, from the top down; line: its unit and those above; rests: it is not to be opened yet. Internal.';
REVOKE EXECUTE ON FUNCTION calib.to_open(timestamptz, calib.finding[]) FROM PUBLIC;

-- What was done about a unit's miss was done for those below it who share it: while that
-- rests and the unit still calls for it, theirs rests too.
CREATE FUNCTION calib.rests_with(finding calib.finding, resting calib.finding[]) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT FROM unnest(resting) r
        WHERE r.unit_id = (finding).parent_id AND r.kind = (finding).kind AND r.kind IN ('environment', 'execution')
          AND r.observed = (finding).observed AND r.measure = (finding).measure AND r.product_line = (finding).product_line
          AND calib.overlaps(finding, r.grain, r.period_start));
END;
COMMENT ON FUNCTION calib.rests_with(calib.finding, calib.finding[]) IS
'Whether a miss was found in a unit whose parent''s miss, of the same kind, rests. Internal.';
REVOKE EXECUTE ON FUNCTION calib.rests_with(calib.finding, calib.finding[]) FROM PUBLIC;

-- Where a unit carries a miss, that of those next below is not another one, nor is that
-- of units below those it names. What names children for a majority of them goes by those
-- alone, so that it takes in nobody further down.
CREATE FUNCTION calib.join_open(finding calib.finding, line bigint[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    holder calib.deviation;
    joining bigint[];
BEGIN
    SELECT d.* INTO holder
    FROM calib.deviation d
    WHERE d.ending IS NULL AND d.kind = ($1).kind AND d.subject = ($1).subject AND d.observed = ($1).observed
      AND d.measure = ($1).measure AND d.product_line = ($1).product_line
      AND (d.measure = '' OR calib.overlaps($1, d.grain, d.period_start))
      AND (d.unit_id = ($1).unit_id OR d.units && $2
           OR (d.unit_id = ($1).parent_id AND d.kind IN ('environment', 'execution')))
    ORDER BY d.unit_id = ($1).unit_id DESC, coalesce(d.units && $2, false) DESC, d.detected_at, d.deviation_id
    LIMIT 1;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    joining := CASE WHEN holder.unit_id = ($1).unit_id THEN ($1).units
                    WHEN NOT starts_with(coalesce(holder.reason_code, ''), 'below_') THEN ($1).unit_id || ($1).units
                    WHEN holder.unit_id = ($1).parent_id THEN ARRAY[($1).unit_id] END;
    UPDATE calib.deviation d
    SET units = ARRAY(SELECT u FROM unnest(d.units || joining) u GROUP BY u ORDER BY u)
    WHERE d.deviation_id IN (
        SELECT o.deviation_id FROM calib.deviation o
        WHERE o.deviation_id = holder.deviation_id AND o.ending IS NULL AND NOT coalesce(o.units, '{}') @> joining
        -- one that somebody is acting on is his
        FOR NO KEY UPDATE OF o SKIP LOCKED);
    RETURN true;
END $$;
COMMENT ON FUNCTION calib.join_open(calib.finding, bigint[]) IS
'Whether what was found belongs to an open deviation: of its unit, naming it or a unit above it (line), or, where it is a miss, of its parent. That names it then. Internal.';
REVOKE EXECUTE ON FUNCTION calib.join_open(calib.finding, bigint[]) FROM PUBLIC;

CREATE FUNCTION calib.open_found(as_of timestamptz, findings calib.finding[])
RETURNS TABLE (told bigint, in_silence bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    call record;
    resting calib.finding[];
    new calib.deviation;
    within integer;
BEGIN
    told := 0;
    in_silence := 0;
    FOR call IN SELECT o.finding, o.line, o.rests FROM calib.to_open($1, $2) o LOOP
        IF call.rests OR calib.rests_with(call.finding, resting) THEN
            resting := resting || call.finding;
            CONTINUE;
        END IF;
        CONTINUE WHEN calib.join_open(call.finding, call.line);
        INSERT INTO calib.deviation AS d (unit_id, measure, product_line, kind, subject, grain, period_start, detected_at,
            figures, remedy, reason_code, reason_args, units, observed)
        SELECT f.unit_id, f.measure, f.product_line, f.kind, f.subject, f.grain, f.period_start, $1,
               f.figures, nullif(f.remedy, 'none'), f.reason_code, f.reason_args, f.units, f.observed
        FROM (SELECT (call.finding).*) f
        ON CONFLICT DO NOTHING
        RETURNING d.* INTO new;
        CONTINUE WHEN NOT FOUND;
        IF new.observed THEN
            in_silence := in_silence + 1;
            CONTINUE;
        END IF;
        told := told + 1;
        SELECT p.act_within_days INTO within FROM calib.policy_at(calib.day_of($1), new.unit_id) p;
        PERFORM calib.remind(calib.reminder_key(new), new.unit_id, 'manager', 'deviation',
            new.reason_code, new.reason_args, $1, $1 + make_interval(hours => 24 * within));
    END LOOP;
    RETURN NEXT;
END $$;
COMMENT ON FUNCTION calib.open_found(timestamptz, calib.finding[]) IS
'Opens what is to be opened as of a time; returns how many that are told and how many in silence. Internal.';
REVOKE EXECUTE ON FUNCTION calib.open_found(timestamptz, calib.finding[]) FROM PUBLIC;

-- Recovering ----------------------------------------------------------------------------

-- Opened strong, a deviation stays open while its case is weak: what hovers at a line
-- would come and go. One that names children stays while more than half of them do.
CREATE FUNCTION calib.gone(as_of timestamptz, findings calib.finding[]) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    WITH found AS MATERIALIZED (
        SELECT f.* FROM unnest($2) f
    ), open AS (
        SELECT d.* FROM calib.deviation d WHERE d.ending IS NULL AND d.detected_at < $1
    ), looked AS (
        SELECT o.*, u.looked_at, count(*) OVER (PARTITION BY o.deviation_id) AS looks
        FROM open o
        CROSS JOIN LATERAL unnest(CASE WHEN starts_with(o.reason_code, 'below_') THEN o.units ELSE ARRAY[o.unit_id] END) AS u (looked_at)
        WHERE o.kind IN ('environment', 'execution', 'windfall', 'low_conversion', 'shallow_coverage')
    )
    SELECT l.deviation_id
    FROM looked l
    JOIN found f ON f.unit_id = l.looked_at AND f.measure = l.measure AND f.product_line = l.product_line
     AND (f.measure = '' OR (f.grain = l.grain AND f.period_start = l.period_start)) AND f.subject = l.subject
    WHERE f.ready AND l.kind <> ALL (f.places) AND (f.measure <> '') = (l.kind <> 'shallow_coverage')
    GROUP BY l.deviation_id, l.looks
    HAVING 2 * count(*) >= l.looks
    UNION ALL
    SELECT o.deviation_id
    FROM open o
    WHERE o.kind IN ('stale_source', 'rule')
      AND NOT EXISTS (SELECT FROM found f WHERE f.kind = o.kind AND f.subject = o.subject
                      AND (o.kind = 'stale_source' OR f.unit_id = o.unit_id));
END $$;
COMMENT ON FUNCTION calib.gone(timestamptz, calib.finding[]) IS
'The open deviations that are gone by what was found: the unit, or at least half of the units for which it was folded, can be judged and is no longer a case of its kind, not even weakly; a source tells again; a rule no longer holds. Internal.';
REVOKE EXECUTE ON FUNCTION calib.gone(timestamptz, calib.finding[]) FROM PUBLIC;

-- What hovers would come and go for days: a figure must keep away for a while. That a
-- source tells again, or a rule no longer holds, is no figure.
CREATE FUNCTION calib.end_gone(as_of timestamptz, findings calib.finding[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    gone bigint[] := ARRAY(SELECT calib.gone($1, $2));
    before timestamptz := (SELECT max(d.as_of) FROM calib.detection d);
    recovered bigint;
BEGIN
    WITH look AS (
        SELECT o.deviation_id, o.kind, o.gone_since AS since_before, p.recover_days,
               CASE WHEN o.deviation_id = ANY (gone) THEN coalesce(o.gone_since, greatest(o.detected_at, before)) END AS since
        FROM calib.deviation o
        JOIN calib.policy_at(calib.day_of($1)) p ON p.unit_id = o.unit_id
        WHERE o.ending IS NULL AND o.detected_at < $1
          AND (o.gone_since IS NOT NULL OR o.deviation_id = ANY (gone))
        -- one that somebody is acting on is his
        FOR NO KEY UPDATE OF o SKIP LOCKED
    ), judged AS (
        SELECT l.*, coalesce(l.kind IN ('stale_source', 'rule')
                    OR calib.day_of($1) - calib.day_of(l.since) >= l.recover_days, false) AND l.since IS NOT NULL AS ends
        FROM look l
    ), kept AS (
        -- written where it turns, not at every look: each is on the trail
        UPDATE calib.deviation d
        SET gone_since = j.since, ending = CASE WHEN j.ends THEN 'recovered' END, ended_at = CASE WHEN j.ends THEN $1 END
        FROM judged j
        WHERE d.deviation_id = j.deviation_id AND (j.ends OR j.since IS DISTINCT FROM j.since_before)
        RETURNING d.ending
    )
    SELECT count(k.ending) INTO recovered FROM kept k;
    RETURN recovered;
END $$;
COMMENT ON FUNCTION calib.end_gone(timestamptz, calib.finding[]) IS
'Ends as recovered what has been gone for policy recover_days, of the unit and in days of the organisation, or at once where it is a source or a rule; keeps since when the rest is gone. Returns how many it ended. Internal.';
REVOKE EXECUTE ON FUNCTION calib.end_gone(timestamptz, calib.finding[]) FROM PUBLIC;

-- The detection --------------------------------------------------------------------------

CREATE FUNCTION calib.run_detect(as_of timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    findings calib.finding[];
    done calib.detection;
BEGIN
    PERFORM calib.check_as_of($1);
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RAISE EXCEPTION USING ERRCODE = '25001',
            MESSAGE = 'deviations are detected under READ COMMITTED only',
            HINT = 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED first.';
    END IF;
    -- of two at once the second starts when it can see what the first has done
    PERFORM pg_advisory_xact_lock('calib.detection'::regclass::oid::bigint);
    IF EXISTS (SELECT FROM calib.detection d WHERE d.as_of >= $1) THEN
        RETURN 0;
    END IF;
    PERFORM calib.make_reports_counted($1, 'deviation');
    done.as_of := $1;
    done.acted := calib.answer_filed($1);
    findings := ARRAY(SELECT f FROM calib.findings_at($1) f);
    done.recovered := calib.end_gone($1, findings);
    SELECT o.told, o.in_silence INTO done.opened, done.observed FROM calib.open_found($1, findings) o;
    INSERT INTO calib.detection SELECT done.*;
    RETURN done.opened + done.observed;
END $$;
COMMENT ON FUNCTION calib.run_detect(timestamptz) IS
'Job detect: what calib.detect() does, for whoever may run jobs.';
REVOKE EXECUTE ON FUNCTION calib.run_detect(timestamptz) FROM PUBLIC;

CREATE FUNCTION calib.detect(as_of timestamptz DEFAULT calib.clock()) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM calib.require_duty('{admin}', NULL, 'detect deviations');
    RETURN calib.run_detect($1);
END $$;
COMMENT ON FUNCTION calib.detect(timestamptz) IS
'Opens deviations for what is found as of a time in the units whose loop is on, ends those that went away, and returns how many it opened. Goes forward only: at or before the newest detection it does nothing and returns 0. Duty admin for everyone (42501). as_of NULL, infinite or later than calib.clock(): 22023; not under READ COMMITTED: 25001.';
