//! What a server says of its own accord.

use std::{collections::HashMap, sync::Arc};

use rmcp::{
    ClientHandler, RoleClient,
    model::{
        ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationCapability,
        ErrorData, FormElicitationCapability, Implementation, ProgressNotificationParam, ProgressToken,
        ProtocolVersion, UrlElicitationCapability,
    },
    service::{NotificationContext, RequestContext},
};
use tokio::sync::{Mutex, Notify, Semaphore};

use super::{log::Log, names::readable, questions};
use crate::Call;

/// The longest word on progress, in characters.
const MOST_NOTE_CHARS: usize = 200;
/// Questions of one server that wait for an answer at once. Further ones are declined.
pub(super) const MAX_OPEN_QUESTIONS: usize = 8;

/// The calls under way, by the token under which their progress is told.
pub(super) type Calls = Arc<Mutex<HashMap<ProgressToken, Call>>>;

/// Whoever hears what a server says. Questions go to the person (elicitation); neither sampling nor roots are offered.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    pub(super) calls: Calls,
    /// The list of tools is another one.
    pub(super) changed: Arc<Notify>,
    pub(super) log: Log,
    /// What the server is called here.
    pub(super) server: String,
    questions: Arc<Semaphore>,
}

impl Listener {
    /// Listens to the server of this name and adds to its log.
    pub(super) fn new(server: &str, log: Log) -> Self {
        Self {
            calls: Calls::default(),
            changed: Arc::default(),
            log,
            server: server.to_owned(),
            questions: Arc::new(Semaphore::new(MAX_OPEN_QUESTIONS)),
        }
    }
}

impl ClientHandler for Listener {
    fn get_info(&self) -> ClientConfig {
        let weir = Implementation::new("weir", env!("CARGO_PKG_VERSION")).with_title("Weir");
        // What is said where nothing newer was agreed on.
        let asks = ElicitationCapability::new()
            .with_form(FormElicitationCapability::default())
            .with_url(UrlElicitationCapability::default());
        let mut capabilities = ClientCapabilities::default();
        capabilities.elicitation = Some(asks);
        ClientConfig::new(capabilities, weir).with_protocol_version(ProtocolVersion::V_2025_11_25)
    }

    async fn create_elicitation(
        &self,
        asked: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let Ok(_open) = self.questions.try_acquire() else { return Ok(ElicitResult::new(ElicitationAction::Decline)) };
        Ok(questions::ask_in_some_call(&self.server, &self.calls, asked).await)
    }

    async fn on_progress(&self, told: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        let calls = self.calls.lock().await;
        let Some(call) = calls.get(&told.progress_token) else { return };
        let note = told.message.as_deref().map(|text| readable(text, MOST_NOTE_CHARS));
        match told.total.filter(|total| *total > 0.0) {
            Some(total) => call.progress(told.progress / total, note.as_deref()),
            None => call.note(&note.unwrap_or_else(|| format!("{} so far", told.progress))),
        }
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed.notify_one();
    }

    #[expect(deprecated, reason = "servers of 2025-11-25 log like this")]
    async fn on_logging_message(
        &self,
        message: rmcp::model::LoggingMessageNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        let text = message.data.as_str().map_or_else(|| message.data.to_string(), str::to_owned);
        self.log.say(&text);
    }
}
