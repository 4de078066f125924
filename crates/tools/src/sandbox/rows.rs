//! A table from text: CSV with a line of names, or JSON.

use std::{collections::HashSet, iter};

use csv::{ReaderBuilder, StringRecord};
use rusqlite::{Connection, Statement, Transaction, params_from_iter, types::Value as Cell};
use serde_json::{Deserializer, Map, Value};

use super::{Failed, Trouble, table::refused};

/// The most columns of a table.
const MOST_COLUMNS: usize = 500;
/// Cells of all tables of a call, including the empty ones that short rows are filled up with.
const MAX_CELLS: usize = 1_000_000;
/// The longest name of a table, in bytes.
const LONGEST_NAME: usize = 100;
const DELIMITERS: [u8; 4] = *b",;\t|";

/// Why a text is not a table.
enum Fault {
    /// A sentence without its subject.
    Text(String),
    Sqlite(rusqlite::Error),
}

impl From<&str> for Fault {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<csv::Error> for Fault {
    fn from(error: csv::Error) -> Self {
        Self::Text(format!("cannot be read as CSV: {error}."))
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Cells that may still be stored, by all tables of a call together.
///
/// A short text can describe a large table: a row of one value has as many cells as there are columns. Therefore cells are
/// counted before they are made.
pub(super) struct CellBudget(usize);

impl CellBudget {
    pub(super) fn new() -> Self {
        Self(MAX_CELLS)
    }

    fn take(&mut self, cells: usize) -> Result<(), Fault> {
        let left = self.0.checked_sub(cells);
        self.0 = left.ok_or("has more than 1,000,000 cells, with the empty ones. Give fewer rows or columns.")?;
        Ok(())
    }
}

/// Makes the table `name` of this text.
pub(super) fn load(database: &mut Connection, name: &str, text: &str, budget: &mut CellBudget) -> Result<(), Failed> {
    let fault = |why: &str| Trouble::InvalidTable.because(format!("The table {name:?} {why}"));
    if name.is_empty() || name.len() > LONGEST_NAME || name.to_ascii_lowercase().starts_with("sqlite_") {
        return Err(fault("has a name that is not possible. Take a short word."));
    }
    let text = text.trim_start_matches('\u{feff}');
    let looks_like_json = text.trim_start().starts_with(['[', '{']);
    let loaded = database.transaction().map_err(Fault::from).and_then(|transaction| {
        if looks_like_json {
            load_json(&transaction, name, text, budget)?;
        } else {
            load_csv(&transaction, name, text, budget)?;
        }
        Ok(transaction.commit()?)
    });
    loaded.map_err(|error| match error {
        Fault::Text(why) => fault(&why),
        Fault::Sqlite(error) => refused(&error),
    })
}

/// Creates a table and prepares the statement that adds a row.
fn create<'a>(transaction: &'a Transaction<'_>, name: &str, columns: &[String]) -> Result<Statement<'a>, Fault> {
    let (name, places) = (quoted(name), vec!["?"; columns.len()].join(", "));
    let columns = unique(columns).iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ");
    transaction.execute_batch(&format!("CREATE TABLE {name} ({columns})"))?;
    Ok(transaction.prepare(&format!("INSERT INTO {name} VALUES ({places})"))?)
}

fn check_width(columns: usize) -> Result<(), Fault> {
    match columns {
        0 => Err("is empty. Its first line names the columns.".into()),
        1..=MOST_COLUMNS => Ok(()),
        _ => Err("has more than 500 columns.".into()),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\"").replace('\0', ""))
}

/// The names, each once, whatever the case of its letters; those that are missing are numbered.
fn unique(names: &[String]) -> Vec<String> {
    let mut taken = HashSet::new();
    let name = |(place, name): (usize, &String)| {
        let base = match name.trim() {
            "" => format!("column_{}", place + 1),
            name => name.to_owned(),
        };
        let mut name = base.clone();
        let mut number = 2;
        while !taken.insert(name.to_lowercase()) {
            name = format!("{base}_{number}");
            number += 1;
        }
        name
    };
    names.iter().enumerate().map(name).collect()
}

/// Reads the text twice, once for the columns' kinds and once for the rows, so that the rows are in memory only once.
fn load_csv(transaction: &Transaction<'_>, name: &str, text: &str, budget: &mut CellBudget) -> Result<(), Fault> {
    let mut reader = csv_reader(text);
    let columns: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    check_width(columns.len())?;
    let mut kinds = vec![None; columns.len()];
    let mut record = StringRecord::new();
    while reader.read_record(&mut record)? {
        if record.len() > columns.len() {
            let line = record.position().map_or(0, csv::Position::line);
            return Err(format!("has {} values in line {line}, but {} columns.", record.len(), columns.len()).into());
        }
        budget.take(columns.len())?;
        for (widest, text) in kinds.iter_mut().zip(&record).filter(|(_, text)| !text.trim().is_empty()) {
            *widest = (*widest).max(Some(kind(text)));
        }
    }
    let mut insert = create(transaction, name, &columns)?;
    let mut reader = csv_reader(text);
    while reader.read_record(&mut record)? {
        let texts = record.iter().chain(iter::repeat(""));
        let cells = kinds.iter().zip(texts).map(|(kind, text)| kind.unwrap_or(Kind::Text).cell(text));
        insert.execute(params_from_iter(cells))?;
    }
    Ok(())
}

fn csv_reader(text: &str) -> csv::Reader<&[u8]> {
    ReaderBuilder::new().delimiter(delimiter(text)).flexible(true).from_reader(text.as_bytes())
}

/// The one that the line of names has most of.
fn delimiter(text: &str) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut quoted = false;
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            _ => {
                if let Some(place) = DELIMITERS.iter().position(|delimiter| *delimiter == byte) {
                    counts[place] += 1;
                }
            }
        }
    }
    let most = counts.iter().copied().max().unwrap_or_default();
    DELIMITERS[counts.iter().position(|count| *count == most).unwrap_or_default()]
}

