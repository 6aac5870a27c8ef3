-- Pressure: who misses one period after the other while working as densely as the
-- peers.  The people a company loses.

CREATE FUNCTION calib.judged_period(of_grain text, of_period date, of_units bigint[] DEFAULT NULL)
RETURNS TABLE (key text, missed boolean, unit_id bigint, unit_name text, unit_kind text, measure text, product_line text,
    attainment numeric, attainment_original numeric, density_index float8)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    seen bigint[] := calib.units_seen_or_all();
BEGIN
    RETURN QUERY
    SELECT format('%s %L %L', d.unit_id, d.measure, d.product_line),
           -- a parent is in that quadrant market-wide, too, whatever its own index
           coalesce(d.quadrant = 'environment' AND d.density_index >= 1, false),
           d.unit_id, d.unit_name, d.unit_kind, d.measure, d.product_line, d.attainment, d.attainment_original, d.density_index
    FROM calib.diagnose_units(calib.start_of(calib.period_end($2, $1)), $1, $2, NULL,
        coalesce($3, CASE WHEN cardinality(seen) <= 1000 THEN seen END), seen, 'quadrant') d;
END $$;
COMMENT ON FUNCTION calib.judged_period(text, date, bigint[]) IS
'How a closed period ended for every unit seen (or those of them in of_units) with a target in it, and whether that was missed though dense; internal.';
REVOKE EXECUTE ON FUNCTION calib.judged_period(text, date, bigint[]) FROM PUBLIC;

-- A diagnosis is dear: it goes back only while anybody is still in a row, and for those alone.
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
    units bigint[];  -- their units
    held text[];     -- the same, once for each of them
    taken text[] := '{}';
BEGIN
    FOREACH of_grain IN ARRAY '{month,quarter}'::text[] LOOP
        months := CASE of_grain WHEN 'month' THEN 1 ELSE 3 END;
        closed := calib.period_start(calib.period_start(calib.today(), of_grain, fiscal_start) - 1, of_grain, fiscal_start);
        judged := (SELECT coalesce(jsonb_agg(to_jsonb(j)), '[]') FROM calib.judged_period(of_grain, closed) j
                   WHERE j.key NOT IN (SELECT unnest(taken)));
        SELECT array_agg(j.line ->> 'key'), array_agg((j.line ->> 'unit_id')::bigint) INTO going, units
        FROM jsonb_array_elements(judged) AS j (line) WHERE (j.line -> 'missed')::boolean;
        held := going;
        period := closed;
        WHILE going IS NOT NULL LOOP
            period := (period - make_interval(months => months))::date;
            SELECT array_agg(j.key), array_agg(j.unit_id) INTO going, units
            FROM calib.judged_period(of_grain, period, units) j
            WHERE j.missed AND j.key IN (SELECT unnest(going));
            held := held || going;
        END LOOP;
        RETURN QUERY
        SELECT j.unit_id, j.unit_name, j.unit_kind, j.measure, j.product_line, of_grain,
               coalesce(n.periods, 0), CASE WHEN n.periods > 0 THEN (closed - make_interval(months => months * (n.periods - 1)::integer))::date END,
               closed, j.attainment, j.attainment_original, j.density_index
        FROM jsonb_to_recordset(judged) AS j (key text, unit_id bigint, unit_name text, unit_kind text, measure text,
             product_line text, attainment numeric, attainment_original numeric, density_index float8)
        LEFT JOIN (SELECT h.key, count(*) AS periods FROM unnest(held) AS h (key) GROUP BY h.key) n ON n.key = j.key;
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
