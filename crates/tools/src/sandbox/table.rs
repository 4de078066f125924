//! SQL over tables that somebody pasted, in an SQLite that has nothing else: no file, no other database, no extension.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rusqlite::{
    Connection, Error, ErrorCode, Rows,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
    types::ValueRef,
};
use serde_json::{Value, json};

use super::{
    Failed, Trouble,
    rows::{self, CellBudget},
};

/// How long a query may take.
const TIME: Duration = Duration::from_secs(5);
/// Tables of one call.
const MAX_TABLES: usize = 100;
/// How many rows come out.
const MOST_ROWS: usize = 1000;
/// What may come out, in bytes of text.
const MOST_RESULT_BYTES: usize = 1024 * 1024;
/// The largest value within a query.
const MOST_VALUE_BYTES: i32 = 4 * 1024 * 1024;
/// Steps of SQLite's machine between two looks at the time.
const STEPS: i32 = 5000;

/// Answers one reading statement over these tables.
pub(super) fn query(sql: &str, tables: &BTreeMap<String, String>) -> Result<Value, Failed> {
    answer(sql, tables, TIME)
}

fn answer(sql: &str, tables: &BTreeMap<String, String>, time: Duration) -> Result<Value, Failed> {
    if sql.contains('\0') {
        return Err(Trouble::InvalidSql.because("The statement contains a character that SQL ends at."));
    }
    let mut database = Connection::open_in_memory().map_err(|error| refused(&error))?;
    restrict(&database).map_err(|error| refused(&error))?;
    if tables.len() > MAX_TABLES {
        return Err(Trouble::InvalidTable.because("These are more than 100 tables. Give those that the query needs."));
    }
    let mut budget = CellBudget::new();
    for (name, text) in tables {
        rows::load(&mut database, name, text, &mut budget)?;
    }
    database.authorizer(Some(authorize)).map_err(|error| refused(&error))?;
    let deadline = Instant::now() + time;
    database.progress_handler(STEPS, Some(move || Instant::now() > deadline)).map_err(|error| refused(&error))?;
    let mut statement = database.prepare(sql).map_err(|error| refused(&error))?;
    if statement.column_count() == 0 || !statement.readonly() {
        return Err(Trouble::InvalidSql.because("Only a statement that reads is answered, for instance a SELECT."));
    }
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let rows = statement.query([]).map_err(|error| refused(&error))?;
    let (rows, truncated) = gather(rows, columns.len()).map_err(|error| refused(&error))?;
    Ok(json!({ "columns": columns, "rows": rows, "truncated": truncated }))
}

fn restrict(database: &Connection) -> Result<(), Error> {
    // Before the limits: this process has no other database.
    database
        .execute_batch("PRAGMA hard_heap_limit = 268435456; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF")?;
    database.set_limit(Limit::SQLITE_LIMIT_LENGTH, MOST_VALUE_BYTES)?;
    database.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    database.set_limit(Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000)?;
    database.set_limit(Limit::SQLITE_LIMIT_WORKER_THREADS, 0)?;
    Ok(())
}

/// Reading, and functions that compute. Everything else is denied while the statement is prepared.
fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Function { function_name } => match function_name.to_ascii_lowercase().as_str() {
            "load_extension" | "readfile" | "writefile" | "edit" | "fts3_tokenizer" => Authorization::Deny,
            _ => Authorization::Allow,
        },
        _ => Authorization::Deny,
    }
}

/// The first rows, and whether there were more.
fn gather(mut rows: Rows<'_>, columns: usize) -> Result<(Vec<Value>, bool), Error> {
    let (mut gathered, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(columns);
        for column in 0..columns {
            let value = shown(row.get_ref(column)?);
            bytes += value.as_str().map_or(8, str::len);
            values.push(value);
        }
        if gathered.len() == MOST_ROWS || bytes > MOST_RESULT_BYTES {
            return Ok((gathered, true));
        }
        gathered.push(Value::Array(values));
    }
    Ok((gathered, false))
}

fn shown(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        ValueRef::Blob(bytes) => {
            let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
            bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect::<String>().into()
        }
    }
}

