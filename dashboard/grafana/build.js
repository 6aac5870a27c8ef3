// build.js: writes the Grafana dashboards on calib's views, by Grafana's own builders, in
// English and Chinese. `npm ci && npm run build` after a change; the JSON is committed, so
// whoever imports it needs no node. An argument names another directory to write to.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import * as xychart from '@grafana/grafana-foundation-sdk/xychart';

const folder = process.argv[2] ?? dirname(fileURLToPath(import.meta.url));
// The source is chosen where the dashboard is imported: a variable of it.
const source = { type: 'grafana-postgresql-datasource', uid: '${source}' };

// The builders have none for PostgreSQL's queries.
const query = (rawSql, format = 'table') => ({
	build: () => ({ datasource: source, editorMode: 'code', format, rawQuery: true, rawSql: rawSql.replace(/\n\t+/g, '\n').trim(), refId: 'A' }),
});

// What a panel needs in any case.
const panel = (builder, title, description, sql, width, height, format) =>
	builder.title(title).description(description).datasource(source).span(width).height(height)
		.withTarget(query(sql, format));

const units = (names, unit, decimals = 1) => (builder) => names.reduce(
	(b, name) => b.overrideByName(name, [{ id: 'unit', value: unit }, { id: 'decimals', value: decimals }]), builder);

const variables = (t) => [
	new dashboard.DatasourceVariableBuilder('source').label(t('Source', '数据源')).type(source.type),
];

const start = (t, title, uid) => new dashboard.DashboardBuilder(title).uid(uid).tags(['calib']).editable()
	.timezone('browser').time({ from: 'now-12M', to: 'now' }).refresh('5m').weekStart('monday');

