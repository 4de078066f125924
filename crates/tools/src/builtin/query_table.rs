//! SQL over tables that somebody pasted, in the sandbox.

use std::collections::BTreeMap;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::{
    About, Call, Tool, ToolError,
    sandbox::{Sandbox, Work},
};

use super::output;

/// The largest tables of one call, in bytes of text.
const MOST_BYTES: usize = 2 * 1024 * 1024;

/// Asks tables.
#[derive(Clone, Debug)]
pub struct QueryTable(pub(super) Sandbox);

/// What.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// One SELECT of SQLite. A single table is called `t`.
    #[schemars(length(min = 1, max = 20_000))]
    sql: String,
    /// The table as text: CSV whose first line names the columns, or JSON (a list of objects). Several tables: an object
    /// whose fields are the tables' names and such texts. Together 2 MB at most.
    table: Option<Table>,
}

/// One table or several.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Table {
    /// CSV or JSON.
    Text(String),
    /// The rows themselves.
    Rows(Vec<Value>),
    /// CSV or JSON, by the table's name.
    Several(BTreeMap<String, String>),
}

/// What was found.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Output {
    /// The names of the columns.
    columns: Vec<String>,
    /// The rows, each with a value for each column.
    rows: Vec<Vec<Value>>,
    /// Whether there are more rows: 1,000 are the most, and 1 MB.
    truncated: bool,
}

#[async_trait]
impl Tool for QueryTable {
    type Args = Args;
    type Output = Output;

    fn about(&self) -> About {
        let description = "Answers SQL over tables that are given as CSV or JSON: counts, sums, groups, joins, sorts. Use it \
            for every question about the numbers in a table. At most 1,000 rows come back, within 5 seconds.";
        About { concurrency: Some(4), ..About::read_only("query_table", "Query a table", description) }
    }

    async fn run(&self, Args { sql, table }: Args, call: &Call) -> Result<Output, ToolError> {
        // Rows become text again, which takes a while for 2 MB.
        let broken = |_| ToolError::new("sandbox_failed", "The tables could not be prepared.");
        let tables = spawn_blocking(|| named(table)).await.map_err(broken)?;
        let bytes: usize = tables.values().map(String::len).sum();
        if bytes > MOST_BYTES {
            let size = bytes / 100_000;
            let message = format!(
                "The tables have {}.{} MB, and 2 MB are the most. Give fewer rows or columns.",
                size / 10,
                size % 10
            );
            return Err(ToolError::new("table_too_large", message));
        }
        output(self.0.run(Work::Table { sql, tables }, call).await?)
    }
}

fn named(table: Option<Table>) -> BTreeMap<String, String> {
    let one = |text| BTreeMap::from([("t".to_owned(), text)]);
    match table {
        None => BTreeMap::new(),
        Some(Table::Text(text)) => one(text),
        Some(Table::Rows(rows)) => one(Value::Array(rows).to_string()),
        Some(Table::Several(tables)) => tables,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use uuid::Uuid;
    use weir_protocol::{ToolCallId, UserId};

    use super::*;
    use crate::callable;

    fn tool() -> QueryTable {
        QueryTable(Sandbox::new("/nowhere".into(), Duration::from_secs(1)))
    }

    #[tokio::test]
    async fn a_table_that_is_too_large_is_refused_with_its_size() {
        let (call, _reports) = Call::new(ToolCallId(Uuid::nil()), UserId(Uuid::nil()));
        let args = json!({ "sql": "SELECT 1 FROM t", "table": "a,b\n".repeat(2_600_000) });
        let refused = callable(tool()).call(args, &call).await.unwrap_err();
        assert_eq!(refused.code, "table_too_large");
        assert!(refused.message.starts_with("The tables have 10.4 MB"), "{}", refused.message);
    }

    #[test]
    fn a_table_is_text_or_rows_or_several_by_name() {
        let tool = callable(tool());
        for table in [json!("a\n1"), json!([{ "a": 1 }]), json!({ "t": "a\n1", "u": "b\n2" }), json!(null)] {
            let args = json!({ "sql": "SELECT 1", "table": table });
            assert_eq!(tool.spec().input_schema.faults(&args, "args"), [], "{args}");
        }
        for args in
            [json!({ "sql": "SELECT 1", "table": 7 }), json!({ "sql": "" }), json!({ "sql": "SELECT 1", "rows": [] })]
        {
            assert_eq!(tool.spec().input_schema.faults(&args, "args").len(), 1, "{args}");
        }
    }
}
