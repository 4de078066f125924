//! The loop of one run: ask the provider, fold what it says into the log, end exactly once.

use std::{pin::pin, sync::Arc};

use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};
use weir_protocol::Failure;
use weir_providers::{ChatRequest, EventStream, ProviderError, ProviderErrorKind, Turn};
use weir_realtime::{LogWriter, LostLease};
use weir_store::{RunRecord, Store};

use crate::{
    Fold, Jobs, Outcome, Step, context, fold::MAX_ANSWER_BYTES, live::Live, measure, providers::Chosen, steps::Wanted,
    trace,
};

/// How often an answer is begun or taken up again at most: one that ends its server each time must end some time.
const MOST_ATTEMPTS: u32 = 5;

/// How many steps of an answer may call tools. The one after it has to do with what is there.
const MOST_STEPS: usize = 20;

/// Who may end a run before its provider does.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    /// Somebody stopped this run.
    pub(crate) cancel: CancellationToken,
    /// The process stops; somebody else goes on with the run.
    pub(crate) stop: CancellationToken,
    /// The process is about to stop.
    pub(crate) draining: CancellationToken,
}

/// One run under way.
pub(crate) struct Drive {
    pub(crate) store: Store,
    pub(crate) run: RunRecord,
    pub(crate) chosen: Option<Chosen>,
    pub(crate) turns: Vec<Turn>,
    pub(crate) fold: Fold,
    pub(crate) jobs: Jobs,
    /// Calls of the last step whose arguments could not be read.
    pub(crate) unreadable: usize,
    pub(crate) live: Arc<Live>,
    pub(crate) signals: Signals,
}

/// Why the loop ended.
pub(crate) enum Ended {
    /// The answer has an outcome, which is still to be appended.
    With(Outcome),
    /// The run was left for somebody else.
    Left,
}

impl Drive {
    /// Asks, calls the tools that the model wants, and asks again, until the answer has an outcome.
    pub(crate) async fn answer(&mut self, writer: &mut LogWriter) -> Result<Ended, LostLease> {
        if self.run.cancel_requested {
            self.cancel_calls(writer).await?;
            return Ok(Ended::With(Outcome::Cancelled));
        }
        let mut withheld = false;
        // A step without text looks like a part of the one before it, so steps are counted here. After a take-over they are
        // those that the answer shows.
        let mut steps = context::steps_taken(self.fold.answer());
        loop {
            if let Some(ended) = self.settle(writer).await? {
                return Ok(ended);
            }
            withheld |= steps >= MOST_STEPS;
            let wanted = match self.ask(writer, withheld).await? {
                Said::Ended(ended) => return Ok(ended),
                // A model that calls tools although none are offered would do so without end.
                Said::Calls(_) if withheld => return Ok(Ended::With(Outcome::Failed(too_many_steps()))),
                Said::Calls(wanted) => wanted,
            };
            let told_before = self.unreadable > 0;
            self.place(wanted, writer).await?;
            steps += 1;
            // What cannot be read is told back once; who goes on like that is offered no tools any more.
            withheld |= told_before && self.unreadable > 0;
            self.fold.next_attempt();
        }
    }

    /// Asks and listens until the model has come to its end, or wants tools.
    async fn ask(&mut self, writer: &mut LogWriter, withheld: bool) -> Result<Said, LostLease> {
        let Some(chosen) = self.chosen.clone() else {
            return Ok(self.not_continued("The model that wrote this answer is not set up any more."));
        };
        let taken_over = self.run.attempts > 1;
        if taken_over && !self.may_go_on(&chosen) {
            return Ok(self.not_continued("The server stopped in the middle of this answer."));
        }
        loop {
            let request = self.request(&chosen, withheld).await;
            let span = trace::chat(self, &chosen);
            let asked = tokio::select! {
                biased;
                () = self.signals.cancel.cancelled() => return Ok(Said::outcome(Outcome::Cancelled)),
                () = self.signals.stop.cancelled() => return Ok(Said::Ended(Ended::Left)),
                () = writer.lost() => return Err(LostLease),
                asked = chosen.provider.stream(request).instrument(span.clone()) => asked,
            };
            let failed = match asked.inspect_err(|error| failed(&span, &chosen, error)) {
                Ok(stream) => match self.listen(stream, writer).await? {
                    Heard::Said(said) => {
                        trace::counted(&span, self.fold.counted());
                        return Ok(said);
                    }
                    Heard::Failure(error) => {
                        failed(&span, &chosen, &error);
                        error
                    }
                },
                // Part of the answer is there and the provider refuses to go on with it.
                Err(error) if error.kind != ProviderErrorKind::Crashed && !self.partial().is_empty() => {
                    return Ok(self.not_continued(&error.message));
                }
                Err(error) => error,
            };
            if failed.kind != ProviderErrorKind::Crashed || !self.may_go_on(&chosen) {
                return Ok(Said::outcome(Outcome::Failed(told(failed))));
            }
            tracing::warn!(run = %self.run.id, attempt = self.run.attempts, "the engine ended; asking a fresh one");
            self.run.attempts += 1;
            self.fold.next_attempt();
            if let Err(error) = self.store.count_attempt(self.run.id).await {
                tracing::error!(%error, run = %self.run.id, "an attempt could not be counted");
            }
        }
    }