/// What a column of CSV holds: the narrowest kind for all its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Integer,
    Real,
    Text,
}

impl Kind {
    fn cell(self, text: &str) -> Cell {
        let number = text.trim();
        match self {
            _ if number.is_empty() => Cell::Null,
            Self::Integer => number.parse().map_or_else(|_| Cell::Text(text.to_owned()), Cell::Integer),
            Self::Real => number.parse().map_or_else(|_| Cell::Text(text.to_owned()), Cell::Real),
            Self::Text => Cell::Text(text.to_owned()),
        }
    }
}

/// Numbers that are written otherwise than a number would be, `007` or `+49`, are names of something.
fn kind(text: &str) -> Kind {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_padded = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
    let is_number = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') && !is_padded;
    if !is_number {
        Kind::Text
    } else if text.parse::<i64>().is_ok() {
        Kind::Integer
    } else if text.parse::<f64>().is_ok_and(f64::is_finite) {
        Kind::Real
    } else {
        Kind::Text
    }
}

/// A list of objects or of lists, of which the first names the columns; one object; or objects one after another.
fn load_json(transaction: &Transaction<'_>, name: &str, text: &str, budget: &mut CellBudget) -> Result<(), Fault> {
    let values = Deserializer::from_str(text).into_iter().collect::<Result<Vec<Value>, _>>();
    let mut values = values.map_err(|error| format!("cannot be read as JSON: {error}."))?;
    if let [Value::Array(rows)] = values.as_mut_slice() {
        values = std::mem::take(rows);
    }
    match values.first() {
        None => check_width(0),
        Some(Value::Object(_)) => load_objects(transaction, name, &values, budget),
        Some(Value::Array(_)) => load_lists(transaction, name, &values, budget),
        Some(_) => {
            Err("is a list of single values. Give objects, or lists of which the first names the columns.".into())
        }
    }
}