/// What SQLite says, in words of ours where its own help nobody.
pub(super) fn refused(error: &Error) -> Failed {
    match error {
        Error::MultipleStatement => Trouble::InvalidSql.because("Only one statement is answered."),
        Error::InvalidParameterCount(..) => Trouble::InvalidSql.because("Write the values into the statement."),
        _ => match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => {
                Trouble::TooLong.because("The query took longer than 5 s and was stopped. Ask for less.")
            }
            Some(ErrorCode::OutOfMemory) => Trouble::NoMemory.because("The query needed more than 256 MB of memory."),
            Some(ErrorCode::AuthorizationForStatementDenied) => {
                Trouble::InvalidSql.because("Only reading is allowed: SELECT over the tables that were given.")
            }
            _ => Trouble::InvalidSql.because(format!("SQLite says: {error}.")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEOPLE: &str = "name,age,city\nÅsa,34,Malmö\nBo,,Oslo\n\"Ann, the 2nd\",61,\"New\nYork\"\n";

    fn ask(sql: &str) -> Result<Value, Failed> {
        query(sql, &BTreeMap::from([("t".to_owned(), PEOPLE.to_owned())]))
    }

    fn trouble(sql: &str) -> Trouble {
        ask(sql).unwrap_err().trouble
    }

    #[test]
    fn a_table_is_asked() {
        let given = ask("SELECT count(*) AS n, avg(age) AS mean FROM t WHERE age > 30").unwrap();
        assert_eq!(given, json!({ "columns": ["n", "mean"], "rows": [[2, 47.5]], "truncated": false }));
        let given = ask("SELECT name, city FROM t ORDER BY name").unwrap();
        assert_eq!(given["rows"][0], json!(["Ann, the 2nd", "New\nYork"]));
        assert_eq!(given["rows"][2], json!(["Åsa", "Malmö"]));
        assert_eq!(ask("SELECT age FROM t WHERE name = 'Bo'").unwrap()["rows"], json!([[null]]));
        assert_eq!(ask("SELECT x'00ff1a'").unwrap()["rows"], json!([["00ff1a"]]));
        assert_eq!(query("SELECT 6 * 7", &BTreeMap::new()).unwrap()["rows"], json!([[42]]));
        assert_eq!(ask("SELECT value FROM json_each('[1, 2]') -- a comment").unwrap()["rows"], json!([[1], [2]]));
    }

    #[test]
    fn several_tables_are_joined() {
        let orders = r#"[{"who": "Bo", "sum": 12.5}, {"who": "Bo", "sum": 2}]"#;
        let tables = [("people", PEOPLE), ("orders", orders)].map(|(name, text)| (name.to_owned(), text.to_owned()));
        let sql = "SELECT p.city, sum(o.sum) FROM people p JOIN orders o ON o.who = p.name GROUP BY 1";
        assert_eq!(query(sql, &BTreeMap::from(tables)).unwrap()["rows"], json!([["Oslo", 14.5]]));
    }

    #[test]
    fn nothing_but_one_reading_statement_is_answered() {
        for sql in [
            "DROP TABLE t",
            "DELETE FROM t",
            "INSERT INTO t VALUES ('x', 1, 'y')",
            "CREATE TABLE u (a)",
            "UPDATE t SET age = 1",
            "ATTACH '/etc/passwd' AS p",
            "ATTACH ':memory:' AS p",
            "PRAGMA database_list",
            "PRAGMA writable_schema = ON",
            "SELECT * FROM pragma_database_list",
            "VACUUM INTO '/tmp/x'",
            "BEGIN",
            "SELECT 1; SELECT 2",
            "SELECT 1; DROP TABLE t",
            "SELECT load_extension('/tmp/x.so')",
            "SELECT writefile('/tmp/x', 'y')",
            "CREATE VIRTUAL TABLE v USING fts5(a)",
            "CREATE TEMP TABLE u (a)",
            "ANALYZE",
            "REINDEX",
            "SELECT ?1",
            "",
            "-- nothing",
            "SELEC 1",
            "SELECT * FROM nowhere",
            "SELECT '",
            "SAVEPOINT a",
            "WITH x AS (SELECT 1) DELETE FROM t",
            "SELECT 1\0; DROP TABLE t",
        ] {
            assert_eq!(trouble(sql), Trouble::InvalidSql, "{sql}");
        }
        assert_eq!(ask("SELECT count(*) FROM t").unwrap()["rows"], json!([[3]]));
    }

    #[test]
    fn a_query_has_an_end() {
        let counting = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c";
        let given = ask(counting).unwrap();
        assert_eq!((given["rows"].as_array().unwrap().len(), &given["truncated"]), (MOST_ROWS, &json!(true)));
        let wide = ask(&format!("SELECT printf('%.*c', 100000, 'x') FROM ({counting} LIMIT 500)")).unwrap();
        assert_eq!((wide["rows"].as_array().unwrap().len(), &wide["truncated"]), (10, &json!(true)));
        let endless = format!("SELECT count(*) FROM ({counting})");
        let slow = answer(&endless, &BTreeMap::new(), Duration::from_millis(20)).unwrap_err();
        assert_eq!(slow.trouble, Trouble::TooLong);
        assert!(matches!(trouble("SELECT zeroblob(100000000)"), Trouble::InvalidSql));
        let sorted = format!("SELECT max(x) FROM (SELECT n || zeroblob(100000) AS x FROM ({counting}) ORDER BY x)");
        assert!(matches!(trouble(&sorted), Trouble::NoMemory | Trouble::TooLong));
    }
}