    async fn listen(&mut self, mut stream: EventStream, writer: &mut LogWriter) -> Result<Heard, LostLease> {
        let (mut finished, mut wanted) = (None, Vec::new());
        // Made once, not for every event.
        let Signals { cancel, stop, .. } = self.signals.clone();
        let (mut cancelled, mut stopped) = (pin!(cancel.cancelled()), pin!(stop.cancelled()));
        let mut lost = pin!(writer.lost());
        loop {
            let event = tokio::select! {
                biased;
                () = &mut cancelled => return Ok(Heard::Said(Said::outcome(Outcome::Cancelled))),
                () = &mut stopped => return Ok(Heard::Said(Said::Ended(Ended::Left))),
                () = &mut lost => return Err(LostLease),
                event = stream.next() => event,
            };
            match (event, finished) {
                (Some(Ok(event)), _) => match self.fold.apply(event) {
                    Step::Nothing => {}
                    Step::Text(text) => {
                        self.live.token();
                        writer.text(self.run.message, text).await?;
                        if self.fold.is_full() {
                            return Ok(Heard::Said(Said::outcome(Outcome::Failed(answer_too_long()))));
                        }
                    }
                    Step::Call { name, args } => wanted.push(Wanted { name, args }),
                    Step::Finished(with) => finished = Some(with),
                },
                // What follows the finish is only counting; a failure of that spoils no answer.
                // Servers do not agree on how they finish when they call tools.
                (_, Some(_)) if !wanted.is_empty() => return Ok(Heard::Said(Said::Calls(wanted))),
                (_, Some(with)) => return Ok(Heard::Said(Said::outcome(Outcome::Finished(with)))),
                (Some(Err(error)), None) => return Ok(Heard::Failure(error)),
                (None, None) => {
                    let message = "The model's server broke the answer off without saying why. Try again.";
                    return Ok(Heard::Failure(ProviderError::new(ProviderErrorKind::Broken, message)));
                }
            }
        }
    }

    /// What the model has said since the last tool was called.
    fn partial(&self) -> &str {
        context::steps(self.fold.answer()).1
    }

    /// Whether the provider can take this answer up again: one that has said nothing yet can be begun by any.
    fn may_go_on(&self, chosen: &Chosen) -> bool {
        let able = self.partial().is_empty() || chosen.provider.continues(&chosen.model);
        able && self.run.attempts < MOST_ATTEMPTS
    }

    async fn request(&self, chosen: &Chosen, withheld: bool) -> ChatRequest {
        let (steps, partial) = context::steps(self.fold.answer());
        let tools = if withheld || !chosen.provider.calls_tools(&chosen.model) {
            Vec::new()
        } else {
            self.jobs.offers(self.run.user, self.run.tools.as_deref()).await
        };
        ChatRequest {
            model: chosen.model.clone(),
            conversation: self.run.conversation,
            turns: self.turns.iter().cloned().chain(steps).collect(),
            tools,
            partial: (!partial.is_empty()).then(|| partial.to_owned()),
        }
    }

    fn not_continued(&self, why: &str) -> Said {
        let nothing = self.fold.answer().content.is_empty();
        let kept = if nothing { "Nothing of it was there yet." } else { "What was there is kept." };
        Said::outcome(Outcome::Interrupted(Failure {
            code: "interrupted".to_owned(),
            message: format!("{why} {kept} Ask again for a whole answer."),
        }))
    }
}

/// What one question to the model came to.
enum Said {
    Ended(Ended),
    /// It wants tools.
    Calls(Vec<Wanted>),
}

impl Said {
    fn outcome(outcome: Outcome) -> Self {
        Self::Ended(Ended::With(outcome))
    }
}

enum Heard {
    Said(Said),
    Failure(ProviderError),
}

fn failed(span: &Span, chosen: &Chosen, error: &ProviderError) {
    measure::upstream_failed(chosen.provider.id(), error);
    weir_trace::failed(span, error.kind.code());
}

fn answer_too_long() -> Failure {
    let limit = MAX_ANSWER_BYTES / (1024 * 1024);
    let message =
        format!("The answer reached the limit of {limit} MiB. The text up to there is kept. Ask for a shorter answer.");
    Failure::new("answer_too_long", &message)
}

fn too_many_steps() -> Failure {
    let message = "The model called tools again and again, and was stopped. Ask again, or choose another model.";
    Failure { code: "too_many_steps".to_owned(), message: message.to_owned() }
}

fn told(error: ProviderError) -> Failure {
    Failure { code: error.kind.code().to_owned(), message: error.message }
}
