# What psqlODBC sees of schema calib: Excel, Power BI and whatever else speaks ODBC ask in
# these ways (SQLTables, SQLColumns, SQLForeignKeys). Prints the lines of clients.pl.
# Arguments: port, database, user; the password is in PGPASSWORD.
import os
import pyodbc
from lines import DATABASE, PORT, USER, read, samples, say

# As docs/clients.md says to set it up: booleans as bits, text as long as it is.
db = pyodbc.connect(
    f"Driver={{PostgreSQL Unicode}};Servername=127.0.0.1;Port={PORT};Database={DATABASE};"
    f"Username={USER};Password={os.environ['PGPASSWORD']};BoolsAsChar=0;UnknownSizes=2;MaxLongVarcharSize=0")

views = [(t.table_name, t.remarks) for t in db.cursor().tables(schema="calib", tableType="VIEW")]
for view, remarks in views:
    say("view", view, remarks)
    for c in db.cursor().columns(table=view, schema="calib"):
        say("column", view, c.column_name, f"{c.type_name} {c.data_type}", c.remarks)
    cursor = db.execute(f"SELECT * FROM calib.{view}")
    read(view, [d[0] for d in cursor.description], cursor)
for t in list(db.cursor().tables(schema="calib", tableType="TABLE")):
    for k in db.cursor().foreignKeys(foreignTable=t.table_name, foreignSchema="calib"):
        say("key", t.table_name, k.fkcolumn_name, k.pktable_name)
samples(lambda sql: db.execute(sql).fetchval())
