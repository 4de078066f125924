//! The loop of one run: ask the provider, fold what it says into the log, end exactly once.

use std::sync::Arc;

use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};
use weir_protocol::{ChatMessage, Failure, UserId};
use weir_providers::{ChatRequest, ContextPlace, EventStream, ProviderError, ProviderErrorKind};
use weir_realtime::{LogWriter, LostLease};
use weir_store::{Backoff, FairQueue, RunRecord, Store, StoreError, poll_off_worker};

use crate::{
    Fold, Jobs, Outcome, Step, context, fold::MAX_ANSWER_BYTES, live::Live, measure, providers::Chosen, steps::Wanted,
    trace,
};

/// After so many crashes an answer is not continued: it may be what ends the servers. Planned hand-overs do not count.
const MAX_CRASHES: u32 = 4;

/// How many steps of an answer may call tools. The one after it has to do with what is there.
const MOST_STEPS: usize = 20;

/// Who may end a run before its provider does.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    /// Somebody stopped this run.
    pub(crate) cancel: CancellationToken,
    /// The run was deleted, or another instance has taken it over.
    pub(crate) gone: CancellationToken,
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
    /// The queue in which runs wait to read their contexts.
    pub(crate) contexts: FairQueue<UserId>,
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

/// Why a run could not be driven to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broke {
    #[error(transparent)]
    LostLease(LostLease),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<LostLease> for Broke {
    fn from(lost: LostLease) -> Self {
        Self::LostLease(lost)
    }
}

impl Drive {
    /// Works on the answer until it has an outcome, or the run is stopped or loses its lease. A stop takes effect at any await: the
    /// work is dropped, and the answer stays as its log shows it.
    pub(crate) async fn answer(&mut self, writer: &mut LogWriter) -> Result<Ended, Broke> {
        if self.run.cancel_requested {
            return Ok(Ended::With(Outcome::Cancelled));
        }
        let Signals { cancel, gone, stop, .. } = self.signals.clone();
        let lost = writer.lost();
        tokio::select! {
            biased;
            () = cancel.cancelled() => Ok(Ended::With(Outcome::Cancelled)),
            () = stop.cancelled() => Ok(Ended::Left),
            () = lost => Err(LostLease.into()),
            () = gone.cancelled() => Err(LostLease.into()),
            ended = self.work(writer) => ended,
        }
    }

    /// Asks, calls the tools that the model wants, and asks again, until the answer has an outcome.
    async fn work(&mut self, writer: &mut LogWriter) -> Result<Ended, Broke> {
        let mut withheld = false;
        // A step without text looks like a part of the one before it, so steps are counted here. After a take-over they are
        // those that the answer shows.
        let mut steps = context::steps_taken(self.fold.answer());
        loop {
            if let Some(ended) = self.settle(writer).await? {
                return Ok(ended);
            }
            withheld |= steps >= MOST_STEPS || self.fold.has_full_calls();
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
    async fn ask(&mut self, writer: &mut LogWriter, withheld: bool) -> Result<Said, Broke> {
        let Some(chosen) = self.chosen.clone() else {
            return Ok(self.not_continued("The model that wrote this answer is not set up any more."));
        };
        let taken_over = self.run.attempts > 1;
        if taken_over && !self.may_go_on(&chosen) {
            return Ok(self.not_continued("The server stopped in the middle of this answer."));
        }
        loop {
            let request = self.request(&chosen, withheld).await?;
            let span = trace::chat(self, &chosen);
            let asked = chosen.provider.stream(request).instrument(span.clone()).await;
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
            self.run.crashes += 1;
            self.fold.next_attempt();
            if let Err(error) = self.store.count_crash(self.run.id).await {
                tracing::error!(%error, run = %self.run.id, "a crash of the engine could not be counted");
            }
        }
    }

    async fn listen(&mut self, mut stream: EventStream, writer: &mut LogWriter) -> Result<Heard, LostLease> {
        let (mut finished, mut wanted) = (None, Vec::new());
        loop {
            let event = stream.next().await;
            // With the room for it an event is in the answer and in the log, or in neither.
            let slot = writer.reserve().await?;
            match (event, finished) {
                (Some(Ok(event)), _) => match self.fold.apply(event) {
                    Step::Nothing => {}
                    Step::Text(text) => {
                        self.live.token();
                        slot.text(self.run.message, text);
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
        context::after_steps(self.fold.answer())
    }

    /// Whether the provider can take this answer up again: one that has said nothing yet can be begun by any.
    fn may_go_on(&self, chosen: &Chosen) -> bool {
        let able = self.partial().is_empty() || chosen.provider.continues(&chosen.model);
        able && self.run.crashes < MAX_CRASHES
    }

    /// The context and what belongs to it. It is read anew for each question and given away: nothing of it is kept while the answer
    /// comes.
    async fn request(&self, chosen: &Chosen, withheld: bool) -> Result<ChatRequest, StoreError> {
        let place = ContextPlace::new(self.contexts.acquire(self.run.user).await);
        let tools = if withheld || !chosen.provider.calls_tools(&chosen.model) {
            Vec::new()
        } else {
            self.jobs.offers(self.run.user, self.run.tools.as_deref()).await
        };
        let mut backoff = Backoff::of_database();
        loop {
            let (store, run, prompt) = (self.store.clone(), self.run.id, self.run.prompt_message);
            let (answer, place) = (self.fold.shared(), place.clone());
            let read = poll_off_worker(async move {
                let instructions = store.instructions(run).await?;
                let mut turns = context::turns(instructions, store.lineage(prompt).await?);
                let (steps, partial) = context::steps(ChatMessage::clone(&answer));
                turns.extend(steps);
                Ok::<_, StoreError>((turns, partial, place))
            });
            match read.await {
                Ok((turns, partial, place)) => {
                    let partial = (!partial.is_empty()).then_some(partial);
                    let (model, conversation) = (chosen.model.clone(), self.run.conversation);
                    return Ok(ChatRequest { model, conversation, turns, tools, partial, place });
                }
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, run = %self.run.id, "a context cannot be read; trying again");
                    // A stop of the run drops this wait.
                    backoff.wait().await;
                }
                Err(error) => return Err(error),
            }
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
