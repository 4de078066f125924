//! A person's word: given from anywhere, waited for by whoever holds the job.

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use weir_protocol::{
    Approval, Caller, DecideApproval, DecidedBy, PendingApproval, Permission, ToolCallId, UserId, Verdict,
};
use weir_realtime::Topic;
use weir_store::{JobRecord, LogId, StoreError};

use super::{Inner, Jobs};

/// What became of the wait for a word.
pub(super) enum Heard {
    /// It may run, or may not: the row says why.
    Word(Box<JobRecord>),
    /// Somebody stopped the job.
    Cancelled,
    /// The process stops; the next server goes on waiting.
    Left,
}

impl Jobs {
    /// Everything that waits for this user's word, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn approvals(&self, user: UserId) -> Result<Vec<PendingApproval>, StoreError> {
        self.inner.store.pending_approvals(user).await
    }

    /// Takes a person's word on a call. The same word once more changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], and [`StoreError::Decided`] when the call waits for no word.
    pub async fn decide(
        &self,
        user: UserId,
        id: ToolCallId,
        decision: DecideApproval,
    ) -> Result<JobRecord, StoreError> {
        let inner = &self.inner;
        let (approval, permission) = match decision.decision {
            Verdict::Grant => (Approval::Granted, Permission::Allow),
            Verdict::Deny => (Approval::Denied, Permission::Deny),
        };
        let now = inner.clock.now();
        let record = inner.store.decide(user, id, approval, DecidedBy::Person, decision.message, now).await?;
        inner.log.changed(Topic::Log(LogId::Job(id)));
        inner.log.changed(Topic::Inbox(user));
        if decision.remember {
            self.remember(user, &record.job.name, &record.job.args, permission).await?;
        }
        Ok(record)
    }
}

impl Inner {
    /// Waits for a word on the job. Silence until its deadline is a denial.
    pub(super) async fn wait_for_word(
        &self,
        record: &JobRecord,
        cancel: &CancellationToken,
    ) -> Result<Heard, StoreError> {
        let (user, id) = (record.user, record.job.id);
        let mut bell = self.log.listen(Topic::Log(LogId::Job(id)));
        loop {
            let now = self.store.job(user, id).await?;
            if now.job.approval != Some(Approval::Pending) {
                return Ok(Heard::Word(Box::new(now)));
            }
            if now.cancel_requested {
                return Ok(Heard::Cancelled);
            }
            let left = now.expires_at.map_or(0, |until| until.0 - self.clock.now().0);
            let Ok(left @ 1..) = u64::try_from(left) else {
                match self.store.decide(user, id, Approval::Denied, DecidedBy::Timeout, None, self.clock.now()).await {
                    Ok(_) => self.log.changed(Topic::Inbox(user)),
                    // Somebody has answered at the last moment.
                    Err(StoreError::Decided) => {}
                    Err(error) => return Err(error),
                }
                continue;
            };
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(Heard::Cancelled),
                () = self.draining.cancelled() => return Ok(Heard::Left),
                () = bell.rung() => {}
                () = sleep(std::time::Duration::from_millis(left)) => {}
            }
        }
    }
}

/// Why a call that was denied did not run, for a person and for a model.
pub(super) fn denial(record: &JobRecord) -> weir_protocol::Failure {
    let by = record.job.decision.as_ref();
    let said = by.and_then(|decision| decision.message.as_deref()).filter(|text| !text.trim().is_empty());
    let (code, message) = match (by.map(|decision| decision.by), said) {
        (Some(DecidedBy::Timeout), _) => ("approval_timeout", "Nobody answered in time, so it was not run.".to_owned()),
        (_, Some(said)) => ("denied", format!("The person did not want it to run, and said: {said}")),
        (_, None) => ("denied", "The person did not want it to run.".to_owned()),
    };
    weir_protocol::Failure::new(code, &message)
}

/// Whether somebody has to be asked.
pub(super) fn waits(record: &JobRecord) -> bool {
    record.job.caller != Caller::Person && record.job.approval == Some(Approval::Pending)
}
