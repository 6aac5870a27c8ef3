-- Net promoter score: see src/nps.c.

CREATE FUNCTION calib.nps_add(state bigint[], score integer) RETURNS bigint[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_nps_add';
COMMENT ON FUNCTION calib.nps_add(bigint[], integer) IS 'Support of aggregate nps: takes a row in.';

CREATE FUNCTION calib.nps_combine(state bigint[], other bigint[]) RETURNS bigint[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_nps_combine';
COMMENT ON FUNCTION calib.nps_combine(bigint[], bigint[]) IS 'Support of aggregate nps: merges two partial states.';

CREATE FUNCTION calib.nps_final(state bigint[]) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'calib_nps_final';
COMMENT ON FUNCTION calib.nps_final(bigint[]) IS 'Support of aggregate nps: the result.';

CREATE AGGREGATE calib.nps(score integer) (
    SFUNC = calib.nps_add,
    STYPE = bigint[],
    INITCOND = '{0,0,0}',
    FINALFUNC = calib.nps_final,
    COMBINEFUNC = calib.nps_combine,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE calib.nps(integer) IS
'Net promoter score in points, -100 to 100: share of 9 and 10 less share of 0 to 6. NULLs are left out; none gives NULL; a score outside 0 to 10 is 22023.';
