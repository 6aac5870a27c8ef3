-- Student's t: see src/student.c.

CREATE FUNCTION calib.t_quantile(p float8, df float8) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_t_quantile';
COMMENT ON FUNCTION calib.t_quantile(float8, float8) IS
'Quantile of Student''s t distribution: what a value drawn from it with df degrees of freedom (broken ones too; infinity: normal) stays below with probability p. NULL in, NULL out. p not between 0 and 1, df not above 0, NaN: 22023.';