function warRoom(t, language) {
	const built = start(t, t('calib: war room', 'calib：作战室'), `calib-war-room-${language}`);
	variables(t).forEach((v) => built.withVariable(v));
	built.withVariable(new dashboard.QueryVariableBuilder('kind').label(t('Units', '单元')).datasource(source)
		.query("SELECT DISTINCT unit_kind FROM calib.unit_label WHERE unit_kind <> 'rep' ORDER BY 1").current({ text: 'team', value: 'team' })
		.refresh(dashboard.VariableRefresh.OnDashboardLoad));

	const region = t('region', '大区');
	const ofTarget = t('of today\'s target', '达成率'), ofOriginal = t('of the original target', '原目标达成率');
	const pace = t('pace', '进度'), lag = t('lag, days', '滞后(天)'), index = t('density index', '密度指数');
	built.withPanel(panel(new bargauge.PanelBuilder(), t('Attainment, this quarter', '本季达成率'),
		t('Results against today\'s target and against the original one: lowering a target does not move the second.', '分别对比当前目标与原目标：调低目标不会改变后者。'),
		`SELECT region AS "${region}", attainment AS "${ofTarget}", attainment_original AS "${ofOriginal}"
		FROM calib.war_room WHERE product_line = '' ORDER BY unit_id`, 8, 8)
		.reduceOptions(new common.ReduceDataOptionsBuilder().values(true)).orientation(common.VizOrientation.Horizontal)
		.unit('percentunit').min(0).max(1.2)
		.colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.ContinuousBlues)));
	built.withPanel(units([ofTarget, ofOriginal], 'percentunit')(panel(new table.PanelBuilder(), t('The war room', '作战室'),
		t('One row per region for the running quarter.', '本季每个大区一行。'),
		`SELECT region AS "${region}", attainment AS "${ofTarget}", attainment_original AS "${ofOriginal}", round(pace, 2) AS "${pace}",
		round(density_index::numeric, 2) AS "${index}", quadrant AS "${t('quadrant', '象限')}", signal AS "${t('signal', '信号')}", remedy AS "${t('remedy', '对策')}",
		adjustments_used AS "${t('adjustments used', '已用修正')}", adjustments_remaining AS "${t('left', '剩余')}",
		deviations_open AS "${t('open deviations', '未处理偏差')}", round(sri_days::numeric, 1) AS "${t('SRI, days', 'SRI(天)')}",
		round(lag_days, 1) AS "${lag}", reason AS "${t('reason', '原因')}"
		FROM calib.war_room ORDER BY unit_id, product_line`, 16, 8)));
	built.withPanel(panel(new xychart.PanelBuilder(), t('Quadrants: pace against density', '四象限：进度与密度'),
		t('Below pace 1 and right of index 1: people work densely and miss, the environment. Left: execution.', '进度低于1且密度指数高于1：环境问题；低于1：执行问题。'),
		`SELECT density_index AS "${index}", pace AS "${pace}", unit_name AS "${t('unit', '单元')}", quadrant AS "${t('quadrant', '象限')}", reason AS "${t('reason', '原因')}"
		FROM calib.diagnosis WHERE unit_kind = \${kind:sqlstring} AND product_line = '' AND density_index IS NOT NULL AND pace IS NOT NULL ORDER BY unit_id`, 12, 9)
		.mapping(xychart.SeriesMapping.Auto).show(xychart.XYShowMode.Points));
	built.withPanel(panel(new table.PanelBuilder(), t('Open deviations', '未处理的偏差'), t('What was found and nobody has acted on yet, oldest first.', '已发现而尚未处理，最早的在前。'),
		`SELECT unit_name AS "${t('unit', '单元')}", kind AS "${t('kind', '类型')}", subject AS "${t('subject', '对象')}", detected_at AS "${t('detected', '发现时间')}",
		round(age_days::numeric, 1) AS "${t('days', '天数')}", remedy AS "${t('remedy', '对策')}", reason AS "${t('reason', '原因')}"
		FROM calib.deviation_open ORDER BY detected_at, deviation_id`, 12, 9));
	built.withPanel(panel(new timeseries.PanelBuilder(), t('Days from detected to acted (SRI)', '策略响应指数(天)'),
		t('Mean by month of detection; open ones are not in it.', '按发现月份的平均天数；不含未处理的。'),
		`SELECT calib.start_of(month) AS "time", unit_name AS "metric", mean_days AS "value"
		FROM calib.sri_monthly WHERE $__timeFilter(calib.start_of(month)) AND mean_days IS NOT NULL ORDER BY 1, 2`, 12, 8, 'time_series').unit('d').min(0));
	built.withPanel(panel(new table.PanelBuilder(), t('Missed though active', '行为达标却未达成'),
		t('Closed months that were missed by units at work as densely as their peers: look here first.', '行为密度达标而目标未达成的已结束月份：先看这里。'),
		`SELECT unit_name AS "${t('unit', '单元')}", period_start AS "${t('month', '月份')}", target_value AS "${t('target', '目标')}", actual AS "${t('result', '结果')}",
		round(100 * attainment, 1) AS "${ofTarget} %", round(density_index::numeric, 2) AS "${index}"
		FROM calib.missed_but_active ORDER BY period_start DESC, unit_id`, 12, 8));
	built.withPanel(panel(new table.PanelBuilder(), t('Adjustments', '目标修正'), t('What targets became, why, by whom, and how long it took.', '目标改成多少、为何、何人、历时多久。'),
		`SELECT submitted_at AS "${t('submitted', '提交')}", unit_name AS "${t('unit', '单元')}", old_value AS "${t('from', '原值')}", new_value AS "${t('to', '新值')}",
		round(100 * change, 1) AS "${t('change, %', '变动 %')}", status AS "${t('status', '状态')}", reason AS "${t('reason', '理由')}", submitted_by AS "${t('by', '提交人')}",
		approved_by AS "${t('approved by', '批准人')}", filed_by AS "${t('filed by', '备案人')}", round(hours_to_file::numeric, 1) AS "${t('hours', '小时')}"
		FROM calib.adjustment_trail WHERE $__timeFilter(submitted_at) ORDER BY submitted_at DESC, id`, 16, 8));
	built.withPanel(panel(new table.PanelBuilder(), t('Freshness', '数据时效'), t('Hours from the event to the database, over 30 days.', '近30天从发生到入库的小时数。'),
		`SELECT source AS "${t('source', '来源')}", last_recorded AS "${t('newest', '最新')}", round(lag_p50::numeric, 1) AS "${t('median, hours', '中位数(小时)')}",
		round(lag_p95::numeric, 1) AS "${t('95 %, hours', '95分位(小时)')}" FROM calib.freshness ORDER BY source`, 8, 8));
	built.withPanel(panel(new timeseries.PanelBuilder(), t('Net promoter score', '净推荐值'), t('Closed quarters; hidden below five answers.', '已结束的季度；不足五份回答则隐藏。'),
		`SELECT calib.start_of(quarter_start) AS "time", unit_name AS "metric", nps AS "value"
		FROM calib.nps_quarterly WHERE $__timeFilter(calib.start_of(quarter_start)) AND NOT hidden AND nps IS NOT NULL ORDER BY 1, 2`, 12, 8, 'time_series').min(-100).max(100));
	built.withPanel(panel(new table.PanelBuilder(), t('Pilot against control', '试点与对照'), t('Differences in differences with their 95 % interval. For admins.', '双重差分及95%区间。仅管理员可见。'),
		`SELECT pilot_name AS "${t('pilot', '试点')}", outcome AS "${t('outcome', '指标')}", effect AS "${t('effect', '效果')}", ci_low AS "${t('from', '下限')}", ci_high AS "${t('to', '上限')}",
		sentence AS "${t('in words', '说明')}" FROM calib.pilot_effect ORDER BY pilot_id, outcome`, 12, 8).noValue(t('nothing to see here', '暂无数据')));
	return built;
}

