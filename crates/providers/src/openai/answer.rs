//! One answer: opened, read, and begun anew while nothing has been said.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures_util::stream;
use reqwest::{
    Response,
    header::{CONTENT_TYPE, HeaderMap},
};
use tokio::{task::spawn_blocking, time::timeout};

use super::{
    client::Server,
    decode::{Decoded, Decoder, Finish},
    failure::Failure,
    overlap::Overlap,
    request::Question,
};
use crate::{ChatRequest, EventStream, FinishedWith, ProviderError, ProviderEvent};

/// The longest answer in one piece, in bytes of its JSON. All answers share the thread that parses it.
const MAX_DOCUMENT_BYTES: usize = 4 * 1024 * 1024;

/// How long the usage and the end of the stream may follow the model's reason to end.
const TRAILER_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the end of the body may follow `[DONE]`. A body read to its end leaves a connection that serves the next
/// question; one that is dropped before closes it.
const LINGER_TIMEOUT: Duration = Duration::from_millis(10);

/// An answer on its way. Dropping it drops the response, and with it the connection.
pub(super) struct Answer {
    server: Arc<Server>,
    question: Question,
    /// Further tries made so far.
    retries: u32,
    /// Text has been given: from here on nothing is tried again.
    spoken: bool,
    open: Option<Open>,
    ready: VecDeque<ProviderEvent>,
    /// What ends the answer once everything that is ready has been said.
    failed: Option<ProviderError>,
}

/// An accepted question.
struct Open {
    response: Response,
    form: Form,
    decoder: Decoder,
    decoded: Vec<Decoded>,
    overlap: Overlap,
    /// Something of the protocol has come.
    begun: bool,
    /// Some of it was text.
    said: bool,
    /// Some of it were calls.
    called: bool,
    finish: Option<Finish>,
}

/// How the body has to be read.
enum Form {
    /// Not known yet; white space so far.
    Unknown,
    /// Server-sent events.
    Events,
    /// One JSON document: this much of it has come.
    Document(Vec<u8>),
}

impl Answer {
    /// Asks until the server accepts or the tries are used up.
    pub(super) async fn open(server: Arc<Server>, request: ChatRequest) -> Result<Self, ProviderError> {
        // A context has several MiB, and all answers share the thread that reads them.
        let model = request.model.clone();
        let encoded = spawn_blocking(move || Question::encode(request)).await;
        let unwritable = || server.words(&model).malformed("nothing: the question cannot be written as JSON").error;
        let question = encoded.ok().and_then(Result::ok).ok_or_else(unwritable)?;
        let mut answer =
            Self { server, question, retries: 0, spoken: false, open: None, ready: VecDeque::new(), failed: None };
        answer.reopen().await?;
        Ok(answer)
    }

    /// The events, until the one that ends them.
    pub(super) fn into_stream(self) -> EventStream {
        Box::pin(stream::unfold(Box::new(self), |mut answer| async move {
            let event = answer.next().await?;
            Some((event, answer))
        }))
    }

