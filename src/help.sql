-- Help: one screen of what to call for what. Names stand in a column of their own,
-- so that a test can ask the catalogs for each.

CREATE FUNCTION calib.help_topics()
RETURNS TABLE (section_en text, section_zh text, names text, en text, zh text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 30
BEGIN ATOMIC
    VALUES
    ('LOOK: views. Each shows the units that your duties let you see', '查看：视图。只显示您的职责所及的组织单元',
     'war_room, attainment, target_gap', 'where regions and targets stand; what does not add up', '大区与目标的现状、进度；上下级目标之差'),
    (NULL, NULL, 'diagnosis, quadrant_count', 'which target is wrong, which is merely missed, and why', '哪个目标定错了、哪个只是没完成，及原因'),
    (NULL, NULL, 'missed_but_active, pressure', 'missed though at work as densely as peers; how often', '行为达标却未达成；连续几期'),
    (NULL, NULL, 'shallow_coverage, channel_focus', 'customers that do not move; where the work goes', '浅层覆盖的客户；精力投向哪些渠道'),
    (NULL, NULL, 'attainment_weekly, behavior_weekly', 'week by week: how targets came here; what reps did', '逐周：目标如何走到今天；各人的行为'),
    (NULL, NULL, 'indicator_weekly, weekly_report', 'the twelve figures of each rep and week; the reports', '每人每周十二项指标；周报'),
    (NULL, NULL, 'deviation_open, sri_monthly', 'what waits for an act, and how fast acts come', '待处理的偏差；策略响应指数'),
    (NULL, NULL, 'adjustment_trail, adjustment_budget', 'what targets became, why and by whom; what is left', '目标改成多少、为何、何人；剩余次数'),
    (NULL, NULL, 'pilot_effect, act_effect, ramp_up', 'whether it helps: pilots, acts, new people', '是否有效：试点、举措、新人'),
    ('MEASURE: over any table of yours', '度量：可用于您自己的任何表',
     'behavior_density(), concentration()', 'how densely people work, on how few customers', '行为密度；客户集中度'),
    (NULL, NULL, 'quadrant(), deviation_quadrant()', 'attainment against density: one of four', '达成率与密度：四个象限之一'),
    (NULL, NULL, 'sri(), response_summary(), nps()', 'days from detected to acted; promoter score', '从发现到行动的天数；净推荐值'),
    ('SET UP', '设置',
     'organisation, unit, duty, policy', 'tables to fill in first: time, tree, rights, rules', '先填这些表：时区、组织树、职责、规则'),
    (NULL, NULL, 'target, publish_targets()', 'drafts, and how they become binding', '目标草稿；发布后生效'),
    (NULL, NULL, 'attach(), attach_crm(), ingest()', 'facts from your tables, a CRM, a chat suite', '从您的表、CRM、办公平台接入数据'),
    (NULL, NULL, 'guard_table(), audit_table()', 'the rules, or the trail alone, on your own table', '把规则（或只把留痕）加到您自己的表'),
    (NULL, NULL, 'setup_small_firm(), schedule_jobs()', 'a small firm in one call; the jobs, by pg_cron', '小公司一键设置；用 pg_cron 定时运行'),
    ('CHANGE A TARGET: three persons, evidence, at most 10 %, twice a quarter', '修正目标：三人、佐证、每次不超过10%、每季两次',
     'attach_evidence(), submit_adjustment()', 'you; submit_adjustments() for many at once', '发起人；批量用 submit_adjustments()'),
    (NULL, NULL, 'approve_adjustment()', 'risk, or reject_adjustment() with a reason', '风控批准，或 reject_adjustment() 驳回'),
    (NULL, NULL, 'file_adjustment()', 'HR: it is applied', '人力备案：即刻生效'),
    (NULL, NULL, 'submit_request(), waiting_step', 'people, budget, samples; whose turn it is', '申请人员、预算、样品；轮到谁'),
    ('ACT', '行动',
     'act(), dismiss(), comment_deviation()', 'answer a deviation', '处理偏差：行动、驳回、备注'),
    (NULL, NULL, 'open_meeting(), agenda(), decide()', 'the 15-minute meeting; close_meeting() carries it out', '15分钟校准会；close_meeting() 一并执行'),
    (NULL, NULL, 'reminder_waiting, finish_reminder()', 'what you are asked to do; file_report() the week', '待办提醒；file_report() 提交周报'),
    ('PROVE AND RUN', '查证与运维',
     'audit, seal(), verify(), prove()', 'the trail; whether anybody rewrote it', '留痕；是否有人篡改'),
    (NULL, NULL, 'freshness, feed_state, health()', 'how late data come; what is out of order', '数据滞后；哪里不正常'),
    (NULL, NULL, 'run(), job_run', 'a job now; what jobs did', '立即运行作业；作业记录');
END;
COMMENT ON FUNCTION calib.help_topics() IS
'What calib.help() says, a row a line: names of schema calib (functions with parentheses), what they are for; a section''s heading stands at its first row.';

CREATE FUNCTION calib.help() RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE ROWS 40
BEGIN ATOMIC
    SELECT CASE calib.language() WHEN 'zh' THEN t.zh ELSE t.en END
    FROM (
        SELECT 0 AS n, 0 AS part,
               'calib: targets that follow the market, inside rules, with a trail.' AS en,
               'calib：目标随市场校准，守规则，留痕迹。English: SET calib.language = ''en''' AS zh
        UNION ALL
        SELECT h.n, l.part, l.en, l.zh
        FROM ROWS FROM (calib.help_topics()) WITH ORDINALITY AS h (section_en, section_zh, names, en, zh, n)
        CROSS JOIN LATERAL (VALUES
            (0, h.section_en, h.section_zh),
            (1, format('  %s %s', rpad(h.names, 39), h.en), format('  %s %s', rpad(h.names, 39), h.zh))) AS l (part, en, zh)
        WHERE l.en IS NOT NULL
        UNION ALL
        -- to a new colleague every view is empty: say why
        SELECT 999, 0,
               'You hold no duty: the views stay empty until an admin enters one for you in calib.duty.',
               '您还没有职责：管理员在 calib.duty 中登记之前，视图是空的。'
        WHERE NOT EXISTS (SELECT FROM calib.held_duties())
        UNION ALL
        SELECT 1000, 0,
               'Everything: \dx+ calib   One: \d+ calib.NAME, \df+ calib.NAME   中文: SET calib.language = ''zh''',
               '全部：\dx+ calib   单个：\d+ calib.名称、\df+ calib.名称'
    ) AS t
    ORDER BY t.n, t.part;
END;
COMMENT ON FUNCTION calib.help() IS
'One screen of what to call for what, a row a line, in calib.language: what stands with parentheses is a function, the rest views and tables of schema calib. Says so, too, where the caller holds no duty.';