function unit(t, language) {
	const built = start(t, t('calib: one unit', 'calib：单个单元'), `calib-unit-${language}`);
	variables(t).forEach((v) => built.withVariable(v));
	built.withVariable(new dashboard.QueryVariableBuilder('unit').label(t('Unit', '单元')).datasource(source)
		.query('SELECT unit_name AS __text, unit_id AS __value FROM calib.unit_label ORDER BY level, unit_id').refresh(dashboard.VariableRefresh.OnDashboardLoad));
	built.withVariable(new dashboard.QueryVariableBuilder('indicator').label(t('Indicator', '指标')).datasource(source)
		.query(`SELECT ${t('label_en', 'label_zh')} AS __text, code AS __value FROM calib.indicator ORDER BY 1`).current({ text: t('Visits', '拜访'), value: 'visits' })
		.refresh(dashboard.VariableRefresh.OnDashboardLoad));

	built.withPanel(panel(new stat.PanelBuilder(), t('This quarter', '本季'), t('Attainment of today\'s and of the original target, and pace.', '达成率、原目标达成率与进度。'),
		`SELECT attainment AS "${t('attainment', '达成率')}", attainment_original AS "${t('of the original', '原目标达成率')}", pace AS "${t('pace', '进度')}"
		FROM calib.attainment WHERE unit_id = \${unit:sqlstring} AND grain = 'quarter' AND product_line = '' AND measure = 'collection'
		AND period_start <= calib.today() AND period_end > calib.today()`, 8, 5).unit('percentunit').decimals(1));
	built.withPanel(panel(new table.PanelBuilder(), t('Diagnosis', '诊断'), t('What the figures say of this unit.', '数据对该单元的判断。'),
		`SELECT product_line AS "${t('line', '产品线')}", round(density_index::numeric, 2) AS "${t('density index', '密度指数')}", peers AS "${t('peers', '同类数')}", quadrant AS "${t('quadrant', '象限')}",
		signal AS "${t('signal', '信号')}", remedy AS "${t('remedy', '对策')}", reason AS "${t('reason', '原因')}" FROM calib.diagnosis WHERE unit_id = \${unit:sqlstring} ORDER BY product_line`, 16, 5));
	built.withPanel(panel(new timeseries.PanelBuilder(), t('The target, step by step', '目标的每一步'), t('Each adjustment is a step.', '每次修正为一个台阶。'),
		`SELECT greatest(h.valid_from, $__timeFrom()::timestamptz) AS "time", t.grain || ' ' || t.period_start || ' ' || t.product_line AS "metric", h.value AS "value"
		FROM calib.target_history h JOIN calib.target t USING (target_id)
		WHERE t.unit_id = \${unit:sqlstring} AND h.valid_from <= $__timeTo() AND (h.valid_to IS NULL OR h.valid_to > $__timeFrom()) ORDER BY 1, 2`, 12, 8, 'time_series')
		.lineInterpolation(common.LineInterpolation.StepAfter));
	built.withPanel(panel(new timeseries.PanelBuilder(), t('Indicator by week', '每周指标'), t('Of the reps below the unit, summed: numerator and, where it is a share, the share.', '该单元下全部代表合计；比率类指标另列比率。'),
		`SELECT calib.start_of(i.week) AS "time", sum(i.numerator) AS "${t('number', '数量')}", sum(i.numerator) / nullif(sum(i.denominator), 0) AS "${t('share', '比率')}"
		FROM calib.indicator_weekly i JOIN calib.unit_tree u USING (unit_id)
		WHERE u.ancestor_id = \${unit:sqlstring} AND i.code = \${indicator:sqlstring} AND (u.valid_from IS NULL OR i.week >= u.valid_from) AND (u.valid_to IS NULL OR i.week < u.valid_to)
		AND $__timeFilter(calib.start_of(i.week)) GROUP BY i.week ORDER BY 1`, 12, 8, 'time_series'));
	built.withPanel(panel(new table.PanelBuilder(), t('The units below', '下级单元'), t('Attainment of the quarter.', '本季达成率。'),
		`SELECT unit_name AS "${t('unit', '单元')}", target_value AS "${t('target', '目标')}", actual AS "${t('result', '结果')}", round(100 * attainment, 1) AS "${t('attained, %', '达成 %')}",
		round(100 * attainment_original, 1) AS "${t('of the original, %', '原目标达成 %')}", round(pace, 2) AS "${t('pace', '进度')}"
		FROM calib.attainment WHERE parent_id = \${unit:sqlstring} AND grain = 'quarter' AND product_line = '' AND period_start <= calib.today() AND period_end > calib.today() ORDER BY unit_id`, 12, 8));
	built.withPanel(panel(new table.PanelBuilder(), t('Shallow coverage', '浅层覆盖'), t('Reps most of whose visited customers do not move.', '多数受访客户停滞的代表。'),
		`SELECT l.unit_name AS "${t('rep', '代表')}", s.visited AS "${t('visited', '已访')}", s.stuck AS "${t('stuck', '停滞')}", round(100 * s.share, 0) AS "${t('share, %', '占比 %')}", s.flagged AS "${t('flagged', '标记')}"
		FROM calib.shallow_coverage s JOIN calib.unit_label l USING (unit_id) WHERE s.unit_id IN (SELECT unit_id FROM calib.unit_tree WHERE ancestor_id = \${unit:sqlstring})
		ORDER BY s.share DESC, s.unit_id`, 12, 8));
	built.withPanel(panel(new table.PanelBuilder(), t('Channels', '渠道'), t('Where activity goes, and where results come from.', '精力投向与结果来源。'),
		`SELECT channel AS "${t('channel', '渠道')}", activities AS "${t('activities', '行为数')}", round(100 * activity_share, 1) AS "${t('of activity, %', '行为占比 %')}",
		round(100 * result_share, 1) AS "${t('of results, %', '结果占比 %')}" FROM calib.channel_focus WHERE unit_id = \${unit:sqlstring} ORDER BY activities DESC, channel`, 12, 7));
	built.withPanel(panel(new table.PanelBuilder(), t('Adjustments left', '剩余修正次数'), t('Of the unit itself, by quarter.', '该单元各季度。'),
		`SELECT quarter_start AS "${t('quarter', '季度')}", measure AS "${t('measure', '口径')}", product_line AS "${t('line', '产品线')}", used AS "${t('used', '已用')}",
		pending AS "${t('pending', '待批')}", remaining AS "${t('left', '剩余')}" FROM calib.adjustment_budget WHERE unit_id = \${unit:sqlstring} ORDER BY quarter_start DESC, 2, 3`, 12, 7));
	return built;
}

for (const [language, t] of [['en', (en) => en], ['zh', (en, zh) => zh]]) {
	for (const [name, build] of [['war-room', warRoom], ['unit', unit]]) {
		const file = join(folder, `${name}.${language}.json`);
		writeFileSync(file, `${JSON.stringify(build(t, language).build(), null, 2)}\n`);
	}
}
