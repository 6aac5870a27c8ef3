# What psycopg 3 sees of schema calib, and what standard catalogues (information_schema)
# tell a program of it. Prints the lines of clients.pl. Arguments: port, database, user;
# the password is in PGPASSWORD, which libpq reads itself.
import psycopg
from lines import DATABASE, PORT, USER, read, samples, say

with psycopg.connect(host="127.0.0.1", port=PORT, dbname=DATABASE, user=USER) as db:
    views = db.execute("""
        SELECT table_name, obj_description(format('%I.%I', table_schema, table_name)::regclass, 'pg_class')
        FROM information_schema.tables WHERE table_schema = 'calib' AND table_type = 'VIEW' ORDER BY 1""").fetchall()
    for view, comment in views:
        say("view", view, comment)
        comments = dict(db.execute("""
            SELECT column_name, col_description(format('%%I.%%I', table_schema, table_name)::regclass, ordinal_position)
            FROM information_schema.columns WHERE table_schema = 'calib' AND table_name = %s""", [view]).fetchall())
        for binary in False, True:
            cursor = db.cursor(binary=binary)
            cursor.execute(f"SELECT * FROM calib.{view}")
            rows = cursor.fetchall()
        for d in cursor.description:
            say("column", view, d.name, db.adapters.types[d.type_code].name, comments[d.name])
        read(view, [d.name for d in cursor.description], rows)
    samples(lambda sql: db.execute(sql).fetchone()[0])
