// What node-postgres sees of schema calib. Prints the lines of clients.pl. Arguments: port,
// database, user; the password is in PGPASSWORD, which the driver reads itself.
'use strict';
const { Client, types } = require('pg');
const [port, database, user] = process.argv.slice(2);

const nameOf = Object.fromEntries(Object.entries(types.builtins).map(([name, oid]) => [oid, name.toLowerCase()]));

function say(...words) {
	console.log(words.map((word) => String(word ?? '').replace(/\s+/g, ' ')).join('\t'));
}

async function main() {
	const db = new Client({ host: '127.0.0.1', port, database, user });
	await db.connect();
	const views = await db.query(`
		SELECT table_name AS name, obj_description(format('%I.%I', table_schema, table_name)::regclass, 'pg_class') AS comment
		FROM information_schema.tables WHERE table_schema = 'calib' AND table_type = 'VIEW' ORDER BY 1`);
	for (const { name, comment } of views.rows) {
		say('view', name, comment);
		const comments = await db.query(`
			SELECT column_name AS name, col_description(format('%I.%I', table_schema, table_name)::regclass, ordinal_position) AS comment
			FROM information_schema.columns WHERE table_schema = 'calib' AND table_name = $1`, [name]);
		const commentOf = Object.fromEntries(comments.rows.map((row) => [row.name, row.comment]));
		const { fields, rows } = await db.query(`SELECT * FROM calib.${name}`);
		for (const field of fields) say('column', name, field.name, nameOf[field.dataTypeID] ?? field.dataTypeID, commentOf[field.name]);
		say('rows', name, rows.length);
		for (const field of fields) {
			const row = rows.find((r) => r[field.name] !== null);
			if (row) say('value', name, field.name, Object(row[field.name]).constructor.name);
		}
		for (const unit of new Set(rows.map((r) => r.unit_id))) if (unit != null) say('unit', name, unit);
	}
	const one = async (sql) => Object.values((await db.query(sql)).rows[0])[0];
	say('text', await one('SELECT unit_name FROM calib.unit_label WHERE unit_id = 11'));
	say('exact', await one("SELECT new_value FROM calib.adjustment_trail WHERE reason = '竞品降价'"));
	const moment = await one("SELECT submitted_at FROM calib.adjustment_trail WHERE reason = '竞品降价'");
	say('moment', moment.getTime() / 1000);
	await db.end();
}

main().catch((error) => { console.error(error); process.exit(1); });
