//! The frames of the WebSocket subprotocol `weir.v1`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    Approval, Conversation, ConversationId, InstanceMetrics, MetricsPoint, MetricsSample, PendingApproval, PingId,
    Question, QuestionId, RunId, RunningRun, Seq, SessionId, StreamChunk, Timestamp, ToolCallId, ToolCallStatus,
};

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// Goes on with a session; the first frame of a reconnect.
    Resume {
        /// The session to go on with.
        session: SessionId,
        /// The last `seq` this client has processed.
        seq: u64,
    },
    /// The server may forget frames up to `seq`.
    Ack {
        /// The last `seq` this client has processed.
        seq: u64,
    },
    /// Runs a tool; the same id never runs it twice.
    InvokeTool {
        /// Chosen by the client.
        id: ToolCallId,
        /// The tool.
        name: String,
        /// The arguments.
        args: Value,
    },
    /// Cancels a tool call.
    CancelTool {
        /// The call.
        id: ToolCallId,
    },
    /// Follows a topic: `metrics`, `run:<id>`, `job:<id>` or `inbox`.
    Subscribe {
        /// The topic.
        topic: String,
        /// The last event already seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        after: Option<Seq>,
    },
    /// Follows it no more.
    Unsubscribe {
        /// The topic.
        topic: String,
    },
    /// Asks whether the server is still there. For browsers, whose scripts do not see the pings of WebSocket itself.
    Ping {
        /// The `pong` repeats it.
        id: PingId,
    },
}

/// What the server sends. Every frame but `welcome`, `pong` and `metrics` carries the session's `seq`: dense, from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The first frame, and the answer to `resume`.
    #[serde(rename_all = "camelCase")]
    Welcome {
        /// The session.
        session: SessionId,
        /// Where it stands; 0 when it is new.
        seq: u64,
        /// Whether the session asked for goes on.
        resumed: bool,
        /// Milliseconds between two pings.
        heartbeat_ms: u64,
    },
    /// What a tool is doing.
    ToolUpdate {
        /// The session's number of this frame.
        seq: u64,
        /// The event's number in the job's log.
        n: Seq,
        /// The call.
        id: ToolCallId,
        /// The tool.
        name: String,
        /// How far it has come.
        status: ToolCallStatus,
        /// The person's word, where the tool asks for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        approval: Option<Approval>,
        /// From 0 to 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        progress: Option<f64>,
        /// A word on what it does just now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        note: Option<String>,
    },
    /// A part of a tool's output.
    PartialResult {
        /// The session's number of this frame.
        seq: u64,
        /// The event's number in the job's log.
        n: Seq,
        /// The call.
        id: ToolCallId,
        /// The part.
        data: Value,
    },
    /// The terminal frame of a job that worked.
    Complete {
        /// The session's number of this frame.
        seq: u64,
        /// The event's number in the job's log.
        n: Seq,
        /// The call.
        id: ToolCallId,
        /// What it gave.
        output: Value,
    },
    /// With an id: the terminal frame of a job that failed or was cancelled.
    Error {
        /// The session's number of this frame.
        seq: u64,
        /// The call, if it is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        id: Option<ToolCallId>,
        /// The event's number in the job's log, if it is its terminal event.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        n: Option<Seq>,
        /// The topic, if it is about one that cannot be followed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        topic: Option<String>,
        /// A stable `snake_case` word.
        code: String,
        /// A sentence for the person.
        message: String,
    },
    /// Event `n` of a subscribed run.
    Chunk {
        /// The session's number of this frame.
        seq: u64,
        /// The run.
        run: RunId,
        /// The event's number in the run's log.
        n: Seq,
        /// The event.
        chunk: StreamChunk,
    },
    /// A conversation of this user has changed.
    Inbox {
        /// The session's number of this frame.
        seq: u64,
        /// What has changed.
        change: InboxChange,
    },
    /// Answers a `ping`. Never replayed, and without a number of the session.
    Pong {
        /// The id of the ping.
        id: PingId,
    },
    /// Acknowledges a `subscribe`: the session follows the topic.
    Subscribed {
        /// The session's number of this frame.
        seq: u64,
        /// The topic.
        topic: String,
    },
    /// The figures of one second; see `MetricsPoint`. Never queued, never replayed, and without a number of the session.
    Metrics {
        /// When the second ended.
        at: Timestamp,
        /// All instances together.
        total: Box<MetricsSample>,
        /// Each instance; empty for those who are no administrators.
        instances: Vec<InstanceMetrics>,
        /// Answers under way, the asking person's own first; other people's are shown to administrators only.
        runs: Vec<RunningRun>,
    },
}

impl From<MetricsPoint> for ServerFrame {
    fn from(point: MetricsPoint) -> Self {
        let MetricsPoint { at, total, instances, runs } = point;
        Self::Metrics { at, total: Box::new(total), instances, runs }
    }
}

/// What has changed among a user's things.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum InboxChange {
    /// A new one.
    Created {
        /// The conversation.
        conversation: Conversation,
    },
    /// Renamed, pinned, archived, or moved by new activity.
    Updated {
        /// The conversation.
        conversation: Conversation,
    },
    /// An answer in it has ended.
    #[serde(rename_all = "camelCase")]
    Answered {
        /// The conversation.
        conversation: Conversation,
        /// The run that ended.
        run_id: RunId,
    },
    /// It is gone.
    #[serde(rename_all = "camelCase")]
    Deleted {
        /// Which one.
        conversation_id: ConversationId,
    },
    /// A tool call waits for this user's word.
    ApprovalRequested {
        /// The call.
        pending: PendingApproval,
    },
    /// A tool call waits for nobody's word any more.
    ApprovalSettled {
        /// The call.
        id: ToolCallId,
    },
    /// A tool asks this user something in the middle of a call.
    QuestionAsked {
        /// What it asks.
        question: Question,
    },
    /// A question waits for nobody any more.
    QuestionSettled {
        /// The question.
        id: QuestionId,
    },
}
