//! The words on the wire of Weir: ids, messages, runs, events, frames and errors.
//!
//! This crate does no I/O. Every type that a client sees is defined here once; the `OpenAPI` document, the
//! TypeScript types and the Zod schemas are generated from it.

mod account;
mod chat;
mod error;
mod event;
mod frame;
mod id;
mod json_values;
mod mcp;
mod metrics;
mod model;
mod page;
mod question;
mod request;
mod telemetry;
mod time;
mod tool;

pub use account::{
    AccessScope, ApiToken, ApiTokenList, AuthMode, AuthState, ChangePassword, CreateAccount, CreateApiToken,
    CreateInvite, CreatedApiToken, CreatedInvite, Credentials, DeleteAccount, Device, DeviceList, Invite, InviteList,
    MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARS, Me, Person, PersonList, Storage, UpdateMe, UpdatePerson, UserRole,
};
pub use chat::{Approval, ChatMessage, Conversation, MessageStatus, Role, ToolCall, ToolCallStatus, Usage};
pub use error::{FieldError, Problem, excerpt, shorten};
pub use event::{Done, Failure, FinishReason, StreamChunk, Token, ToolStatus};
pub use frame::{ClientFrame, InboxChange, ServerFrame};
pub use id::{
    ApiTokenId, ConversationId, InviteId, MessageId, PingId, QuestionId, RunId, SessionId, SignInId, ToolCallId, UserId,
};
pub use json_values::{MAX_JSON_VALUES, has_too_many_values};
pub use mcp::{
    CreateMcpServer, McpLogLine, McpOAuthClient, McpServer, McpServerList, McpServerLog, McpServerSource,
    McpServerStatus, McpSignIn, McpSignInStarted, McpTransport, UpdateMcpServer, name_fault as mcp_name_fault,
};
pub use metrics::{
    InstanceMetrics, MetricsColumns, MetricsHistory, MetricsPoint, MetricsSample, Quantiles, QuantilesColumns,
    RunningRun,
};
pub use model::{Model, ModelCapabilities, ModelList};
pub use page::{ConversationPage, MessagePage};
pub use question::{AnswerQuestion, Question, QuestionAction};
pub use request::{
    CreateConversation, CreateMessage, DecideApproval, InvokeTool, SetPermission, StartRun, UpdateConversation, Verdict,
};
pub use telemetry::{PageError, Telemetry, WebVital, WebVitalName};
pub use time::{Seq, Timestamp};
pub use tool::{
    ApprovalList, ArgumentRule, Caller, DecidedBy, Decision, Job, JobAccepted, JobEvent, JobPage, Match, PartialResult,
    PendingApproval, Permission, ToolAnnotations, ToolFailure, ToolInfo, ToolList, ToolOutput, ToolSource, ToolUpdate,
};

/// The version of the wire contract, sent as `weir-protocol` with every response.
pub const PROTOCOL_VERSION: &str = "1";
