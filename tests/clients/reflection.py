# What SQLAlchemy's reflection sees of schema calib: Superset and most things in Python ask
# this way. Prints the lines of clients.pl. Arguments: port, database, user; the password
# is in PGPASSWORD, which psycopg2 reads itself.
import warnings
import sqlalchemy
from lines import DATABASE, PORT, USER, read, samples, say

# A type SQLAlchemy does not know is a warning, and a column nobody can use.
warnings.simplefilter("error")
engine = sqlalchemy.create_engine(f"postgresql+psycopg2://{USER}@127.0.0.1:{PORT}/{DATABASE}")
inspector = sqlalchemy.inspect(engine)

with engine.connect() as db:
    for view in sorted(inspector.get_view_names("calib")):
        table = sqlalchemy.Table(view, sqlalchemy.MetaData(), schema="calib", autoload_with=engine)
        say("view", view, inspector.get_table_comment(view, "calib")["text"])
        for column in table.columns:
            kind = type(column.type).__name__
            zone = " with zone" if getattr(column.type, "timezone", False) else ""
            say("column", view, column.name, kind + zone, column.comment)
        # what the reflected table compiles to, not text of ours
        rows = db.execute(sqlalchemy.select(table))
        read(view, list(rows.keys()), rows)
    # calib.behavior is a type of calib's own, which tables use and views do not show
    warnings.simplefilter("ignore", sqlalchemy.exc.SAWarning)
    for name in sorted(inspector.get_table_names("calib")):
        for key in inspector.get_foreign_keys(name, "calib"):
            for column in key["constrained_columns"]:
                say("key", name, column, key["referred_table"])
    samples(lambda sql: db.execute(sqlalchemy.text(sql)).scalar())
