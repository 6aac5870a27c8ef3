-- What the dashboard's test needs beside demo/01_company.sql and demo/02_jobs.sql: the
-- fourth quarter's adjustments, deviations, one of them acted on, and two logins more.
SET client_min_messages = warning;
SET calib.clock = '2025-10-27 17:00+08';
INSERT INTO calib.evidence (evidence_id, kind, title, uri, observed_on) VALUES
    (1, 'competitor_price_notice', 'Rival cuts prices by 15 %', 'https://example.com/notice', '2025-10-20'),
    (2, 'channel_inventory_report', 'Supermarket stock up 40 % in Zhejiang', 'https://example.com/stock', '2025-10-10');
SELECT target_id AS zhejiang FROM calib.target WHERE unit_id = 13 AND grain = 'quarter' AND period_start = '2025-10-01' \gset
SELECT target_id AS fujian FROM calib.target WHERE unit_id = 15 AND grain = 'quarter' AND period_start = '2025-10-01' \gset
CREATE PROCEDURE pg_temp.file(target bigint, value numeric, reason text, evidence bigint[]) LANGUAGE plpgsql AS $$
DECLARE
    id bigint;
    begins timestamptz := calib.clock();
BEGIN
    PERFORM set_config('calib.actor', 'Li Yan', false);
    id := calib.submit_adjustment(target, value, reason, evidence);
    PERFORM set_config('calib.clock', (begins + interval '24 minutes')::text, false), set_config('calib.actor', 'Chen Jing', false);
    PERFORM calib.approve_adjustment(id, 'Evidence checked');
    PERFORM set_config('calib.clock', (begins + interval '39 minutes')::text, false), set_config('calib.actor', 'Wang Fang', false);
    PERFORM calib.file_adjustment(id);
    PERFORM set_config('calib.actor', '', false);
END $$;
CALL pg_temp.file(:zhejiang, 16200000, 'Price cut <b>and</b> full shelves', '{1,2}');
SET calib.clock = '2025-11-05 10:00+08';
CALL pg_temp.file(:zhejiang, 15300000, 'Stock sells off slower than expected', '{2}');
SET calib.actor = 'Li Yan';
SELECT calib.submit_adjustment(:fujian, 11000000, 'Half the shops close for repairs', '{2}') \g /dev/null

SELECT calib.submit_request(13, 'move_people', 2, 'Two people for the new channel', evidence => '{1}') \g /dev/null
RESET calib.actor;
-- whatever is found on these days; the test needs some that are open and one that is not
SET calib.clock = '2025-11-07 07:00+08';
SELECT calib.detect() \g /dev/null
SET calib.clock = '2025-12-05 07:00+08';
SELECT calib.detect() \g /dev/null
SET calib.clock = '2025-12-07 09:00+08';
SET calib.actor = 'Li Yan';
SELECT calib.act(min(deviation_id), 'coaching', 'Talked it through with the team') FROM calib.deviation_open \g /dev/null
RESET calib.actor;

CREATE ROLE dashboard_nobody LOGIN;
CREATE ROLE dashboard_bare LOGIN;
