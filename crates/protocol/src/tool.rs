//! Tools, and the jobs that are their executions.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{Approval, ConversationId, Failure, Question, RunId, Timestamp, ToolCallId, ToolCallStatus};

/// Whether a tool may run when somebody asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// It runs.
    Allow,
    /// It waits for the person's word.
    Ask,
    /// It does not run.
    Deny,
}

/// Where a tool comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ToolSource {
    /// Weir itself.
    BuiltIn,
    /// A server that speaks the Model Context Protocol. What it says of its tools is not to be trusted.
    Mcp,
}

/// What a tool says of its own behaviour: hints, as the Model Context Protocol names them (2025-11-25, `ToolAnnotations`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools, reason = "four hints, as the protocol names them")]
pub struct ToolAnnotations {
    /// It changes nothing.
    pub read_only_hint: bool,
    /// What it changes may be lost. Means something only when it is not read-only.
    pub destructive_hint: bool,
    /// Doing it twice with the same arguments is doing it once.
    pub idempotent_hint: bool,
    /// It meets the world outside: pages, other people's servers.
    pub open_world_hint: bool,
}

/// A tool, as a person and a model see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolInfo {
    /// Its name, which is unique on this server: 1 to 64 of `A–Z a–z 0–9 _ -`.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// What it does and when it is of use.
    pub description: String,
    /// The JSON Schema (2020-12) of its arguments, always of an object.
    #[schema(value_type = Object)]
    pub input_schema: Value,
    /// The JSON Schema of its output, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, nullable = false)]
    pub output_schema: Option<Value>,
    /// How it behaves.
    pub annotations: ToolAnnotations,
    /// Where it comes from.
    pub source: ToolSource,
    /// The MCP server that offers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub server: Option<String>,
    /// Whether it may run, where no rule says otherwise.
    pub permission: Permission,
    /// What holds for some arguments; the first that fits counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub rules: Vec<ArgumentRule>,
}

/// Every tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolList {
    /// The tools, by name.
    pub items: Vec<ToolInfo>,
}

/// How a rule compares an argument with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Match {
    /// The argument is the value; one that is not a text is compared as JSON. A rule that asks or denies also covers other spellings of
    /// the value: of URLs, numbers, paths, and texts in lists and objects.
    Equals,
    /// The argument begins with the value. A rule that allows a URL covers its server only, up to a `/` of the path. A rule that asks or
    /// denies also covers other spellings.
    Prefix,
    /// The argument is a URL of this host, which is a bare name or address. A rule that allows covers `http`, `https`, `ws` and `wss`
    /// URLs. A rule that asks or denies covers every text and object key that names the host.
    Host,
}

/// What holds for calls whose argument fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArgumentRule {
    /// The argument's name.
    #[schema(min_length = 1, max_length = 200)]
    pub argument: String,
    /// How it is compared.
    pub matches: Match,
    /// With what.
    #[schema(max_length = 1000)]
    pub value: String,
    /// Whether such a call may run.
    pub permission: Permission,
}

/// Who asked for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Caller {
    /// A model, in an answer.
    Model,
    /// The person: in the composer, on the page of tools, by the API.
    Person,
    /// Another program, over the Model Context Protocol.
    Mcp,
}

/// Whose word it was that a call may run, or may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DecidedBy {
    /// What is set for the tool.
    Permission,
    /// A person who was asked.
    Person,
    /// Nobody answered in time: a denial.
    Timeout,
}

/// The word on a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    /// What was decided.
    pub approval: Approval,
    /// By whom.
    pub by: DecidedBy,
    /// When.
    pub at: Timestamp,
    /// What the person had to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub message: Option<String>,
}

/// One execution of a tool. It has a log of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Its id: that of the tool call.
    pub id: ToolCallId,
    /// The tool.
    pub name: String,
    /// The arguments.
    pub args: Value,
    /// How far it has come.
    pub status: ToolCallStatus,
    /// Who asked for it.
    pub caller: Caller,
    /// Whether a person is asked, and has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub approval: Option<Approval>,
    /// Whose word it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decision: Option<Decision>,
    /// From 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub progress: Option<f64>,
    /// A word on what it does just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub note: Option<String>,
    /// What it gave, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<Failure>,
    /// The run whose model asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub run_id: Option<RunId>,
    /// The conversation of that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub conversation_id: Option<ConversationId>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it began; while it has not, when it was asked for.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ended_at: Option<Timestamp>,
}

