-- The survey: anonymous answers, and the net promoter score by quarter.
--
-- Nothing says who answered or at what hour, and nothing shows fewer than five
-- answers: neither a unit's nor what is left of one when the units shown below it
-- are taken away.

CREATE TABLE calib.survey_response (
    unit_id bigint NOT NULL REFERENCES calib.unit,
    answered_on date NOT NULL DEFAULT calib.today() CHECK (isfinite(answered_on)),
    score integer NOT NULL CHECK (score BETWEEN 0 AND 10)
);
-- What the planner knows of a table, EXPLAIN tells anybody; so it knows nothing of this
-- one, and there is no index whose cost would tell.
ALTER TABLE calib.survey_response
    ALTER unit_id SET STATISTICS 0, ALTER answered_on SET STATISTICS 0, ALTER score SET STATISTICS 0;
COMMENT ON TABLE calib.survey_response IS
'Answers to "would you recommend us?", anonymous: no person, no hour, no trail. Everybody with a duty over or below the unit enters one for today; nobody reads them but nps_quarterly.';
COMMENT ON COLUMN calib.survey_response.unit_id IS 'The unit the answer is about.';
COMMENT ON COLUMN calib.survey_response.answered_on IS 'The day of the answer: today.';
COMMENT ON COLUMN calib.survey_response.score IS '0 to 10.';
SELECT calib.keep_in_dump('calib.survey_response');

CREATE FUNCTION calib.units_asked() RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH seen AS MATERIALIZED (
        SELECT s.unit_id FROM calib.units_seen() AS s (unit_id)
    )
    SELECT s.unit_id FROM seen s
    UNION
    SELECT a.ancestor_id FROM calib.unit_ancestors() a JOIN seen s ON s.unit_id = a.unit_id;
END;
COMMENT ON FUNCTION calib.units_asked() IS
'The units the caller may answer a survey about: those it holds a duty over, and those above them today.';

-- With quarters cut anew, or reopened by another zone's calendar, the same answers would
-- be shown in other sums, and the differences of those sums are answers of few.
CREATE FUNCTION calib.keep_survey_quarters() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_RELID <> 'calib.organisation'::regclass THEN
        RAISE EXCEPTION USING ERRCODE = '39P01',
            MESSAGE = 'function calib.keep_survey_quarters keeps table calib.organisation only';
    END IF;
    IF calib.restoring() OR (NEW.fiscal_start_month, NEW.zone) = (OLD.fiscal_start_month, OLD.zone)
        OR NOT EXISTS (SELECT FROM calib.survey_response) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'KC007',
        MESSAGE = 'time zone and fiscal year are fixed once a survey was answered',
        DETAIL = 'Quarters cut in another way would show answers that are hidden.',
        HINT = 'Set zone and fiscal_start_month before the first answer.';
END $$;
COMMENT ON FUNCTION calib.keep_survey_quarters() IS
'Trigger: time zone and fiscal year do not change once a survey was answered (KC007).';
REVOKE EXECUTE ON FUNCTION calib.keep_survey_quarters() FROM PUBLIC;
CREATE TRIGGER keep_survey_quarters AFTER UPDATE ON calib.organisation
    FOR EACH ROW EXECUTE FUNCTION calib.keep_survey_quarters();
ALTER TABLE calib.organisation ENABLE ALWAYS TRIGGER keep_survey_quarters;

