//! Questions of tools: asked in the middle of a job, answered from anywhere, waited for by whoever drives the job.

use std::{future::pending, pin::Pin, time::Duration};

use tokio::{sync::oneshot, time::sleep};
use weir_protocol::{
    AnswerQuestion, FieldError, JobEvent, Question, QuestionAction, QuestionId, ToolCallId, ToolUpdate, UserId,
};
use weir_realtime::{JobWriter, LostLease, Topic};
use weir_store::{JobChange, JobRecord, LogId, StoreError};
use weir_tools::{ArgumentSchema, Asked};

use super::{Inner, Jobs, work::encoded};

/// Between two looks at a question's row, should the bell be lost.
const POLL: Duration = Duration::from_secs(1);

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It does not fit what was asked.
    #[error("the answer does not fit")]
    Invalid(Vec<FieldError>),
    /// The store refused or failed. [`StoreError::NotFound`]: the question waits no more.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A question that waits, and where its answer goes.
pub(super) struct Waiting<'a> {
    answer: Pin<Box<dyn Future<Output = AnswerQuestion> + Send + 'a>>,
    reply: oneshot::Sender<AnswerQuestion>,
}

impl Waiting<'_> {
    /// The answer to what waits; never, where nothing does.
    pub(super) async fn answer(waiting: &mut Option<Self>) -> AnswerQuestion {
        match waiting {
            Some(waiting) => waiting.answer.as_mut().await,
            None => pending().await,
        }
    }

    /// Tells whoever asked.
    pub(super) fn tell(self, answer: AnswerQuestion) {
        // Its server may have stopped asking.
        let _ = self.reply.send(answer);
    }
}

impl Jobs {
    /// The questions that wait for this user, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn questions(&self, user: UserId) -> Result<Vec<Question>, StoreError> {
        self.inner.store.open_questions(user).await
    }

    /// Takes a person's answer. The first one counts.
    ///
    /// # Errors
    /// See [`AnswerError`]; the question waits on then.
    pub async fn answer(&self, user: UserId, id: QuestionId, mut answer: AnswerQuestion) -> Result<(), AnswerError> {
        let inner = &self.inner;
        let question = inner.store.open_question(user, id).await?;
        if answer.action == QuestionAction::Accept
            && let Some(schema) = question.schema
        {
            let Some(content) = answer.content.take() else {
                return Err(AnswerError::Invalid(vec![FieldError::new("content", "is required with accept")]));
            };
            let (content, faults) = match ArgumentSchema::compile_off_worker(schema).await {
                Ok(schema) => inner.check(user, &schema, content, "content").await,
                // A schema that cannot be used fits everything: its server checks the answer as well.
                Err(_) => (content, Vec::new()),
            };
            if !faults.is_empty() {
                return Err(AnswerError::Invalid(faults));
            }
            answer.content = Some(content);
        }
        let job = inner.store.answer_question(user, id, &answer, inner.clock.now()).await?;
        inner.log.changed(Topic::Log(LogId::Job(job)));
        inner.log.changed(Topic::Inbox(user));
        Ok(())
    }
}

impl Inner {
    /// Writes a question down, and waits from now on for its answer.
    pub(super) async fn ask<'a>(
        &'a self,
        record: &'a JobRecord,
        running: &ToolUpdate,
        asked: Asked,
        reply: oneshot::Sender<AnswerQuestion>,
        writer: &mut JobWriter,
    ) -> Result<Waiting<'a>, LostLease> {
        let (now, job) = (self.clock.now(), &record.job);
        let question = Question {
            id: QuestionId(self.clock.id()),
            call_id: job.id,
            name: job.name.clone(),
            server: asked.server,
            message: asked.message,
            schema: asked.schema,
            url: asked.url,
            conversation_id: job.conversation_id,
            run_id: job.run_id,
            asked_at: now,
            expires_at: self.deadline(),
        };
        let note = Some(format!("asks: {}", question.message));
        let event = JobEvent::ToolUpdate(ToolUpdate { note, ..running.clone() });
        let id = question.id;
        writer.append(encoded(event).await?, &JobChange::Asks(Box::new(question)), now).await?;
        self.log.changed(Topic::Inbox(record.user));
        Ok(Waiting { answer: Box::pin(self.answer_to(record.user, job.id, id)), reply })
    }

    /// The answer to a question of a job, however long the database takes. Silence until the deadline is none.
    async fn answer_to(&self, user: UserId, job: ToolCallId, id: QuestionId) -> AnswerQuestion {
        let mut bell = self.log.listen(Topic::Log(LogId::Job(job)));
        let silence = sleep(self.patience);
        tokio::pin!(silence);
        loop {
            match self.store.answer(user, job, id).await {
                Ok(Some(answer)) => return answer,
                Ok(None) => {}
                Err(StoreError::NotFound(_)) => return AnswerQuestion::silence(),
                Err(error) => {
                    tracing::warn!(%error, %job, "a job's question cannot be read; trying again");
                }
            }
            tokio::select! {
                () = bell.rung() => {}
                () = sleep(POLL) => {}
                () = &mut silence => return AnswerQuestion::silence(),
            }
        }
    }
}
