//! What every handler reaches: the stores, the runs, the clock and the signals of the process.

use std::{ops::Deref, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use weir_protocol::UserId;
use weir_realtime::EventLog;
use weir_runs::{Contact, Runs};
use weir_store::{Clock, Store};

use crate::{access::Access, http::Sessions, lifecycle::Lifecycle, limits::Limits, mcp::Fleet, metrics::Metrics};

/// The one user of a server that is open to its own machine only.
pub const LOCAL_USER: UserId = UserId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));

/// The application. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What the application is made of.
pub struct Parts {
    /// Everything that is stored.
    pub store: Store,
    /// The log of every run.
    pub log: EventLog,
    /// The runs of this process.
    pub runs: Runs,
    /// The WebSocket sessions of this process.
    pub sessions: Sessions,
    /// The MCP servers whose tools are offered.
    pub fleet: Fleet,
    /// Who is let in.
    pub access: Access,
    /// What is measured.
    pub metrics: Metrics,
    /// How much each may ask for.
    pub limits: Limits,
    /// Times and ids.
    pub clock: Arc<dyn Clock>,
    /// The names this server is known by, beside IP addresses and names without a dot.
    pub hosts: Vec<String>,
    /// After how long a silent stream sends a comment.
    pub heartbeat: Duration,
    /// How long a log is kept after its run has ended.
    pub retention: Duration,
    /// The server is about to stop: nothing new is begun.
    pub draining: CancellationToken,
    /// Open streams end now; their readers come back to whoever serves next.
    pub closing: CancellationToken,
    /// Whether the database is reached. Open streams end when it is not, and with `closing`.
    pub contact: Contact,
    /// The long-lived tasks.
    pub lifecycle: Lifecycle,
}

impl App {
    /// An application made of these parts.
    pub fn new(parts: Parts) -> Self {
        parts.runs.jobs().set_max_unfinished(parts.limits.options().jobs);
        Self(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
