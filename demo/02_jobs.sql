-- The company's days run by themselves: what the jobs do, when, and what is left to
-- people. From here on nobody opens a deviation, prepares a meeting or writes a report.
SET client_min_messages = warning;
SET calib.clock = '2025-06-28 10:00+08';

-- The pilot: East China tries calib, North China is what it is compared with, team by
-- team. Up to July is the time before; in August and September it is rolled out; the
-- fourth quarter is measured. Before its start, and in the North all the time, calib
-- only watches: nobody is told.
INSERT INTO calib.pilot (name, baseline_from, starts_on, measured_from, compared)
VALUES ('East China', '2025-04-01', '2025-08-01', '2025-10-01', 'team');
INSERT INTO calib.pilot_unit (pilot_id, unit_id, arm)
SELECT p.pilot_id, a.unit_id, a.arm FROM calib.pilot p, (VALUES (10, 'pilot'), (20, 'control')) AS a (unit_id, arm);
INSERT INTO calib.policy (unit_id, valid_from, loop) VALUES (10, '2025-08-01', true);

-- Would you recommend how targets are set here? Anonymous answers of the reps about
-- their teams, in June and in December again; two in the East do not answer.
CREATE SCHEMA demo;
CREATE PROCEDURE demo.survey(region bigint, answers integer, promoters integer, detractors integer) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO calib.survey_response (unit_id, score)
    SELECT rep.parent_id, CASE WHEN n <= promoters THEN 9 + n % 2 WHEN n > answers - detractors THEN n % 7 ELSE 7 + n % 2 END
    FROM (SELECT u.parent_id, row_number() OVER (ORDER BY u.unit_id * 29 % 101) AS n
          FROM calib.unit u JOIN calib.unit_ancestors() a USING (unit_id)
          WHERE u.kind = 'rep' AND a.ancestor_id = region) AS rep
    WHERE n <= answers;
END $$;
CALL demo.survey(10, 45, 32, 6);
CALL demo.survey(20, 9, 5, 2);

-- The three rules of the article, for Shanghai; the meeting towards the end of the month.
UPDATE calib.rule SET enabled = true, unit_id = 11;
UPDATE calib.job SET month_day = 27 WHERE job = 'monthly_meeting';

-- What people do is written down here: how many days after its detection a deviation is
-- acted on, in turn. Where nobody is told, calib hears of it from the minutes.
CREATE TABLE demo.habit (region_id bigint, from_day date, to_day date, person text, kinds text[], days numeric[], action text, note text);
INSERT INTO demo.habit VALUES
    (10, '2025-07-01', '2025-08-01', NULL, '{environment,execution}', '{10.2,12.6,12.7,9.6}', 'other', 'From the minutes of the regional meeting'),
    (20, '2025-07-01', '2026-01-01', NULL, '{environment,execution}', '{11.5,9.8,12.2,10.6}', 'other', 'From the minutes of the regional meeting'),
    (10, '2025-08-01', '2025-10-01', 'Li Yan', '{environment}', '{5.0,3.4}', 'other', 'Taken up with headquarters: our price stays, more promotion'),
    (10, '2025-08-01', '2025-10-01', 'Li Yan', '{execution,shallow_coverage}', '{4.2,3.4}', 'coaching', 'Talked it through with the team, route plans changed'),
    (10, '2025-10-01', '2026-01-01', 'Li Yan', '{execution,shallow_coverage}', '{2.0,1.8,2.5}', 'coaching', 'Talked it through with the team, route plans changed'),
    (10, '2025-10-01', '2026-01-01', 'Li Yan', '{environment,windfall}', '{2.5,2.6,1.9,1.6,2.1,1.8}', 'other', 'Taken up with headquarters: joint promotion with the two largest chains');

-- Acts that have come due in [from_at, to_at), each at its own time.
CREATE PROCEDURE demo.act(from_at timestamptz, to_at timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    due record;
BEGIN
    FOR due IN
        SELECT d.deviation_id, d.ending, h.person, h.action, h.note,
               d.detected_at + interval '24 hours' * h.days[1 + (row_number() OVER (PARTITION BY h ORDER BY d.detected_at, d.unit_id, d.deviation_id) - 1)
                                                              % cardinality(h.days)] AS at
        FROM calib.deviation d
        JOIN calib.unit_ancestors() a USING (unit_id)
        JOIN demo.habit h ON h.region_id = a.ancestor_id AND d.kind = ANY (h.kinds)
         AND calib.day_of(d.detected_at) >= h.from_day AND calib.day_of(d.detected_at) < h.to_day
        ORDER BY at
    LOOP
        CONTINUE WHEN due.ending IS NOT NULL OR due.at < from_at OR due.at >= to_at;
        PERFORM set_config('calib.clock', due.at::text, false), set_config('calib.actor', coalesce(due.person, ''), false);
        PERFORM calib.act(due.deviation_id, due.action, due.note);
        PERFORM set_config('calib.actor', '', false);
    END LOOP;
END $$;

-- The evening in Shanghai: reps file their reports and do what they were reminded of,
-- but for one, who is late with his; Li Yan has the talks he was asked to have.
CREATE PROCEDURE demo.evening() LANGUAGE plpgsql AS $$
BEGIN
    PERFORM calib.file_report(r.report_id) FROM calib.weekly_report r
    WHERE r.status = 'overdue' OR (r.status = 'open' AND r.unit_name <> 'Shanghai 3');
    PERFORM calib.finish_reminder(w.reminder_id, 'done') FROM calib.reminder_waiting w
    WHERE w.rule = 'every_10th_contact' OR (w.rule = 'two_weeks_without_a_new_customer' AND w.created_at < calib.clock() - interval '5 days');
END $$;

-- Plays the days [from_day, to_day), as pg_cron would wake the jobs: at nine what is
-- found and asked for, at four the reports.
CREATE PROCEDURE demo.play(from_day date, to_day date) LANGUAGE plpgsql AS $$
DECLARE
    day timestamp;
    nine timestamptz;
    four timestamptz;
BEGIN
    FOR day IN SELECT generate_series(from_day::timestamp, to_day::timestamp - interval '1 day', '1 day') LOOP
        nine := (day + interval '9 hours') AT TIME ZONE 'Asia/Shanghai';
        four := nine + interval '7 hours';
        CALL demo.act(four - interval '24 hours', nine);
        PERFORM set_config('calib.clock', nine::text, false);
        PERFORM calib.run('rollup'), calib.run('detect'), calib.run('rules'), calib.run('monthly_meeting');
        CALL demo.act(nine, four);
        PERFORM set_config('calib.clock', four::text, false);
        PERFORM calib.run('weekly_report');
        CALL demo.evening();
    END LOOP;
END $$;

-- Li Yan holds the month's meeting: tiers change as proposed, the rest waits.
CREATE PROCEDURE demo.meet(opens timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    meeting bigint;
BEGIN
    PERFORM set_config('calib.clock', opens::text, false), set_config('calib.actor', 'Li Yan', false);
    meeting := calib.open_meeting(10, calib.day_of(opens));
    PERFORM set_config('calib.clock', (opens + interval '13 minutes')::text, false);
    PERFORM calib.decide(meeting, item_id, 'accept') FROM calib.agenda(meeting) WHERE part = 'tier';
    PERFORM calib.close_meeting(meeting);
    PERFORM set_config('calib.actor', '', false);
END $$;

\echo
\echo '== The jobs, and when they are due'
SELECT job, every, at, weekday, month_day, label_en FROM calib.job ORDER BY job;
