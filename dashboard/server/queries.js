// What the pages are made of: one query each, over calib's views and functions, never over
// activities. Row-level security decides what the viewer sees of them.
//
// `first` is what the first pages show; the rest takes longer and is read beside it. `sentence`
// names a column whose words are the session's language.

// The reason in both languages, from calib itself.
const reasons = (row) => `
       calib.reason_text(${row}.reason_code, ${row}.reason_args, 'en') AS reason_en,
       calib.reason_text(${row}.reason_code, ${row}.reason_args, 'zh') AS reason_zh`;

// Where a unit stands, with the lines it is judged by.
const diagnosis = (relation) => `
SELECT d.unit_id, d.measure, d.product_line, d.grain, d.period_start, d.period_end, d.original_value, d.target_value, d.actual,
       d.attainment, d.attainment_original, d.elapsed_share, d.pace, d.density, d.density_index, d.peers, d.peer_basis,
       d.quadrant, d.signal, d.remedy, d.reason_code,${reasons("d")},
       p.attainment_floor AS floor, p.attainment_margin, p.density_margin
FROM ${relation} d JOIN calib.policy_at(calib.today()) p USING (unit_id)
ORDER BY d.unit_id, d.measure, d.product_line`;

// The quarter that runs, in organisation time.
const quarter = `
SELECT q.day AS start, calib.start_of(q.day) AS from_at, calib.period_end(q.day, 'quarter') AS stop,
       calib.start_of(calib.period_end(q.day, 'quarter')) AS to_at
FROM calib.organisation o, LATERAL (SELECT calib.period_start(calib.today(), 'quarter', o.fiscal_start_month) AS day) q`;

