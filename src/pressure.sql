-- Pressure: who misses one period after the other while working as densely as the
-- peers.  The people a company loses.

CREATE FUNCTION calib.judged_period(grain text, period_start date)
RETURNS TABLE (key text, missed boolean, unit_id bigint, unit_name text, unit_kind text, measure text, product_line text,
    attainment numeric, attainment_original numeric, density_index float8)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    SELECT format('%s %L %L', d.unit_id, d.measure, d.product_line),
           -- a parent is in that quadrant market-wide, too, whatever its own index
           coalesce(d.quadrant = 'environment' AND d.density_index >= 1, false),
           d.unit_id, d.unit_name, d.unit_kind, d.measure, d.product_line, d.attainment, d.attainment_original, d.density_index
    FROM calib.diagnose_period(calib.start_of(calib.period_end(period_start, grain)), grain, period_start) d;
END;
COMMENT ON FUNCTION calib.judged_period(text, date) IS
'How a closed period ended for every unit seen with a target in it, and whether that was missed though dense; internal.';
REVOKE EXECUTE ON FUNCTION calib.judged_period(text, date) FROM PUBLIC;

-- A diagnosis is dear: it goes back only while anybody is still in a row.
CREATE FUNCTION calib.pressure_now()
RETURNS TABLE (unit_id bigint, unit_name text, unit_kind text, measure text, product_line text, grain text,
    periods bigint, since date, last_period date, attainment numeric, attainment_original numeric, density_index float8)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    fiscal_start integer := (SELECT o.fiscal_start_month FROM calib.organisation o);
    of_grain text;
    months integer;
    closed date;     -- the last period that is over
    period date;
    judged jsonb;    -- how it ended
    going text[];    -- who has missed every period so far
    held text[];     -- the same, once for each of them
    taken text[] := '{}';
BEGIN
    FOREACH of_grain IN ARRAY '{month,quarter}'::text[] LOOP
        months := CASE of_grain WHEN 'month' THEN 1 ELSE 3 END;
        closed := calib.period_start(calib.period_start(calib.today(), of_grain, fiscal_start) - 1, of_grain, fiscal_start);
        judged := (SELECT coalesce(jsonb_agg(to_jsonb(j)), '[]') FROM calib.judged_period(of_grain, closed) j
                   WHERE j.key <> ALL (taken));
        going := ARRAY(SELECT j.line ->> 'key' FROM jsonb_array_elements(judged) AS j (line) WHERE (j.line -> 'missed')::boolean);
        held := going;
        period := closed;
        WHILE going <> '{}' LOOP
            period := (period - make_interval(months => months))::date;
            going := ARRAY(SELECT j.key FROM calib.judged_period(of_grain, period) j WHERE j.missed AND j.key = ANY (going));
            held := held || going;
        END LOOP;
        RETURN QUERY
        SELECT j.unit_id, j.unit_name, j.unit_kind, j.measure, j.product_line, of_grain,
               n.periods, CASE WHEN n.periods > 0 THEN (closed - make_interval(months => months * (n.periods - 1)::integer))::date END,
               closed, j.attainment, j.attainment_original, j.density_index
        FROM jsonb_to_recordset(judged) AS j (key text, unit_id bigint, unit_name text, unit_kind text, measure text,
             product_line text, attainment numeric, attainment_original numeric, density_index float8)
        CROSS JOIN LATERAL (SELECT count(*) AS periods FROM unnest(held) AS h (key) WHERE h.key = j.key) n;
        taken := ARRAY(SELECT j.line ->> 'key' FROM jsonb_array_elements(judged) AS j (line));
    END LOOP;
END $$;
COMMENT ON FUNCTION calib.pressure_now() IS 'What the view pressure shows.';

CREATE VIEW calib.pressure WITH (security_invoker = true) AS
SELECT p.* FROM calib.pressure_now() p;
COMMENT ON VIEW calib.pressure IS
'Periods in a row, up to the last closed one, that a unit missed its target while its density index was at least 1: whom the company may lose. By months where it has a target of the last closed month, else by quarters.';
COMMENT ON COLUMN calib.pressure.unit_id IS 'The unit.';
COMMENT ON COLUMN calib.pressure.unit_name IS 'Its name.';
COMMENT ON COLUMN calib.pressure.unit_kind IS 'company, region, team or rep.';
COMMENT ON COLUMN calib.pressure.measure IS 'What the target counts.';
COMMENT ON COLUMN calib.pressure.product_line IS 'Product line; empty: all.';
COMMENT ON COLUMN calib.pressure.grain IS 'month or quarter.';
COMMENT ON COLUMN calib.pressure.periods IS 'How many in a row; 0: the last one was not missed, or not densely.';
COMMENT ON COLUMN calib.pressure.since IS 'First day of the first of them; NULL: none.';
COMMENT ON COLUMN calib.pressure.last_period IS 'First day of the last closed period.';
COMMENT ON COLUMN calib.pressure.attainment IS 'Attainment of that period.';
COMMENT ON COLUMN calib.pressure.attainment_original IS 'The same of the original target.';
COMMENT ON COLUMN calib.pressure.density_index IS 'Density against the peers in that period; NULL: no signal.';
