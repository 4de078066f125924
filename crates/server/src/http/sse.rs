//! Server-sent events: one reader of a log as a response (WHATWG HTML, 9.2).

use std::{collections::VecDeque, pin::Pin, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_util::sync::WaitForCancellationFutureOwned;
use weir_protocol::UserId;
use weir_realtime::{Frame, Reader};
use weir_store::{JobRecord, RunRecord};

use super::ApiError;
use crate::{app::App, limits::Place, metrics::rate_limited};

/// A comment that keeps proxies and the client's patience awake.
const PING: Bytes = Bytes::from_static(b": ping\n\n");

/// Frames are joined into pieces of about this size, in bytes: a reader that does not read holds no more than that.
const PIECE: usize = 64 * 1024;

/// How long a reader waits for what its log has already, when the stream has to end.
const FAREWELL: Duration = Duration::from_millis(100);

/// The right of a user to read one more stream.
pub(crate) type StreamPlace = Place<UserId>;

/// Takes a place for a stream of this user. Before anything else is done: what is refused has no effect.
pub(crate) fn take_place(app: &App, user: UserId) -> Result<StreamPlace, ApiError> {
    app.limits.streams().take(user).ok_or_else(|| {
        rate_limited("streams");
        ApiError::too_many_streams()
    })
}

/// A log, from where its reader stands to the terminal event.
pub(crate) struct LogStream {
    /// What the headers say of it.
    about: Vec<(&'static str, String)>,
    follow: Follow,
}

struct Follow {
    reader: Reader,
    /// Frames that were read from the log and not yet handed to the connection.
    frames: VecDeque<Frame>,
    _place: StreamPlace,
    heartbeat: Duration,
    /// Fires at the earliest when a heartbeat has passed without a byte.
    silence: Pin<Box<Sleep>>,
    sent: Instant,
    /// The server closes, or is cut off from what it reads.
    ending: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl LogStream {
    /// A run's log.
    pub(crate) fn of_run(app: &App, run: &RunRecord, reader: Reader, place: StreamPlace) -> Self {
        let about = vec![("weir-run-id", run.id.to_string()), ("weir-conversation-id", run.conversation.to_string())];
        Self::new(app, about, reader, place)
    }

    /// A job's log.
    pub(crate) fn of_job(app: &App, job: &JobRecord, reader: Reader, place: StreamPlace) -> Self {
        Self::new(app, vec![("weir-job-id", job.job.id.to_string())], reader, place)
    }

    fn new(app: &App, about: Vec<(&'static str, String)>, reader: Reader, place: StreamPlace) -> Self {
        let ending = Box::pin(app.contact.ending().cancelled_owned());
        let heartbeat = app.heartbeat;
        let (frames, silence) = (VecDeque::new(), Box::pin(sleep(heartbeat)));
        let follow = Follow { reader, frames, _place: place, heartbeat, silence, sent: Instant::now(), ending };
        Self { about, follow }
    }
}

impl Follow {
    /// The next bytes. None after the terminal event, and when the reader has to come back: a body that ends without
    /// `done` says so.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(piece) = self.piece() {
            self.sent = Instant::now();
            return Some(piece);
        }
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
        let frames = next
            .inspect_err(|error| tracing::error!(%error, "a log cannot be read; its reader has to come back"))
            .ok()
            .flatten()?;
        self.frames = frames.into();
        self.piece()
    }

    /// The next frames that make one write. One frame is shared as it is.
    fn piece(&mut self) -> Option<Bytes> {
        let first = self.frames.pop_front()?;
        if self.frames.front().is_none_or(|next| first.sse.len() + next.sse.len() > PIECE) {
            return Some(first.sse);
        }
        let mut piece = Vec::with_capacity(first.sse.len());
        piece.extend_from_slice(&first.sse);
        while let Some(frame) = self.frames.pop_front_if(|frame| piece.len() + frame.sse.len() <= PIECE) {
            piece.extend_from_slice(&frame.sse);
        }
        Some(piece.into())
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
