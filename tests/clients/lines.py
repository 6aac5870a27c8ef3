# What the Python clients share: printing the lines that clients.pl describes, and reading a
# view row by row.
import re
import sys

PORT, DATABASE, USER = sys.argv[1:4]
SAMPLES = {
    "text": "SELECT unit_name FROM calib.unit_label WHERE unit_id = 11",
    "exact": "SELECT new_value FROM calib.adjustment_trail WHERE reason = '竞品降价'",
    "moment": "SELECT submitted_at FROM calib.adjustment_trail WHERE reason = '竞品降价'",
}
sys.stdout.reconfigure(encoding="utf-8")


def say(*words):
    print("\t".join(re.sub(r"\s+", " ", "" if w is None else str(w)) for w in words))


def read(view, columns, rows):
    """The class of the values of each column, and the units the rows are of."""
    classes, units, count = {}, set(), 0
    for row in rows:
        count += 1
        for column, value in zip(columns, row):
            if value is None:
                continue
            classes[column] = type(value).__name__
            if column == "unit_id":
                units.add(value)
    say("rows", view, count)
    for column, of in classes.items():
        say("value", view, column, of)
    for unit in sorted(units):
        say("unit", view, unit)


def samples(one):
    """Text, a number and a moment that must come through; one(sql) gives a value."""
    say("text", one(SAMPLES["text"]))
    say("exact", one(SAMPLES["exact"]))
    moment = one(SAMPLES["moment"])
    say("moment", int(moment.timestamp()) if moment.tzinfo else moment.isoformat())
