
-- quadrant: attainment x density, for one unit and for a whole group.

CREATE FUNCTION calib.quadrant(attainment float8, density_index float8,
                               floor float8 DEFAULT 1, line float8 DEFAULT 1)
RETURNS text
AS 'MODULE_PATHNAME', 'calib_quadrant'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION calib.quadrant(float8, float8, float8, float8) IS
'Place of a unit: environment (attainment below floor, density index at or above line), execution (both below), on_track (neither below), windfall (attained, index below). Both lines belong to the upper side. Ratios, not percent. NULL in, NULL out; NaN or infinity: 22023.';

CREATE FUNCTION calib.deviation_quadrant_transition(state internal, actual numeric, target numeric, density float8, peer_density float8)
RETURNS internal
AS 'MODULE_PATHNAME', 'calib_deviation_quadrant_transition'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;

COMMENT ON FUNCTION calib.deviation_quadrant_transition(internal, numeric, numeric, float8, float8) IS
'Support of the aggregate calib.deviation_quadrant; not to be called by itself.';

CREATE FUNCTION calib.deviation_quadrant_combine(state internal, other internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'calib_deviation_quadrant_combine'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;

COMMENT ON FUNCTION calib.deviation_quadrant_combine(internal, internal) IS
'Support of the aggregate calib.deviation_quadrant; not to be called by itself.';

CREATE FUNCTION calib.deviation_quadrant_serialize(state internal)
RETURNS bytea
AS 'MODULE_PATHNAME', 'calib_deviation_quadrant_serialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION calib.deviation_quadrant_serialize(internal) IS
'Support of the aggregate calib.deviation_quadrant; not to be called by itself.';

CREATE FUNCTION calib.deviation_quadrant_deserialize(bytes bytea, state internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'calib_deviation_quadrant_deserialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION calib.deviation_quadrant_deserialize(bytea, internal) IS
'Support of the aggregate calib.deviation_quadrant; not to be called by itself.';

CREATE FUNCTION calib.deviation_quadrant_final(state internal)
RETURNS text
AS 'MODULE_PATHNAME', 'calib_deviation_quadrant_final'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;

COMMENT ON FUNCTION calib.deviation_quadrant_final(internal) IS
'Support of the aggregate calib.deviation_quadrant; not to be called by itself.';

CREATE AGGREGATE calib.deviation_quadrant(actual numeric, target numeric, density float8, peer_density float8) (
    SFUNC = calib.deviation_quadrant_transition,
    STYPE = internal,
    SSPACE = 512,
    FINALFUNC = calib.deviation_quadrant_final,
    COMBINEFUNC = calib.deviation_quadrant_combine,
    SERIALFUNC = calib.deviation_quadrant_serialize,
    DESERIALFUNC = calib.deviation_quadrant_deserialize,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE calib.deviation_quadrant(numeric, numeric, float8, float8) IS
'Quadrant of a group: sum(actual) / sum(target) at 1, exactly, against mean(density) / mean(peer_density) at 1, within 1e-12. NULLs are left out column by column; results all NULL count as 0; no target, no density, no peer density, or peers all 0: NULL. Target not above 0, negative density, NaN or infinity: 22023.';
