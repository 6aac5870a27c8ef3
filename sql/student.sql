-- t_quantile against published tables, closed forms and many digits
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS calib;
RESET client_min_messages;
SET extra_float_digits = 0;

-- 1. the table every statistics book has (two-sided 90, 95, 99 and 99.9 %)
CREATE TABLE student_table (df float8, p95 numeric, p975 numeric, p995 numeric, p9995 numeric);
INSERT INTO student_table VALUES
    (1, 6.314, 12.706, 63.657, 636.619), (2, 2.920, 4.303, 9.925, 31.599), (3, 2.353, 3.182, 5.841, 12.924),
    (4, 2.132, 2.776, 4.604, 8.610), (5, 2.015, 2.571, 4.032, 6.869), (6, 1.943, 2.447, 3.707, 5.959),
    (7, 1.895, 2.365, 3.499, 5.408), (8, 1.860, 2.306, 3.355, 5.041), (9, 1.833, 2.262, 3.250, 4.781),
    (10, 1.812, 2.228, 3.169, 4.587), (12, 1.782, 2.179, 3.055, 4.318), (15, 1.753, 2.131, 2.947, 4.073),
    (20, 1.725, 2.086, 2.845, 3.850), (25, 1.708, 2.060, 2.787, 3.725), (30, 1.697, 2.042, 2.750, 3.646),
    (40, 1.684, 2.021, 2.704, 3.551), (60, 1.671, 2.000, 2.660, 3.460), (120, 1.658, 1.980, 2.617, 3.373),
    ('Infinity', 1.645, 1.960, 2.576, 3.291);
SELECT t.* FROM student_table t
WHERE (round(calib.t_quantile(0.95, df)::numeric, 3), round(calib.t_quantile(0.975, df)::numeric, 3),
       round(calib.t_quantile(0.995, df)::numeric, 3), round(calib.t_quantile(0.9995, df)::numeric, 3))
   IS DISTINCT FROM (t.p95, t.p975, t.p995, t.p9995);  -- none differs
-- the lower half mirrors the upper one
SELECT count(*) AS mirrored FROM student_table t WHERE calib.t_quantile(0.125, df) = -calib.t_quantile(0.875, df);  -- all 19

-- 2. closed forms: df 1 is tan(pi (p - 1/2)), df 2 is (2p - 1) / sqrt(2 p (1 - p))
SELECT df, max(abs(found / exact - 1)) < 1e-12 AS to_twelve_digits
FROM (SELECT 1 AS df, calib.t_quantile(p, 1) AS found, tan(pi() * (p - 0.5)) AS exact FROM unnest('{0.001,0.1,0.24,0.26,0.51,0.7,0.9,0.99}'::float8[]) p
      UNION ALL
      SELECT 2, calib.t_quantile(p, 2), (2 * p - 1) / sqrt(2 * p * (1 - p)) FROM unnest('{0.001,0.1,0.24,0.26,0.51,0.7,0.9,0.99}'::float8[]) p) f
GROUP BY df ORDER BY df;

-- 3. broken degrees of freedom, far tails, the seam to the normal distribution:
-- against the inverse of the incomplete beta function in 40 digits
SELECT p, df, exact, abs(calib.t_quantile(p, df) / exact - 1) < 1e-11 AS agrees
FROM (VALUES
    (0.975::float8, 2.5::float8, 3.5746548420036818::float8), (0.975, 27.96, 2.0485391729101113), (0.9, 0.1, 1604425.7056665548), (0.6, 3.3, 0.27450197422105695),
    (0.9995, 7, 5.4078825208618281), (0.975, 99.5, 1.9840936109906239), (0.975, 1000, 1.9623390808264081), (0.975, 99999, 1.9599877077718444),
    (0.975, 100001, 1.9599877072973789), (0.500001, 5, 2.6343055242196798e-6), (0.74, 12, 0.6627788109623266), (0.76, 12, 0.72898055360270606),
    (0.000001, 40, -5.5539697518150394),
    (0.975, 'Infinity', 1.959963984540054)) v (p, df, exact);
SELECT calib.t_quantile(0.5, 3) AS middle, calib.t_quantile(NULL, 3) IS NULL AS no_p, calib.t_quantile(0.9, NULL) IS NULL AS no_df;

-- 4. it rises with p, and falls towards the normal one with df, without a step
SELECT bool_and(t > before) AS rises FROM (
    SELECT calib.t_quantile(i / 1000.0, 4.7) AS t, lag(calib.t_quantile(i / 1000.0, 4.7)) OVER (ORDER BY i) AS before FROM generate_series(1, 999) i) s WHERE before IS NOT NULL;
SELECT bool_and(t < before) AS falls, bool_and(t > calib.t_quantile(0.975, 'Infinity')) AS above_normal FROM (
    SELECT calib.t_quantile(0.975, 10 ^ (i / 10.0)) AS t, lag(calib.t_quantile(0.975, 10 ^ (i / 10.0))) OVER (ORDER BY i) AS before FROM generate_series(-10, 90) i) s WHERE before IS NOT NULL;

-- 5. refused
CREATE FUNCTION pg_temp.refusal(p float8, df float8) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text; hint text;
BEGIN
    RETURN calib.t_quantile(p, df);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, detail, hint);
END $$;
SELECT p, df, pg_temp.refusal(p, df) FROM (VALUES
    (0, 3), (1, 3), (-0.1, 3), (1.1, 3), ('NaN', 3), ('Infinity', 3),
    (0.9, 0), (0.9, -1), (0.9, 'NaN'), (0.9, '-Infinity'), (0.9, 0.0001)) v (p, df);

SELECT provolatile, proisstrict, proparallel FROM pg_proc WHERE oid = 'calib.t_quantile'::regproc;
DROP TABLE student_table;
