//! Server-sent events: one reader of a log as a response (WHATWG HTML, 9.2).

use std::{pin::Pin, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_util::sync::WaitForCancellationFutureOwned;
use weir_realtime::{Frame, Reader};
use weir_store::{JobRecord, RunRecord};

use crate::app::App;

/// A comment that keeps proxies and the client's patience awake.
const PING: Bytes = Bytes::from_static(b": ping\n\n");

/// How long a reader waits for what its log has already, when the stream has to end.
const FAREWELL: Duration = Duration::from_millis(100);

/// A log, from where its reader stands to the terminal event.
pub(crate) struct LogStream {
    /// What the headers say of it.
    about: Vec<(&'static str, String)>,
    follow: Follow,
}

struct Follow {
    reader: Reader,
    heartbeat: Duration,
    /// Fires at the earliest when a heartbeat has passed without a byte.
    silence: Pin<Box<Sleep>>,
    sent: Instant,
    /// The server closes, or is cut off from what it reads.
    ending: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl LogStream {
    /// A run's log.
    pub(crate) fn of_run(app: &App, run: &RunRecord, reader: Reader) -> Self {
        let about = vec![("weir-run-id", run.id.to_string()), ("weir-conversation-id", run.conversation.to_string())];
        Self::new(app, about, reader)
    }

    /// A job's log.
    pub(crate) fn of_job(app: &App, job: &JobRecord, reader: Reader) -> Self {
        Self::new(app, vec![("weir-job-id", job.job.id.to_string())], reader)
    }

    fn new(app: &App, about: Vec<(&'static str, String)>, reader: Reader) -> Self {
        let ending = Box::pin(app.contact.ending().cancelled_owned());
        let heartbeat = app.heartbeat;
        let follow = Follow { reader, heartbeat, silence: Box::pin(sleep(heartbeat)), sent: Instant::now(), ending };
        Self { about, follow }
    }
}

impl Follow {
    /// The next bytes. None after the terminal event, and when the reader has to come back: a body that ends without
    /// `done` says so.
    async fn next(&mut self) -> Option<Bytes> {
        let next = loop {
            tokio::select! {
                biased;
                next = self.reader.next() => break next,
                // An answer that came to its end while the server drained is told to its end.
                () = &mut self.ending => break timeout(FAREWELL, self.reader.next()).await.ok()?,
                () = &mut self.silence => {
                    // Set back here and not with every frame: a clock costs more than a look at it.
                    let due = self.sent + self.heartbeat;
                    let now = Instant::now();
                    if due <= now {
                        self.sent = now;
                        self.silence.as_mut().reset(now + self.heartbeat);
                        return Some(PING);
                    }
                    self.silence.as_mut().reset(due);
                }
            }
        };
        self.sent = Instant::now();
        next.inspect_err(|error| tracing::error!(%error, "a log cannot be read; its reader has to come back"))
            .ok()
            .flatten()
            .as_deref()
            .map(joined)
    }
}

/// One frame is shared as it is; several become one write.
fn joined(frames: &[Frame]) -> Bytes {
    match frames {
        [frame] => frame.sse.clone(),
        frames => frames.iter().flat_map(|frame| frame.sse.iter().copied()).collect(),
    }
}

impl IntoResponse for LogStream {
    fn into_response(self) -> Response {
        let events = stream::unfold(self.follow, |mut follow| async move {
            let bytes = follow.next().await?;
            Some((Ok::<_, std::convert::Infallible>(bytes), follow))
        });
        let fixed = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")),
            (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
        ];
        let mut response = (fixed, Body::from_stream(events)).into_response();
        for (name, value) in self.about {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