export const queries = {
  context: {first: true, sql: `
SELECT session_user AS login, calib.today() AS today, o.zone, o.currency, q.start AS quarter_start, q.stop AS quarter_end,
       q.from_at AS quarter_from, q.to_at AS quarter_to,
       abs(extract(epoch FROM calib.clock()) - extract(epoch FROM now())) > 60 AS simulated
FROM calib.organisation o, (${quarter}) q`},

  units: {first: true, sql: `
SELECT unit_id, unit_name, unit_kind, parent_id, level, is_leaf, region FROM calib.unit_label ORDER BY level, unit_id`},

  war_room: {first: true, sql: `
SELECT unit_id, measure, product_line, period_start, original_value, target_value, actual, attainment, attainment_original,
       elapsed_share, pace, density_index, quadrant, signal, remedy, adjustments_used, adjustments_remaining, sri_days, lag_days
FROM calib.war_room ORDER BY unit_id, measure, product_line`},

  attainment: {first: true, sql: `
SELECT a.unit_id, a.measure, a.product_line, a.grain, a.period_start, a.period_end, a.original_value, a.target_value, a.actual,
       a.attainment, a.attainment_original, a.elapsed_share, a.pace, p.attainment_floor AS floor
FROM calib.attainment a JOIN calib.policy_at(calib.today()) p USING (unit_id)
WHERE a.period_start <= calib.today() AND a.period_end > calib.today()
ORDER BY a.unit_id, a.measure, a.product_line, a.grain`},

  diagnosis: {first: true, sql: diagnosis("calib.diagnosis")},

  budget: {first: true, sql: `
SELECT b.unit_id, sum(b.used) AS used, sum(b.pending) AS pending, sum(b.remaining) AS remaining
FROM calib.adjustment_budget b, (${quarter}) q WHERE b.quarter_start = q.start
GROUP BY b.unit_id ORDER BY b.unit_id`},

  deviations: {first: true, sql: `
SELECT d.deviation_id, d.unit_id, d.unit_name, d.kind, d.subject, d.measure, d.product_line, d.grain, d.period_start, d.status,
       d.detected_at, d.ended_at, d.days, d.action, d.acted_by, d.note, d.remedy, d.units,${reasons("d")},
       p.act_within_days
FROM calib.deviation_trail d LEFT JOIN calib.policy_at(calib.today()) p USING (unit_id)
WHERE d.status = 'open' OR d.detected_at > calib.clock() - interval '366 days'
ORDER BY d.detected_at DESC, d.deviation_id DESC`},

  adjustments: {first: true, sql: `
SELECT id, unit_id, unit_name, measure, product_line, grain, period_start, original_value, old_value, new_value, change, reason,
       evidence, origin, status, submitted_by, submitted_at, approved_by, approved_at, approved_comment, filed_by, filed_at,
       ended_by, ended_at, ended_comment, hours_to_file
FROM calib.adjustment_trail WHERE submitted_at > calib.clock() - interval '366 days' ORDER BY submitted_at, id`},

  requests: {first: true, sql: `
SELECT id, unit_id, unit_name, kind, amount, cost, reason, evidence, status, submitted_by, submitted_at, approved_by, approved_at,
       approved_comment, filed_by, filed_at, ended_by, ended_at, ended_comment, hours_to_file
FROM calib.request_trail WHERE submitted_at > calib.clock() - interval '366 days' ORDER BY submitted_at, id`},

  response: {first: true, sql: `
SELECT r.unit_id, r.quarter_start, r.acted, r.open, r.mean_days, r.median_days
FROM calib.response_by_unit r ORDER BY r.quarter_start, r.unit_id`},

  sri: {first: true, sql: `
SELECT s.unit_id, s.month, s.acted, s.open, s.dismissed, s.recovered, s.mean_days, s.median_days
FROM calib.sri_monthly s JOIN calib.unit_label u USING (unit_id) WHERE u.unit_kind IN ('company', 'region')
ORDER BY s.month, s.unit_id`},

  nps: {first: true, sql: `
SELECT unit_id, quarter_start, answers, promoters, passives, detractors, nps
FROM calib.nps_quarterly WHERE NOT hidden ORDER BY quarter_start, unit_id`},

  shallow: {first: true, sql: `
SELECT unit_id, visited, stuck, share, flagged FROM calib.shallow_coverage ORDER BY share DESC, unit_id`},

  freshness: {first: true, sql: `
SELECT source, last_event, last_recorded, lag_mean, lag_p50, lag_p95 FROM calib.freshness ORDER BY source`},

  diagnosis_month: {sql: diagnosis("calib.diagnose(calib.clock(), 'month')")},

  missed: {sql: `
SELECT unit_id, measure, product_line, period_start, target_value, actual, attainment, attainment_original, density_index, peers
FROM calib.missed_but_active ORDER BY period_start DESC, unit_id, measure, product_line`},

  // At each week's end, at each of the last adjustments, and now: targets as they stood then.
  series: {sql: `
WITH q AS MATERIALIZED (${quarter}
), at AS MATERIALIZED (
    SELECT least(q.from_at + n * interval '168 hours', calib.clock()) AS at FROM q, generate_series(1, 13) n
    UNION
    (SELECT t.filed_at FROM calib.adjustment_trail t, q
     WHERE t.status = 'filed' AND t.filed_at >= q.from_at AND t.filed_at <= calib.clock() ORDER BY t.filed_at DESC LIMIT 40)
)
SELECT a.unit_id, a.measure, a.product_line, at.at, a.original_value, a.target_value, a.actual, a.elapsed_share
FROM at, q, calib.attainment_at(at.at) a
WHERE a.grain = 'quarter' AND a.period_start = q.start
ORDER BY a.unit_id, a.measure, a.product_line, at.at`},

  pilot_effect: {sentence: "sentence", sql: `
SELECT e.pilot_id, e.pilot_name, e.outcome, e.measure, e.before_from, e.before_to, e.after_from, e.after_to, e.pilot_listed,
       e.control_listed, e.pilot_units, e.control_units, e.pilot_before, e.pilot_after, e.control_before, e.control_after, e.effect,
       e.ci_low, e.ci_high, e.sentence
FROM calib.pilot_effect e ORDER BY e.pilot_id, e.outcome, e.measure`},

  pilot_figure: {sql: `
SELECT pilot_id, outcome, measure, unit_id, unit_name, arm, before, after, change
FROM calib.pilot_figure ORDER BY pilot_id, outcome, measure, arm DESC, unit_id`}
};