fn load_objects(
    transaction: &Transaction<'_>,
    name: &str,
    values: &[Value],
    budget: &mut CellBudget,
) -> Result<(), Fault> {
    let objects: Option<Vec<&Map<String, Value>>> = values.iter().map(Value::as_object).collect();
    let objects = objects.ok_or("holds objects and other things. Give one kind only.")?;
    let (mut columns, mut known) = (Vec::new(), HashSet::new());
    for name in objects.iter().flat_map(|object| object.keys()) {
        if known.insert(name) {
            columns.push(name.clone());
        }
        if columns.len() > MOST_COLUMNS {
            break;
        }
    }
    check_width(columns.len())?;
    budget.take(columns.len().saturating_mul(objects.len()))?;
    let mut insert = create(transaction, name, &columns)?;
    for object in objects {
        insert.execute(params_from_iter(columns.iter().map(|name| cell(object.get(name)))))?;
    }
    Ok(())
}

fn load_lists(
    transaction: &Transaction<'_>,
    name: &str,
    values: &[Value],
    budget: &mut CellBudget,
) -> Result<(), Fault> {
    let lists: Option<Vec<&Vec<Value>>> = values.iter().map(Value::as_array).collect();
    let lists = lists.ok_or("holds lists and other things. Give one kind only.")?;
    let (names, rows) = lists.split_first().ok_or("is empty.")?;
    check_width(names.len())?;
    budget.take(names.len().saturating_mul(rows.len()))?;
    let text = |name: &Value| name.as_str().map_or_else(|| name.to_string(), str::to_owned);
    let columns: Vec<String> = names.iter().map(text).collect();
    if let Some(long) = rows.iter().position(|row| row.len() > columns.len()) {
        return Err(format!("has more values than columns in row {}.", long + 1).into());
    }
    let mut insert = create(transaction, name, &columns)?;
    for row in rows {
        insert.execute(params_from_iter((0..columns.len()).map(|place| cell(row.get(place)))))?;
    }
    Ok(())
}

