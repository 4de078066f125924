//! What the dashboard shows: figures of one second, of one instance or of all together, and the runs of that second.
//!
//! Nothing here carries what anybody said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ConversationId, RunId, Timestamp};

/// How long something took, in milliseconds: of a hundred, the 50th, the 95th and the 99th slowest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Quantiles {
    /// Half of them were faster.
    pub p50: f64,
    /// One of twenty was slower.
    pub p95: f64,
    /// One of a hundred was slower.
    pub p99: f64,
}

/// The figures of one second. What is absent was not measured, because nothing of the kind happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricsSample {
    /// HTTP requests that were answered.
    pub requests_per_second: f64,
    /// Those of them that were answered with 5xx.
    pub errors_per_second: f64,
    /// From a request to the head of its answer, all routes together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub latency: Option<Quantiles>,
    /// From the start of a run to its first token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub first_token: Option<Quantiles>,
    /// Tokens that models wrote.
    pub tokens_per_second: f64,
    /// Tokens that models were given, counted when a provider says how many they were.
    pub input_tokens_per_second: f64,
    /// People who have a session (it outlives its socket for two minutes) or an answer under way.
    pub people: u64,
    /// Open `WebSockets`.
    pub sockets: u64,
    /// Logs that are followed, by whatever transport.
    pub readers: u64,
    /// Runs under way.
    pub runs: u64,
    /// Jobs under way, those that wait for a person among them.
    pub jobs: u64,
    /// Sessions that went on with a new socket, in this second.
    pub resumes: u64,
    /// Runs and jobs of a dead instance that were taken over, in this second.
    pub take_overs: u64,
    /// Readers that were let go because they were too slow, in this second.
    pub readers_dropped: u64,
    /// Frames of metrics that a slow socket did not get because there was a newer one, in this second.
    pub frames_dropped: u64,
    /// Requests and frames that a limit refused, in this second.
    pub rate_limited: u64,
    /// Failures of providers, in this second.
    pub upstream_errors: u64,
    /// Bytes of frames that are kept until clients acknowledge them.
    pub held_bytes: u64,
    /// How long a commit of events took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub commit: Option<Quantiles>,
    /// Events in one commit, on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rows_per_commit: Option<f64>,
    /// From the ringing of the bell to its being heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub bell: Option<Quantiles>,
    /// Resident memory of the server's process.
    pub memory_bytes: u64,
    /// Processor cores in use by the server's process.
    pub cpu: f64,
}

/// One instance by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceMetrics {
    /// Which one; each start of the server is a new one.
    pub id: String,
    /// When it started.
    pub started_at: Timestamp,
    /// Its figures.
    pub sample: MetricsSample,
}

/// An answer that is being written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunningRun {
    /// The run.
    pub id: RunId,
    /// Whether it is the asking person's own.
    pub own: bool,
    /// Where it is read; said of one's own only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub conversation_id: Option<ConversationId>,
    /// Whose it is; said to administrators, of other people's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub person: Option<String>,
    /// The model that answers.
    pub model: String,
    /// When it started.
    pub started_at: Timestamp,
    /// Tokens so far.
    pub tokens: u64,
    /// Tokens of the last second.
    pub tokens_per_second: f64,
}

/// One second: all together, and what the asking person may see of the parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricsPoint {
    /// When the second ended.
    pub at: Timestamp,
    /// All instances together.
    pub total: MetricsSample,
    /// Each instance; empty for those who are no administrators.
    pub instances: Vec<InstanceMetrics>,
    /// Answers under way, the asking person's own first; other people's are shown to administrators only.
    pub runs: Vec<RunningRun>,
}

/// Quantiles over time: one array for each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QuantilesColumns {
    /// Half of them were faster.
    pub p50: Vec<Option<f64>>,
    /// One of twenty was slower.
    pub p95: Vec<Option<f64>>,
    /// One of a hundred was slower.
    pub p99: Vec<Option<f64>>,
}

