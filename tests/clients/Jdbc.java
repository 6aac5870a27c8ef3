// What JDBC sees of schema calib: Metabase, DBeaver, Tableau, DataGrip and KNIME ask in
// these ways. Prints the lines that clients.pl describes. Arguments: port, database, user;
// the password is in PGPASSWORD.
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.*;
import java.time.OffsetDateTime;
import java.util.*;

public class Jdbc {
    static PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    static void say(Object... words) {
        StringJoiner line = new StringJoiner("\t");
        for (Object word : words) line.add(word == null ? "" : word.toString().replaceAll("\\s+", " "));
        out.println(line);
    }

    public static void main(String[] args) throws Exception {
        String url = "jdbc:postgresql://127.0.0.1:" + args[0] + "/" + args[1];
        try (Connection db = DriverManager.getConnection(url, args[2], System.getenv("PGPASSWORD"))) {
            DatabaseMetaData meta = db.getMetaData();
            List<String> views = new ArrayList<>();
            try (ResultSet t = meta.getTables(null, "calib", "%", new String[] {"VIEW"})) {
                while (t.next()) {
                    views.add(t.getString("TABLE_NAME"));
                    say("view", t.getString("TABLE_NAME"), t.getString("REMARKS"));
                }
            }
            for (String view : views) {
                try (ResultSet c = meta.getColumns(null, "calib", view, "%")) {
                    while (c.next())
                        say("column", view, c.getString("COLUMN_NAME"),
                            c.getString("TYPE_NAME") + " " + JDBCType.valueOf(c.getInt("DATA_TYPE")), c.getString("REMARKS"));
                }
                read(db, view);
            }
            try (ResultSet t = meta.getTables(null, "calib", "%", new String[] {"TABLE", "PARTITIONED TABLE"})) {
                while (t.next()) keys(meta, t.getString("TABLE_NAME"));
            }
            try (Statement s = db.createStatement()) {
                ResultSet r = s.executeQuery("SELECT unit_name FROM calib.unit_label WHERE unit_id = 11");
                r.next();
                say("text", r.getString(1));
                r = s.executeQuery("SELECT new_value, submitted_at FROM calib.adjustment_trail WHERE reason = '竞品降价'");
                r.next();
                say("exact", r.getBigDecimal(1).toPlainString());
                say("moment", r.getObject(2, OffsetDateTime.class).toEpochSecond());
            }
        }
        out.flush();
    }

    static void keys(DatabaseMetaData meta, String table) throws SQLException {
        try (ResultSet k = meta.getImportedKeys(null, "calib", table)) {
            while (k.next()) say("key", table, k.getString("FKCOLUMN_NAME"), k.getString("PKTABLE_NAME"));
        }
    }

    // Every value of every row, as the class the driver gives it.
    static void read(Connection db, String view) throws SQLException {
        Map<String, String> classes = new LinkedHashMap<>();
        Set<Object> units = new TreeSet<>();
        int rows = 0;
        try (Statement s = db.createStatement(); ResultSet r = s.executeQuery("SELECT * FROM calib." + view)) {
            ResultSetMetaData m = r.getMetaData();
            for (; r.next(); rows++) {
                for (int n = 1; n <= m.getColumnCount(); n++) {
                    Object value = r.getObject(n);
                    if (value == null) continue;
                    classes.put(m.getColumnName(n), value.getClass().getSimpleName());
                    if (m.getColumnName(n).equals("unit_id")) units.add(value);
                }
            }
        }
        say("rows", view, rows);
        classes.forEach((column, of) -> say("value", view, column, of));
        for (Object unit : units) say("unit", view, unit);
    }
}
