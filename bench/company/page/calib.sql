\timing on
SELECT * FROM calib.war_room;
