
-- behavior: weighted events per week of a given window.

CREATE FUNCTION calib.behavior_density_transition(state internal, occurred_at timestamptz, weight float8, during tstzrange)
RETURNS internal
AS 'MODULE_PATHNAME', 'calib_behavior_density_transition'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;

COMMENT ON FUNCTION calib.behavior_density_transition(internal, timestamptz, float8, tstzrange) IS
'Support of the aggregate calib.behavior_density; not to be called by itself.';

CREATE FUNCTION calib.behavior_density_combine(state internal, other internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'calib_behavior_density_combine'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;

COMMENT ON FUNCTION calib.behavior_density_combine(internal, internal) IS
'Support of the aggregate calib.behavior_density; not to be called by itself.';

CREATE FUNCTION calib.behavior_density_serialize(state internal)
RETURNS bytea
AS 'MODULE_PATHNAME', 'calib_behavior_density_serialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION calib.behavior_density_serialize(internal) IS
'Support of the aggregate calib.behavior_density; not to be called by itself.';

CREATE FUNCTION calib.behavior_density_deserialize(bytes bytea, state internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'calib_behavior_density_deserialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION calib.behavior_density_deserialize(bytea, internal) IS
'Support of the aggregate calib.behavior_density; not to be called by itself.';

CREATE FUNCTION calib.behavior_density_final(state internal)
RETURNS float8
AS 'MODULE_PATHNAME', 'calib_behavior_density_final'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;

COMMENT ON FUNCTION calib.behavior_density_final(internal) IS
'Support of the aggregate calib.behavior_density; not to be called by itself.';

CREATE AGGREGATE calib.behavior_density(occurred_at timestamptz, weight float8, during tstzrange) (
    SFUNC = calib.behavior_density_transition,
    STYPE = internal,
    SSPACE = 144,
    FINALFUNC = calib.behavior_density_final,
    COMBINEFUNC = calib.behavior_density_combine,
    SERIALFUNC = calib.behavior_density_serialize,
    DESERIALFUNC = calib.behavior_density_deserialize,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE calib.behavior_density(timestamptz, float8, tstzrange) IS
'Behavior density: sum of the weights of the rows whose time lies in during, per week (length of during / 7 days). A row without time or weight does not count; no rows: NULL, rows but none counting: 0. during differing within a group, NULL, empty, unbounded or without length, and negative, NaN or infinite weights: 22023.';