    async fn next(&mut self) -> Option<Result<ProviderEvent, ProviderError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                if !self.spoken && matches!(event, ProviderEvent::Text(_) | ProviderEvent::Call { .. }) {
                    self.spoken = true;
                    self.question.forget();
                }
                return Some(Ok(event));
            }
            if let Some(error) = self.failed.take() {
                return Some(Err(error));
            }
            let open = self.open.as_mut()?;
            match open.read(&self.server, &self.question.model, &mut self.ready).await {
                Ok(Progress::More) => {}
                Ok(Progress::End) => self.open = None,
                Err(failure) => {
                    self.open = None;
                    if let Err(error) = self.begin_anew(failure).await {
                        self.failed = Some(error);
                    }
                }
            }
        }
    }

    /// Asks again after `failure`, provided that nothing has been said: neither given nor ready to be given.
    async fn begin_anew(&mut self, failure: Failure) -> Result<(), ProviderError> {
        self.spoken |=
            self.ready.iter().any(|event| matches!(event, ProviderEvent::Text(_) | ProviderEvent::Call { .. }));
        self.wait_after(failure).await?;
        self.ready.clear();
        self.reopen().await
    }

    async fn reopen(&mut self) -> Result<(), ProviderError> {
        loop {
            match self.server.ask(&mut self.question).await {
                Ok((response, overlap)) => {
                    self.open = Some(Open::new(response, overlap));
                    return Ok(());
                }
                Err(failure) => self.wait_after(failure).await?,
            }
        }
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// With the failure itself, when there is no next try.
    async fn wait_after(&mut self, failure: Failure) -> Result<(), ProviderError> {
        let pause = self.server.options.retry.pause(self.retries + 1, failure.error.retry_after, fastrand::f64());
        let Some(pause) = pause.filter(|_| failure.retry && !self.spoken) else {
            return Err(failure.error);
        };
        self.retries += 1;
        tracing::info!(reason = %failure.error, retry = self.retries, ?pause, "asking the model server again");
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

enum Progress {
    More,
    End,
}

impl Open {
    fn new(response: Response, overlap: Overlap) -> Self {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let form = if kind.contains("event-stream") { Form::Events } else { Form::Unknown };
        Self {
            response,
            form,
            decoder: Decoder::default(),
            decoded: Vec::with_capacity(4),
            overlap,
            begun: false,
            said: false,
            called: false,
            finish: None,
        }
    }

    /// Reads the next stretch of the body and appends to `ready` what it says.
    async fn read(
        &mut self,
        server: &Server,
        model: &str,
        ready: &mut VecDeque<ProviderEvent>,
    ) -> Result<Progress, Failure> {
        let limit = if self.finish.is_some() { TRAILER_TIMEOUT } else { server.options.silence_timeout };
        let end = match timeout(limit, self.response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                self.take(&bytes).map_err(|what| server.words(model).malformed(what))?;
                false
            }
            Ok(Ok(None)) => {
                self.take_end();
                true
            }
            // The model has ended; how the connection does makes no difference.
            Ok(Err(_)) | Err(_) if self.finish.is_some() => true,
            Ok(Err(error)) => {
                tracing::debug!(error = %error.without_url(), "the answer broke off");
                return Err(server.words(model).broken_off());
            }
            Err(_) => return Err(server.words(model).silent(limit)),
        };
        let done = self.tell(server, model, ready)?;
        if !done && !end {
            return Ok(Progress::More);
        }
        if !end {
            // Nothing of the answer is left, so whatever comes or does not come is as good.
            let _ = timeout(LINGER_TIMEOUT, self.response.chunk()).await;
        }
        self.conclude(server, model, ready)
    }

    /// Finds out what the body is, and decodes its next bytes. Fails with what it is, when it is nothing of use.
    fn take(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        if let Form::Unknown = self.form {
            match bytes.trim_ascii_start().first() {
                None => return Ok(()),
                Some(b'<') => return Err("a web page"),
                Some(b'{' | b'[') => self.form = Form::Document(Vec::new()),
                Some(_) => self.form = Form::Events,
            }
        }
        match &mut self.form {
            Form::Document(body) if body.len() + bytes.len() > MAX_DOCUMENT_BYTES => Err("an endless answer"),
            Form::Document(body) => {
                body.extend_from_slice(bytes);
                Ok(())
            }
            Form::Events | Form::Unknown => {
                self.decoder.push(bytes, &mut self.decoded);
                Ok(())
            }
        }
    }

    fn take_end(&mut self) {
        match &self.form {
            Form::Document(body) => self.decoder.document(body, &mut self.decoded),
            Form::Events | Form::Unknown => self.decoder.finish(&mut self.decoded),
        }
    }

    /// Turns what was decoded into events; true at the stream's own end mark.
    fn tell(&mut self, server: &Server, model: &str, ready: &mut VecDeque<ProviderEvent>) -> Result<bool, Failure> {
        self.begun |= !self.decoded.is_empty();
        for decoded in self.decoded.drain(..) {
            match decoded {
                Decoded::Text(text) => {
                    self.said = true;
                    let new = self.overlap.strip(text);
                    if !new.is_empty() {
                        ready.push_back(ProviderEvent::Text(new));
                    }
                }
                Decoded::Call(call) => {
                    self.called = true;
                    // What was held back for the seam comes before what follows it.
                    let held = self.overlap.finish();
                    if !held.is_empty() {
                        ready.push_back(ProviderEvent::Text(held));
                    }
                    ready.push_back(call);
                }
                Decoded::Usage(usage) => ready.push_back(ProviderEvent::Usage(usage)),
                Decoded::Finish(finish) => self.finish = Some(finish),
                Decoded::Done => return Ok(true),
                // After the model's own end, a failure cannot take the answer back.
                Decoded::Failure(_) | Decoded::Malformed(_) if self.finish.is_some() => return Ok(true),
                Decoded::Failure(body) => {
                    return Err(server.words(model).reported(None, &HeaderMap::new(), &body));
                }
                Decoded::Malformed(what) => return Err(server.words(model).malformed(what)),
            }
        }
        Ok(false)
    }

    fn conclude(
        &mut self,
        server: &Server,
        model: &str,
        ready: &mut VecDeque<ProviderEvent>,
    ) -> Result<Progress, Failure> {
        let words = server.words(model);
        let held = self.overlap.finish();
        if !held.is_empty() {
            ready.push_back(ProviderEvent::Text(held));
        }
        let finished = match self.finish {
            Some(Finish::Stop | Finish::ToolCalls) if self.called => FinishedWith::Calls,
            Some(Finish::Stop) => FinishedWith::Stop,
            // It says that it called a tool, and did not, but it also answered.
            Some(Finish::ToolCalls) if self.said => FinishedWith::Stop,
            Some(Finish::Length) => FinishedWith::Length,
            Some(Finish::Filtered) => return Err(words.filtered()),
            Some(Finish::ToolCalls) => return Err(words.uncalled_tool()),
            Some(Finish::Aborted) => return Err(words.broken_off()),
            None if self.begun => return Err(words.broken_off()),
            None => return Err(words.empty()),
        };
        ready.push_back(ProviderEvent::Finished(finished));
        Ok(Progress::End)
    }
}
