//! The tool of `docs/add-a-tool.md` compiles and runs, letter by letter.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;
use weir_protocol::{ToolCallId, UserId};
use weir_tools::{About, Call, Report, Tool, ToolError, callable};

const PAGE: &str = include_str!("../../../docs/add-a-tool.md");
const HERE: &str = include_str!("add_a_tool.rs");

struct CountWords;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Args {
    /// The text whose words are counted. (Models and the form on the page show this sentence.)
    #[schemars(length(max = 100_000))]
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct Output {
    words: usize,
}

#[async_trait]
impl Tool for CountWords {
    type Args = Args;
    type Output = Output;

    fn about(&self) -> About {
        About::read_only("count_words", "Count words", "Counts the words of a text.")
    }

    async fn run(&self, Args { text }: Args, call: &Call) -> Result<Output, ToolError> {
        call.progress(0.5, Some("counting"));
        Ok(Output { words: text.split_whitespace().count() })
    }
}

#[tokio::test]
async fn the_example_of_the_page_is_this_one_and_works() {
    let example = PAGE.split_once("```rust\n").unwrap().1.split_once("```").unwrap().0;
    assert!(HERE.contains(example), "docs/add-a-tool.md shows another tool than this test compiles");
    let tool = callable(CountWords);
    let (call, mut reports) = Call::new(ToolCallId(Uuid::nil()), UserId(Uuid::nil()));
    assert_eq!(tool.call(json!({ "text": "one  two\nthree" }), &call).await, Ok(json!({ "words": 3 })));
    assert!(matches!(reports.recv().await, Some(Report::Progress { progress: Some(_), .. })));
    assert_eq!(tool.spec().input_schema.faults(&json!({ "text": 1 }), "args")[0].path, "args.text");
}
