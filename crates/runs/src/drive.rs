//! The loop of one run: ask the provider, fold what it says into the log, end exactly once.

use std::pin::pin;

use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;
use weir_protocol::RunError;
use weir_providers::{ChatRequest, EventStream, ProviderError, ProviderErrorKind, Turn};
use weir_realtime::{LogWriter, LostLease};
use weir_store::{RunRecord, Store};

use crate::{Fold, Outcome, Step, providers::Chosen};

/// How often an answer is begun or taken up again at most: one that ends its server each time must end some time.
const MOST_ATTEMPTS: u32 = 5;

/// Who may end a run before its provider does.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    /// Somebody stopped this run.
    pub(crate) cancel: CancellationToken,
    /// The process stops; somebody else goes on with the run.
    pub(crate) stop: CancellationToken,
}

/// One run under way.
pub(crate) struct Drive {
    pub(crate) store: Store,
    pub(crate) run: RunRecord,
    pub(crate) chosen: Option<Chosen>,
    pub(crate) turns: Vec<Turn>,
    pub(crate) fold: Fold,
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
    /// Asks and listens until the answer has an outcome.
    pub(crate) async fn answer(&mut self, writer: &mut LogWriter) -> Result<Ended, LostLease> {
        if self.run.cancel_requested {
            return Ok(Ended::With(Outcome::Cancelled));
        }
        let Some(chosen) = self.chosen.clone() else {
            return Ok(Ended::With(self.not_continued("The model that wrote this answer is not set up any more.")));
        };
        let taken_over = self.run.attempts > 1;
        if taken_over && !self.may_go_on(&chosen) {
            return Ok(Ended::With(self.not_continued("The server stopped in the middle of this answer.")));
        }
        loop {
            let request = self.request(&chosen);
            let asked = tokio::select! {
                biased;
                () = self.signals.cancel.cancelled() => return Ok(Ended::With(Outcome::Cancelled)),
                () = self.signals.stop.cancelled() => return Ok(Ended::Left),
                () = writer.lost() => return Err(LostLease),
                asked = chosen.provider.stream(request) => asked,
            };
            let failed = match asked {
                Ok(stream) => match self.listen(stream, writer).await? {
                    Heard::Outcome(outcome) => return Ok(Ended::With(outcome)),
                    Heard::Left => return Ok(Ended::Left),
                    Heard::Failure(error) => error,
                },
                // Part of the answer is there and the provider refuses to go on with it.
                Err(error) if error.kind != ProviderErrorKind::Crashed && !self.fold.text().is_empty() => {
                    return Ok(Ended::With(self.not_continued(&error.message)));
                }
                Err(error) => error,
            };
            if failed.kind != ProviderErrorKind::Crashed || !self.may_go_on(&chosen) {
                return Ok(Ended::With(Outcome::Failed(told(failed))));
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
        let mut finished = None;
        // Made once, not for every event.
        let Signals { cancel, stop } = self.signals.clone();
        let (mut cancelled, mut stopped) = (pin!(cancel.cancelled()), pin!(stop.cancelled()));
        let mut lost = pin!(writer.lost());
        loop {
            let event = tokio::select! {
                biased;
                () = &mut cancelled => return Ok(Heard::Outcome(Outcome::Cancelled)),
                () = &mut stopped => return Ok(Heard::Left),
                () = &mut lost => return Err(LostLease),
                event = stream.next() => event,
            };
            match (event, finished) {
                (Some(Ok(event)), _) => match self.fold.apply(event) {
                    Step::Nothing => {}
                    Step::Text(text) => writer.text(self.run.message, text).await?,
                    Step::Finished(with) => finished = Some(with),
                },
                // What follows the finish is only counting; a failure of that spoils no answer.
                (_, Some(with)) => return Ok(Heard::Outcome(Outcome::Finished(with))),
                (Some(Err(error)), None) => return Ok(Heard::Failure(error)),
                (None, None) => {
                    let message = "The model's server broke the answer off without saying why. Try again.";
                    return Ok(Heard::Failure(ProviderError::new(ProviderErrorKind::Broken, message)));
                }
            }
        }
    }

    /// Whether the provider can take this answer up again: one that has said nothing yet can be begun by any.
    fn may_go_on(&self, chosen: &Chosen) -> bool {
        let able = self.fold.text().is_empty() || chosen.provider.continues(&chosen.model);
        able && self.run.attempts < MOST_ATTEMPTS
    }

    fn request(&self, chosen: &Chosen) -> ChatRequest {
        let text = self.fold.text();
        ChatRequest {
            model: chosen.model.clone(),
            conversation: self.run.conversation,
            turns: self.turns.clone(),
            partial: (!text.is_empty()).then(|| text.to_owned()),
        }
    }

    fn not_continued(&self, why: &str) -> Outcome {
        let kept = if self.fold.text().is_empty() { "Nothing of it was there yet." } else { "What was there is kept." };
        Outcome::Interrupted(RunError {
            code: "interrupted".to_owned(),
            message: format!("{why} {kept} Ask again for a whole answer."),
        })
    }
}

enum Heard {
    Outcome(Outcome),
    Left,
    Failure(ProviderError),
}

fn told(error: ProviderError) -> RunError {
    RunError { code: error.kind.code().to_owned(), message: error.message }
}