/// A page of jobs, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobPage {
    /// The jobs.
    pub items: Vec<Job>,
    /// Where the next page starts; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_cursor: Option<String>,
}

/// A job that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobAccepted {
    /// Where it can be followed.
    pub job_id: ToolCallId,
}

/// A call that waits for this user's word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingApproval {
    /// The call.
    pub id: ToolCallId,
    /// The tool.
    pub name: String,
    /// The arguments.
    pub args: Value,
    /// Who asked for it.
    pub caller: Caller,
    /// The conversation in which it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub conversation_id: Option<ConversationId>,
    /// The run in which it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub run_id: Option<RunId>,
    /// Since when it waits.
    pub requested_at: Timestamp,
    /// When silence becomes a denial.
    pub expires_at: Timestamp,
}

/// Everything that waits for this user's word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalList {
    /// The calls that may not run without it, oldest first.
    pub items: Vec<PendingApproval>,
    /// The questions of tools that run, oldest first.
    pub questions: Vec<Question>,
}

/// One event of a job's log: `event:` and `data:` of a server-sent event; with `seq` and `n`, a frame of the WebSocket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum JobEvent {
    /// What it is doing.
    ToolUpdate(ToolUpdate),
    /// A part of its output.
    PartialResult(PartialResult),
    /// The terminal event of a job that worked.
    Complete(ToolOutput),
    /// The terminal event of a job that failed or was cancelled.
    Error(ToolFailure),
}

impl JobEvent {
    /// The word that names the event's kind on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ToolUpdate(_) => "tool_update",
            Self::PartialResult(_) => "partial_result",
            Self::Complete(_) => "complete",
            Self::Error(_) => "error",
        }
    }

    /// The event's `data` as JSON text; the same bytes whenever the event is read.
    ///
    /// # Errors
    /// When a value cannot be written as JSON, which no value of these types does.
    pub fn data(&self) -> serde_json::Result<String> {
        match self {
            Self::ToolUpdate(data) => serde_json::to_string(data),
            Self::PartialResult(data) => serde_json::to_string(data),
            Self::Complete(data) => serde_json::to_string(data),
            Self::Error(data) => serde_json::to_string(data),
        }
    }

    /// The event that `kind` and `data` of a log entry stand for.
    ///
    /// # Errors
    /// When the kind is unknown or the data does not fit it.
    pub fn parse(kind: &str, data: &str) -> serde_json::Result<Self> {
        match kind {
            "tool_update" => serde_json::from_str(data).map(Self::ToolUpdate),
            "partial_result" => serde_json::from_str(data).map(Self::PartialResult),
            "complete" => serde_json::from_str(data).map(Self::Complete),
            "error" => serde_json::from_str(data).map(Self::Error),
            other => Err(serde::de::Error::custom(format!("unknown kind of event: {other}"))),
        }
    }

    /// Whether a log ends with an event of this kind.
    pub fn is_terminal(kind: &str) -> bool {
        matches!(kind, "complete" | "error")
    }
}

/// What a job is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolUpdate {
    /// The job.
    pub id: ToolCallId,
    /// The tool.
    pub name: String,
    /// How far it has come.
    pub status: ToolCallStatus,
    /// The person's word, where the tool asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub approval: Option<Approval>,
    /// From 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub progress: Option<f64>,
    /// A word on what it does just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub note: Option<String>,
}

/// A part of a job's output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PartialResult {
    /// The job.
    pub id: ToolCallId,
    /// The part.
    pub data: Value,
}

/// What a job gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToolOutput {
    /// The job.
    pub id: ToolCallId,
    /// What it gave, whole.
    pub output: Value,
}

/// Why a job gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolFailure {
    /// The job.
    pub id: ToolCallId,
    /// A stable `snake_case` word.
    pub code: String,
    /// A sentence for the person.
    pub message: String,
}