fn cell(value: Option<&Value>) -> Cell {
    match value {
        None | Some(Value::Null) => Cell::Null,
        Some(Value::Bool(flag)) => Cell::Integer(i64::from(*flag)),
        Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Cell::Integer(number),
            (None, Some(number)) => Cell::Real(number),
            (None, None) => Cell::Text(number.to_string()),
        },
        Some(Value::String(text)) => Cell::Text(text.clone()),
        Some(nested) => Cell::Text(nested.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn types(text: &str, column: &str) -> Vec<String> {
        let mut database = Connection::open_in_memory().unwrap();
        load(&mut database, "t", text, &mut CellBudget::new()).unwrap();
        let sql = format!("SELECT typeof({column}) || ':' || coalesce({column}, '') FROM t");
        let mut statement = database.prepare(&sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn loaded(name: &str, text: &str) -> Result<(), Failed> {
        load(&mut Connection::open_in_memory().unwrap(), name, text, &mut CellBudget::new())
    }

    fn message(text: &str) -> String {
        loaded("t", text).unwrap_err().message
    }

    #[test]
    fn a_column_is_what_all_its_values_are() {
        let text = "a,b,c,d,e,f\n1,1,007,x,1e3,\n-2,2.5,12,3,.5,\n,0,3,,nan,\n";
        assert_eq!(types(text, "a"), ["integer:1", "integer:-2", "null:"]);
        assert_eq!(types(text, "b"), ["real:1.0", "real:2.5", "real:0.0"]);
        assert_eq!(types(text, "c"), ["text:007", "text:12", "text:3"]);
        assert_eq!(types(text, "d"), ["text:x", "text:3", "null:"]);
        assert_eq!(types(text, "e"), ["text:1e3", "text:.5", "text:nan"]);
        assert_eq!(types(text, "f"), ["null:", "null:", "null:"]);
        assert_eq!(types("n\n9223372036854775808\n+1", "n"), ["text:9223372036854775808", "text:+1"]);
    }

    #[test]
    fn other_delimiters_and_marks_are_understood() {
        assert_eq!(types("\u{feff}a;\"b,c\"\r\n1;2,5\r\n", "a"), ["integer:1"]);
        assert_eq!(types("a;\"b,c\"\n1;2,5\n", "\"b,c\""), ["text:2,5"]);
        assert_eq!(types("a\tb\n1\t2", "b"), ["integer:2"]);
        assert_eq!(types("only\nx", "only"), ["text:x"]);
        assert_eq!(types("名前|年\n花子|3", "年"), ["integer:3"]);
    }

    #[test]
    fn columns_of_one_name_are_told_apart() {
        assert_eq!(types("a,A,,a_2,\"q\"\"x\"\n1,2,3,4,5", "A_2"), ["integer:2"]);
        assert_eq!(types("a,A,,a_2,\"q\"\"x\"\n1,2,3,4,5", "column_3"), ["integer:3"]);
        assert_eq!(types("a,A,,a_2,\"q\"\"x\"\n1,2,3,4,5", "a_2_2"), ["integer:4"]);
        assert_eq!(types("a,A,,a_2,\"q\"\"x\"\n1,2,3,4,5", "\"q\"\"x\""), ["integer:5"]);
    }

    #[test]
    fn json_comes_in_several_shapes() {
        assert_eq!(
            types(r#"[{"a": 1, "b": true}, {"b": null, "c": {"d": [1]}}]"#, "c"),
            ["null:", r#"text:{"d":[1]}"#]
        );
        assert_eq!(types(r#"[["a", "b"], [1.5, "x"], [2]]"#, "b"), ["text:x", "null:"]);
        assert_eq!(types("{\"a\": 1}\n{\"a\": 2}\n", "a"), ["integer:1", "integer:2"]);
        assert_eq!(types(r#"{"a": 18446744073709551615}"#, "a"), ["real:1.84467440737096e+19"]);
    }

    #[test]
    fn what_is_no_table_is_said() {
        assert!(message("").contains("is empty"));
        assert!(message("[]").contains("is empty"));
        assert!(message("a,b\n1,2\n1,2,3").contains("3 values in line 3, but 2 columns"));
        assert!(message("[{\"a\": 1}, 2]").contains("one kind only"));
        assert!(message("[1, 2]").contains("single values"));
        assert!(message("{\"a\": ").contains("cannot be read as JSON"));
        assert!(message(&"x,".repeat(600)).contains("500 columns"));
        let named = loaded("sqlite_master", "a\n1").unwrap_err();
        assert!(named.message.contains("not possible"));
    }

    #[test]
    fn cells_are_counted_before_they_are_made() {
        // 23 KB of text that would be 64 million cells.
        let finding = format!("{}\n{}", ",".repeat(7999), "1\n".repeat(8000));
        assert!(message(&finding).contains("500 columns"));
        let short_rows = format!("{}\n{}", ",".repeat(499), "1\n".repeat(2001));
        assert!(message(&short_rows).contains("1,000,000 cells"));
        let objects: Vec<_> = (0..501).map(|row| format!("{{\"k{row}\":1}}")).collect();
        assert!(message(&format!("[{}]", objects.join(","))).contains("500 columns"));
        let objects = format!("[{}{{}}]", "{\"a\":1,\"b\":2,\"c\":3},".repeat(333_334));
        assert!(message(&objects).contains("1,000,000 cells"));
        let lists = format!("[{}[]]", "[1,2,3],".repeat(333_335));
        assert!(message(&lists).contains("1,000,000 cells"));
        // All tables of a call share the budget.
        let (mut database, mut budget) = (Connection::open_in_memory().unwrap(), CellBudget(5));
        load(&mut database, "t", "a,b\n1,2\n", &mut budget).unwrap();
        assert!(load(&mut database, "u", "a,b\n1\n2\n", &mut budget).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_table_or_is_refused(text in "(?s)[\\[\\]{}\",;:\\t\\n|a1 \\\\é-]{0,60}") {
            let _ = loaded("t", &text);
        }
    }
}