-- What may be shown.  An answer counts where its unit stood on its day.  A unit whose
-- place changed between its answers is not shown: its whole and the parts of it that
-- its two parents hold would give each other away.  All others are nested, so what
-- anybody can compute are sums of remainders: of each unit shown, what the units shown
-- next below it leave.  A remainder is nobody's or at least five's.  Where it is less,
-- the smallest unit below is hidden too, from the bottom up; what it holds joins the
-- remainder.
CREATE FUNCTION calib.all_nps()
RETURNS TABLE (unit_id bigint, quarter_start date, answers bigint, promoters bigint, passives bigint, detractors bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    least_shown constant bigint := 5;
    quarter record;
    shown boolean[];
    above bigint[];   -- the next unit shown above, as a place in the arrays
    rest bigint[];    -- answers of no unit shown below
    hidden bigint;
BEGIN
    FOR quarter IN
        WITH tree AS MATERIALIZED (
            SELECT t.* FROM calib.unit_tree t
        ), answer AS MATERIALIZED (
            SELECT s.unit_id, s.answered_on,
                   calib.period_start(s.answered_on, 'quarter', o.fiscal_start_month) AS quarter_start,
                   count(*) AS answers, count(*) FILTER (WHERE s.score >= 9) AS promoters,
                   count(*) FILTER (WHERE s.score <= 6) AS detractors
            FROM calib.survey_response s CROSS JOIN calib.organisation o
            GROUP BY 1, 2, 3
        ), counted AS (
            SELECT t.ancestor_id AS unit_id, a.quarter_start,
                   sum(a.answers)::bigint AS answers, sum(a.promoters)::bigint AS promoters,
                   sum(a.detractors)::bigint AS detractors,
                   min(a.answered_on) AS first_day, max(a.answered_on) AS last_day
            FROM answer a
            JOIN tree t ON t.unit_id = a.unit_id
             AND a.answered_on >= coalesce(t.valid_from, a.answered_on)
             AND a.answered_on < coalesce(t.valid_to, a.answered_on + 1)
            WHERE calib.period_end(a.quarter_start, 'quarter') <= calib.today()
            GROUP BY 1, 2
        ), standing AS MATERIALIZED (
            SELECT c.*, row_number() OVER (PARTITION BY c.quarter_start ORDER BY d.depth DESC, c.unit_id) AS place
            FROM counted c
            CROSS JOIN LATERAL (
                SELECT max(t.depth) AS depth FROM tree t
                WHERE t.unit_id = c.unit_id AND c.first_day >= coalesce(t.valid_from, c.first_day)
                  AND c.first_day < coalesce(t.valid_to, c.first_day + 1)) d
            WHERE c.answers >= least_shown
              AND NOT EXISTS (
                SELECT FROM tree t
                WHERE t.unit_id = c.unit_id
                  AND ((t.valid_from > c.first_day AND t.valid_from <= c.last_day)
                    OR (t.valid_to > c.first_day AND t.valid_to <= c.last_day)))
        )
        SELECT s.quarter_start,
               array_agg(s.unit_id ORDER BY s.place) AS units, array_agg(s.answers ORDER BY s.place) AS answers,
               array_agg(s.promoters ORDER BY s.place) AS promoters, array_agg(s.detractors ORDER BY s.place) AS detractors,
               array_agg(u.place ORDER BY s.place) AS above
        FROM standing s
        LEFT JOIN LATERAL (
            SELECT up.place
            FROM tree t JOIN standing up ON up.unit_id = t.ancestor_id AND up.quarter_start = s.quarter_start
            WHERE t.unit_id = s.unit_id AND t.depth > 0
              AND s.first_day >= coalesce(t.valid_from, s.first_day) AND s.first_day < coalesce(t.valid_to, s.first_day + 1)
            ORDER BY t.depth LIMIT 1) u ON true
        GROUP BY s.quarter_start
    LOOP
        shown := array_fill(true, ARRAY[cardinality(quarter.units)]);
        above := quarter.above;
        rest := quarter.answers;
        FOR i IN 1 .. cardinality(above) LOOP
            IF above[i] IS NOT NULL THEN
                rest[above[i]] := rest[above[i]] - quarter.answers[i];
            END IF;
        END LOOP;
        -- the deepest come first, so what stands below a unit is settled when its turn comes
        FOR i IN 1 .. cardinality(above) LOOP
            WHILE rest[i] > 0 AND rest[i] < least_shown LOOP
                SELECT p.place INTO STRICT hidden
                FROM unnest(above, rest, quarter.answers) WITH ORDINALITY AS p (above, rest, answers, place)
                WHERE p.above = i
                -- one without a remainder of its own hides nothing
                ORDER BY p.rest = 0, p.answers, p.place LIMIT 1;
                shown[hidden] := false;
                rest[i] := rest[i] + rest[hidden];
                above := array_replace(above, hidden, i::bigint);
                above[hidden] := NULL;
            END LOOP;
        END LOOP;
        RETURN QUERY
        SELECT n.unit_id, quarter.quarter_start, n.answers, n.promoters, n.answers - n.promoters - n.detractors, n.detractors
        FROM unnest(quarter.units, quarter.answers, quarter.promoters, quarter.detractors, shown)
            AS n (unit_id, answers, promoters, detractors, shown)
        WHERE n.shown;
    END LOOP;
END $$;
COMMENT ON FUNCTION calib.all_nps() IS
'The answers by unit, with all below it, and closed fiscal quarter that may be shown; internal.';
REVOKE EXECUTE ON FUNCTION calib.all_nps() FROM PUBLIC;

-- Every unit has a row for every quarter: that it has none would say that nobody
-- answered.
CREATE FUNCTION calib.nps_by_quarter()
RETURNS TABLE (unit_id bigint, unit_name text, unit_kind text, quarter_start date, answers bigint,
    promoters bigint, passives bigint, detractors bigint, nps float8, hidden boolean)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
    WITH quarter AS (
        SELECT DISTINCT calib.period_start(s.answered_on, 'quarter', o.fiscal_start_month) AS quarter_start
        FROM calib.survey_response s CROSS JOIN calib.organisation o
    )
    SELECT u.unit_id, u.name, u.kind, q.quarter_start, n.answers, n.promoters, n.passives, n.detractors,
           100 * (n.promoters - n.detractors)::float8 / n.answers, n.unit_id IS NULL
    FROM quarter q
    CROSS JOIN calib.unit u
    LEFT JOIN calib.all_nps() n ON n.unit_id = u.unit_id AND n.quarter_start = q.quarter_start
    WHERE calib.period_end(q.quarter_start, 'quarter') <= calib.today()
      AND (n.unit_id IS NOT NULL OR u.active && daterange(q.quarter_start, calib.period_end(q.quarter_start, 'quarter')))
      AND u.unit_id IN (SELECT calib.units_seen());
END;
COMMENT ON FUNCTION calib.nps_by_quarter() IS 'What the view nps_quarterly shows.';

CREATE VIEW calib.nps_quarterly WITH (security_invoker = true) AS
SELECT n.* FROM calib.nps_by_quarter() n;
COMMENT ON VIEW calib.nps_quarterly IS
'Net promoter score per unit, with all below it, and closed fiscal quarter; hidden where it would show, or let compute, the answers of fewer than five.';
COMMENT ON COLUMN calib.nps_quarterly.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.nps_quarterly.unit_name IS 'Its name.';
COMMENT ON COLUMN calib.nps_quarterly.unit_kind IS 'company, region, team or rep.';
COMMENT ON COLUMN calib.nps_quarterly.quarter_start IS 'First day of the fiscal quarter.';
COMMENT ON COLUMN calib.nps_quarterly.answers IS 'Answers; NULL: hidden, as all other figures then.';
COMMENT ON COLUMN calib.nps_quarterly.promoters IS 'Scores of 9 and 10.';
COMMENT ON COLUMN calib.nps_quarterly.passives IS 'Scores of 7 and 8.';
COMMENT ON COLUMN calib.nps_quarterly.detractors IS 'Scores of 0 to 6.';
COMMENT ON COLUMN calib.nps_quarterly.nps IS '100 * (promoters - detractors) / answers: points, -100 to 100.';
COMMENT ON COLUMN calib.nps_quarterly.hidden IS
'Fewer than five answers, none at all, or one that would give another unit''s away; which of them is not said.';
