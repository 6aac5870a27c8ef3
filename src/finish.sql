-- The last part: seeds that the trail should show, and the tools of this script.

SELECT calib.keep_in_dump('calib.holiday', seeded => true);
DROP FUNCTION calib.keep_in_dump(regclass, boolean);
