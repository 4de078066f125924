//! Calls of tools, and readers of their jobs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, bail};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use weir_testkit::{EventParser, Heard};

use super::{Doors, Journal, SILENCE, pause, retry_after, told};

/// A call that was accepted, and what the reader of its job was shown.
#[derive(Clone, Debug)]
pub(crate) struct JobJournal {
    pub(crate) job: String,
    pub(crate) tool: &'static str,
    pub(crate) args: Value,
    journal: Arc<Mutex<Journal>>,
}

impl JobJournal {
    pub(crate) fn new(job: String, tool: &'static str, args: Value) -> Self {
        Self { job, tool, args, journal: Arc::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_ended(&self) -> bool {
        self.lock().shown.last().is_some_and(|event| is_end(&event.kind))
    }

    /// Reads to the end of the job, wherever a door is open.
    pub(crate) async fn read(self, http: Client, doors: Doors, progress: watch::Sender<u64>) {
        for door in 0.. {
            let last = self.lock().last().to_string();
            let url = format!("{}/api/jobs/{}/events", doors.at(door), self.job);
            match timeout(SILENCE, http.get(url).header("last-event-id", last).send()).await {
                Ok(Ok(response)) if response.status() == StatusCode::OK => self.follow(response, &progress).await,
                Ok(Ok(response)) if retry_after(&response).is_some() => {
                    sleep(retry_after(&response).unwrap_or_default()).await;
                }
                Ok(Ok(response)) => {
                    let told = told(response).await;
                    self.lock().complaints.push(format!("the reader of a job was answered {told}"));
                    return;
                }
                Ok(Err(_)) | Err(_) => sleep(pause()).await,
            }
            if self.has_ended() {
                return;
            }
        }
    }

    async fn follow(&self, mut response: Response, progress: &watch::Sender<u64>) {
        let mut parser = EventParser::default();
        // An end, a cut, or silence where there should be pings: each means to ask again.
        while let Ok(Ok(Some(bytes))) = timeout(SILENCE, response.chunk()).await {
            for heard in parser.push(&bytes) {
                if let Heard::Event(event) = heard {
                    self.lock().write(event);
                    progress.send_modify(|count| *count += 1);
                }
            }
        }
    }
}

/// Whether an event of this kind is the last of a job.
pub(crate) fn is_end(kind: &str) -> bool {
    matches!(kind, "complete" | "error")
}

/// Calls a tool, again and again with the same key until the call is accepted.
///
/// # Errors
/// When it is refused for good.
pub(crate) async fn call(
    http: &Client,
    doors: &Doors,
    tool: &'static str,
    args: Value,
    key: &str,
) -> Result<JobJournal> {
    for door in 0.. {
        let request = http.post(format!("{}/api/tools/{tool}", doors.at(door))).header("idempotency-key", key);
        let request = request.header("content-type", "application/json").body(json!({ "args": args }).to_string());
        match timeout(SILENCE, request.send()).await {
            Ok(Ok(response)) if response.status() == StatusCode::ACCEPTED => {
                let accepted: Value = serde_json::from_str(&response.text().await?)?;
                let job = accepted["jobId"].as_str().context("a call without its job's id")?.to_owned();
                return Ok(JobJournal::new(job, tool, args));
            }
            // The server that offers the tool is being started, too.
            Ok(Ok(response)) if response.status() == StatusCode::NOT_FOUND => sleep(pause()).await,
            Ok(Ok(response)) if retry_after(&response).is_some() => sleep(pause()).await,
            Ok(Ok(response)) => bail!("a call of {tool} was answered {}", told(response).await),
            Ok(Err(_)) | Err(_) => sleep(pause()).await,
        }
    }
    bail!("nobody takes the call")
}