impl QuantilesColumns {
    fn push(&mut self, quantiles: Option<Quantiles>) {
        self.p50.push(quantiles.map(|quantiles| quantiles.p50));
        self.p95.push(quantiles.map(|quantiles| quantiles.p95));
        self.p99.push(quantiles.map(|quantiles| quantiles.p99));
    }
}

/// Declares the columns of a sample's figures, and how a sample becomes their next row.
macro_rules! columns {
    ($($figure:ident: $column:ty, $meaning:literal, $push:expr;)*) => {
        /// Figures over time: one array for each, as long as `at`. Null: not measured in that second.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct MetricsColumns {
            $(#[doc = $meaning] pub $figure: $column,)*
        }

        impl MetricsColumns {
            /// Appends a second; none for one in which nothing was measured at all.
            pub fn push(&mut self, sample: Option<&MetricsSample>) {
                $($push(&mut self.$figure, sample.map(|sample| &sample.$figure));)*
            }
        }
    };
}

fn number(column: &mut Vec<Option<f64>>, value: Option<&f64>) {
    column.push(value.copied());
}

fn count(column: &mut Vec<Option<u64>>, value: Option<&u64>) {
    column.push(value.copied());
}

fn average(column: &mut Vec<Option<f64>>, value: Option<&Option<f64>>) {
    column.push(value.copied().flatten());
}

fn quantiles(columns: &mut QuantilesColumns, value: Option<&Option<Quantiles>>) {
    columns.push(value.copied().flatten());
}

columns! {
    requests_per_second: Vec<Option<f64>>, "As in `MetricsSample`.", number;
    errors_per_second: Vec<Option<f64>>, "As in `MetricsSample`.", number;
    latency: QuantilesColumns, "As in `MetricsSample`.", quantiles;
    first_token: QuantilesColumns, "As in `MetricsSample`.", quantiles;
    tokens_per_second: Vec<Option<f64>>, "As in `MetricsSample`.", number;
    input_tokens_per_second: Vec<Option<f64>>, "As in `MetricsSample`.", number;
    people: Vec<Option<u64>>, "As in `MetricsSample`.", count;
    sockets: Vec<Option<u64>>, "As in `MetricsSample`.", count;
    readers: Vec<Option<u64>>, "As in `MetricsSample`.", count;
    runs: Vec<Option<u64>>, "As in `MetricsSample`.", count;
    jobs: Vec<Option<u64>>, "As in `MetricsSample`.", count;
    resumes: Vec<Option<u64>>, "As in `MetricsSample`.", count;
    take_overs: Vec<Option<u64>>, "As in `MetricsSample`.", count;
    readers_dropped: Vec<Option<u64>>, "As in `MetricsSample`.", count;
    frames_dropped: Vec<Option<u64>>, "As in `MetricsSample`.", count;
    rate_limited: Vec<Option<u64>>, "As in `MetricsSample`.", count;
    upstream_errors: Vec<Option<u64>>, "As in `MetricsSample`.", count;
    held_bytes: Vec<Option<u64>>, "As in `MetricsSample`.", count;
    commit: QuantilesColumns, "As in `MetricsSample`.", quantiles;
    rows_per_commit: Vec<Option<f64>>, "As in `MetricsSample`.", average;
    bell: QuantilesColumns, "As in `MetricsSample`.", quantiles;
    memory_bytes: Vec<Option<u64>>, "As in `MetricsSample`.", count;
    cpu: Vec<Option<f64>>, "As in `MetricsSample`.", number;
}

/// What a dashboard shows at once: now, and the last 15 minutes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricsHistory {
    /// The newest second.
    pub now: MetricsPoint,
    /// Milliseconds from one second's figures to the next.
    pub interval_ms: u64,
    /// The ends of the seconds, oldest first, at most 900; the last is that of `now`.
    pub at: Vec<Timestamp>,
    /// All instances together.
    pub total: MetricsColumns,
    /// Each instance by its id; empty for those who are no administrators.
    pub per_instance: BTreeMap<String, MetricsColumns>,
}
