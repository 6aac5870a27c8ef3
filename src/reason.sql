-- Reasons: a code, its arguments, and a sentence in each language.

CREATE TABLE calib.reason (
    code text PRIMARY KEY,
    en text NOT NULL,
    zh text NOT NULL
);
COMMENT ON TABLE calib.reason IS
'The sentence of each reason code. {name} stands for an argument, {name%} for an argument as a percentage. Part of the version, not dumped.';
COMMENT ON COLUMN calib.reason.code IS 'Reason code.';
COMMENT ON COLUMN calib.reason.en IS 'Sentence in English.';
COMMENT ON COLUMN calib.reason.zh IS 'Sentence in Chinese.';
INSERT INTO calib.reason (code, en, zh) VALUES
('market_wide',
 'Market-wide: {missing} of {children} units below miss (pace {pace%}, floor {floor%}) while their density, {group_density} per rep and week, is not below the {group_before} of the 13 weeks before.',
 '市场整体变化：下属 {children} 个单元中有 {missing} 个未达标（进度 {pace%}，底线 {floor%}），而整体行为密度 {group_density}（每人每周）不低于此前 13 周的 {group_before}。'),
('refocus',
 'Activity is up to standard (index {index}) but conversion is {conversion%} against a benchmark of {benchmark%}, and activity is concentrated: {existing_share%} on existing customers (peers {peer_existing_share%}), HHI {concentration} (peers {peer_concentration}).',
 '行为量达标（密度指数 {index}），但转化率仅 {conversion%}（基准 {benchmark%}），且行为过于集中：{existing_share%} 用于老客户（同类 {peer_existing_share%}），客户集中度 {concentration}（同类 {peer_concentration}）。'),
('environment',
 'Pace {pace%} is below the floor of {floor%} although people work densely: index {index} against {basis_en}.',
 '进度 {pace%} 低于底线 {floor%}，但行为密集：密度指数 {index}（对比：{basis_zh}）。'),
('conversion',
 'People work densely (index {index}), yet conversion is {conversion%} against a benchmark of {benchmark%} and the peers'' is not low: it is the unit''s own.',
 '行为密集（密度指数 {index}），但转化率仅 {conversion%}（基准 {benchmark%}），而同类单元并不偏低：问题在本单元。'),
('execution',
 'Pace {pace%} is below the floor of {floor%} and activity is sparse: index {index} against {basis_en}.',
 '进度 {pace%} 低于底线 {floor%}，且行为稀疏：密度指数 {index}（对比：{basis_zh}）。'),
('windfall',
 'Pace {pace%} after {previous_pace%} in the period before, with sparse activity (index {index}): was the target too low?',
 '进度 {pace%}，上期 {previous_pace%}，而行为稀疏（密度指数 {index}）：目标是否过低？'),
('on_track',
 'Pace {pace%} is at or above the floor of {floor%}.',
 '进度 {pace%}，不低于底线 {floor%}。'),
('results_not_current',
 'Results not current: the newest is {stale_days} days old, the source''s limit is {stale_limit}.',
 '结果数据不及时：最新一笔已有 {stale_days} 天，来源上限为 {stale_limit} 天。'),
('ramping',
 'Ramping: {tenure_days} days since joining, judged after {ramp_weeks} weeks.',
 '新人爬坡期：入职 {tenure_days} 天，满 {ramp_weeks} 周后评价。'),
('too_early',
 'Too early: {elapsed%} of the period has passed, judged from {min_elapsed%}.',
 '为时尚早：周期已过 {elapsed%}，满 {min_elapsed%} 后评价。'),
('late_records',
 'The index of {index} rests on late records: {late_share%} of the activity was recorded late, without it the index is {on_time_index}.',
 '密度指数 {index} 依赖补录：{late_share%} 的行为为事后补录，剔除后指数为 {on_time_index}。'),
('near_the_lines',
 'Pace {pace%} (floor {floor%}), index {index} against {basis_en}: too near the lines for a call to act.',
 '进度 {pace%}（底线 {floor%}），密度指数 {index}（对比：{basis_zh}）：距分界线过近，暂不行动。'),
('not_at_work',
 'Nobody was at work in the period so far.',
 '本期至今无人在岗。'),
('not_started',
 'No working day of the period has passed.',
 '本期尚无工作日过去。'),
('no_signal',
 'No signal: there is no activity to compare with ({basis_en}).',
 '无信号：没有可比较的行为数据（{basis_zh}）。');

CREATE FUNCTION calib.reason_text(code text, args jsonb, language text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    sentence text;
    argument record;
BEGIN
    SELECT CASE coalesce($3, calib.language()) WHEN 'zh' THEN r.zh ELSE r.en END
    INTO sentence FROM calib.reason r WHERE r.code = $1;
    FOR argument IN
        SELECT key, value FROM jsonb_each_text(coalesce($2, '{}'))
    LOOP
        CONTINUE WHEN strpos(sentence, '{' || argument.key) = 0;
        -- a name is no number, though it has but digits and dots, or more digits than a number holds
        IF argument.value ~ '^-?[0-9]+([.][0-9]+)?$' AND length(argument.value) <= 1000 THEN
            sentence := replace(sentence, '{' || argument.key || '%}', trim_scale(round(100 * argument.value::numeric, 1)) || ' %');
        END IF;
        -- a name with braces in it stands for itself
        sentence := replace(sentence, '{' || argument.key || '}', replace(coalesce(argument.value, '-'), '{', chr(1)));
        sentence := replace(sentence, '{' || argument.key || '%}', '-');
    END LOOP;
    RETURN replace(sentence, chr(1), '{');
END $$;
COMMENT ON FUNCTION calib.reason_text(text, jsonb, text) IS
'The sentence of a reason with its numbers, in a language (en, zh; NULL: calib.language). An unknown code gives NULL.';

-- Measures are named by whoever sets targets; only the one calib begins with has a
-- name of its own.
CREATE FUNCTION calib.measure_text(measure text, zh boolean) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN zh AND measure = 'collection' THEN '回款' ELSE measure END;
END;
COMMENT ON FUNCTION calib.measure_text(text, boolean) IS
'What a measure is called in a sentence: collection is 回款 in Chinese, all others as they are.';
