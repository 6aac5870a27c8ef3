-- The schema is created plainly: where somebody else already owns a schema of
-- this name, the extension must not move in (DESIGN, decision 1).
CREATE SCHEMA calib;

COMMENT ON SCHEMA calib IS
'calib: calibration of sales targets.';

GRANT USAGE ON SCHEMA calib TO PUBLIC;
