//! The migration runner, with two test migrations.

use super::*;

const FIRST: &str = "CREATE TABLE coin (id INTEGER PRIMARY KEY); INSERT INTO coin VALUES (7);";
const TWO: &[&str] = &[FIRST, "ALTER TABLE coin ADD COLUMN value INTEGER NOT NULL DEFAULT 1;"];

fn migrated(migrations: &[&str]) -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    apply(&mut connection, migrations).unwrap();
    connection
}

fn header(connection: &Connection) -> (u32, u32) {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get(0)).unwrap();
    (number("application_id"), number("user_version"))
}

fn coins(connection: &Connection) -> Vec<(i64, i64)> {
    let mut select = connection.prepare("SELECT id, value FROM coin").unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn an_empty_file_runs_all_migrations() {
    let connection = migrated(TWO);
    assert_eq!(header(&connection), (APPLICATION_ID, FIRST_VERSION + 1));
    assert_eq!(coins(&connection), [(7, 1)]);
}

#[test]
fn an_older_file_runs_the_missing_migrations_only() {
    let mut connection = migrated(&TWO[..1]);
    assert_eq!(header(&connection), (APPLICATION_ID, FIRST_VERSION));
    connection.execute("INSERT INTO coin VALUES (8)", []).unwrap();
    for _ in 0..2 {
        apply(&mut connection, TWO).unwrap();
        assert_eq!(header(&connection), (APPLICATION_ID, FIRST_VERSION + 1));
        assert_eq!(coins(&connection), [(7, 1), (8, 1)]);
    }
}

#[test]
fn a_failed_migration_changes_nothing() {
    let mut connection = Connection::open_in_memory().unwrap();
    assert!(apply(&mut connection, &[FIRST, "ALTER TABLE missing ADD COLUMN value"]).is_err());
    assert_eq!(header(&connection), (0, 0));
    let count = "SELECT count(*) FROM sqlite_schema";
    assert_eq!(connection.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[test]
fn only_supported_versions_are_accepted() {
    for (version, why) in [
        (0, None),
        (1, Some("before the first release")),
        (2, Some("before the first release")),
        (3, None),
        (SCHEMA_VERSION, None),
        (SCHEMA_VERSION + 1, Some("use a newer release")),
    ] {
        let error = check_version(version).err().map(|error| error.to_string());
        let is_expected = match (&error, why) {
            (Some(error), Some(why)) => error.contains(why),
            (None, None) => true,
            _ => false,
        };
        assert!(is_expected, "{version}: {error:?}");
    }
}
