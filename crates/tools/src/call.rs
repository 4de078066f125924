//! One call, as the tool that answers it sees it.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use weir_protocol::{AnswerQuestion, Failure, Permission, ToolCallId, UserId};

use crate::PermissionRules;

/// Why a tool gave nothing: a stable word and a sentence, for a person and for a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ToolError {
    /// A stable `snake_case` word.
    pub code: &'static str,
    /// A sentence, with the next step.
    pub message: String,
}

impl ToolError {
    /// An error of this kind.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<ToolError> for Failure {
    fn from(error: ToolError) -> Self {
        Self { code: error.code.to_owned(), message: error.message }
    }
}

/// What a tool asks the person in the middle of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Who asks.
    pub server: String,
    /// What it wants to know.
    pub message: String,
    /// The JSON Schema of the answer; none where a page asks.
    pub schema: Option<Value>,
    /// The page that asks.
    pub url: Option<String>,
}

/// What a tool says while it runs.
#[derive(Debug)]
pub enum Report {
    /// How far it has come, and a word on what it does.
    Progress {
        /// From 0 to 1.
        progress: Option<f64>,
        /// A word on what it does just now.
        note: Option<String>,
    },
    /// A part of its output.
    Partial(Value),
    /// A question, and where its answer goes.
    Question(Box<Asked>, oneshot::Sender<AnswerQuestion>),
}

/// Reports that may wait for whoever writes them down.
const WAITING: usize = 32;

/// The permissions of a call, for arguments that its tool derives from those of the call, such as the target of a redirect.
#[derive(Clone, Debug)]
pub struct CallPermissions {
    /// The rules of the user.
    pub rules: PermissionRules,
    /// Whether the user approved this call or made it, so that `ask` means `allow`.
    pub is_approved: bool,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its id; that of the job.
    pub id: ToolCallId,
    /// For whom.
    pub user: UserId,
    permissions: Option<Arc<CallPermissions>>,
    reports: mpsc::Sender<Report>,
}

impl Call {
    /// A call, and what it will report.
    pub fn new(id: ToolCallId, user: UserId) -> (Self, mpsc::Receiver<Report>) {
        let (reports, said) = mpsc::channel(WAITING);
        (Self { id, user, permissions: None, reports }, said)
    }

    /// Sets the permissions of the call. Without them everything is allowed.
    #[must_use]
    pub fn with_permissions(self, permissions: CallPermissions) -> Self {
        Self { permissions: Some(permissions.into()), ..self }
    }

    /// Decides whether the call may also do what a call with these arguments does.
    pub fn permission_for(&self, args: &Value) -> Permission {
        match &self.permissions {
            None => Permission::Allow,
            Some(permissions) => match permissions.rules.decide(args) {
                Permission::Ask if permissions.is_approved => Permission::Allow,
                decided => decided,
            },
        }
    }

    /// Tells how far it has come, from 0 to 1, and what it does just now. It also asks for more time. Where much is
    /// waiting to be written down, it is left out: the next one tells more.
    pub fn progress(&self, progress: f64, note: Option<&str>) {
        let progress = Some(progress.clamp(0.0, 1.0)).filter(|number| number.is_finite());
        let _ = self.reports.try_send(Report::Progress { progress, note: note.map(str::to_owned) });
    }

    /// Tells what it does just now.
    pub fn note(&self, note: &str) {
        let _ = self.reports.try_send(Report::Progress { progress: None, note: Some(note.to_owned()) });
    }

    /// Asks the person, and waits for the answer for as long as they may take. While it waits, silence is no fault.
    pub async fn ask(&self, asked: Asked) -> AnswerQuestion {
        let (reply, answer) = oneshot::channel();
        let _ = self.reports.send(Report::Question(Box::new(asked), reply)).await;
        // Nobody listens any more: then the call is about to be dropped.
        answer.await.unwrap_or(AnswerQuestion::silence())
    }

    /// Gives a part of the output. Waits while much is waiting to be written down; none is left out.
    pub async fn partial(&self, data: Value) {
        // Nobody listens any more: then the call is about to be dropped.
        let _ = self.reports.send(Report::Partial(data)).await;
    }
}
