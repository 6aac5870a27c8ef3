
-- nps: net promoter score.

CREATE FUNCTION calib.nps_transition(state bigint[], score integer)
RETURNS bigint[]
AS 'MODULE_PATHNAME', 'calib_nps_transition'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION calib.nps_transition(bigint[], integer) IS
'Support of the aggregate calib.nps; not to be called by itself.';

CREATE FUNCTION calib.nps_inverse(state bigint[], score integer)
RETURNS bigint[]
AS 'MODULE_PATHNAME', 'calib_nps_inverse'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION calib.nps_inverse(bigint[], integer) IS
'Support of the aggregate calib.nps in moving window frames; not to be called by itself.';

CREATE FUNCTION calib.nps_final(state bigint[])
RETURNS float8
AS 'MODULE_PATHNAME', 'calib_nps_final'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION calib.nps_final(bigint[]) IS
'Support of the aggregate calib.nps; not to be called by itself.';

CREATE AGGREGATE calib.nps(score integer) (
    SFUNC = calib.nps_transition,
    STYPE = bigint[],
    INITCOND = '{0,0}',
    FINALFUNC = calib.nps_final,
    COMBINEFUNC = pg_catalog.int4_avg_combine,
    MSFUNC = calib.nps_transition,
    MINVFUNC = calib.nps_inverse,
    MSTYPE = bigint[],
    MINITCOND = '{0,0}',
    MFINALFUNC = calib.nps_final,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE calib.nps(integer) IS
'Net promoter score in points, -100 to 100: share of scores 9 and 10 minus share of 0 to 6, times 100. NULL does not count; no answer: NULL. A score outside 0..10: 22023.';
