//! What has changed among a user's conversations: one dense list per user, kept for a while.

use uuid::Uuid;
use weir_protocol::{ConversationId, InboxChange, QuestionId, RunId, Seq, Timestamp, ToolCallId, UserId};

use crate::{
    Store, StoreError, conversations,
    db::{Connection, Scope, placeholders, query},
    deletion::PART_ROWS,
    jobs,
    page::PAGE_BYTES,
    questions,
};

/// How long changes are kept. A reader that is further behind has to ask for the whole list again.
const KEPT_MS: i64 = 60 * 60 * 1000;

/// Users that one query asks for.
const USERS_PER_QUERY: usize = 500;

/// What happened, and to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Created(ConversationId),
    Updated(ConversationId),
    Answered(ConversationId, RunId),
    Deleted(ConversationId),
    /// A call waits for the user's word.
    Asked(ToolCallId),
    /// It waits no more.
    Settled(ToolCallId),
    /// A tool asks the user something.
    QuestionAsked(QuestionId),
    /// It asks no more.
    QuestionSettled(QuestionId),
}

/// A user's changes after some number.
#[derive(Clone, Debug, PartialEq)]
pub struct InboxPage {
    /// The changes, in order. One that a later one has made pointless is left out.
    pub changes: Vec<InboxChange>,
    /// The number of the last one that was looked at: where to go on.
    pub last: Seq,
    /// Some changes before these are not kept any more.
    pub gap: bool,
}

impl Store {
    /// The number of the user's last change; 0 when there is none.
    pub async fn inbox_head(&self, user: UserId) -> Result<Seq, StoreError> {
        let mut connection = self.database.read(Scope::User(user)).await?;
        let row =
            query("SELECT inbox_seq FROM users WHERE id = $1").bind(user.0).fetch_optional(&mut connection).await?;
        Ok(row.map_or(Seq::START, |row| Seq(row.get::<i64>(0).unsigned_abs())))
    }

    /// The numbers of the last changes of these users. A user that is gone is left out.
    pub async fn inbox_heads(&self, users: &[UserId]) -> Result<Vec<(UserId, Seq)>, StoreError> {
        let mut heads = Vec::with_capacity(users.len());
        if users.is_empty() {
            return Ok(heads);
        }
        let mut connection = self.database.read(Scope::System).await?;
        for users in users.chunks(USERS_PER_QUERY) {
            let rows = query(format!("SELECT id, inbox_seq FROM users WHERE id IN ({})", placeholders(users.len())))
                .bind_all(users.iter().map(|user| user.0))
                .fetch_all(&mut connection)
                .await?;
            heads.extend(rows.iter().map(|row| (UserId(row.get(0)), Seq(row.get::<i64>(1).unsigned_abs()))));
        }
        Ok(heads)
    }

    /// The next changes after `after`, at most `limit`, each with the conversation as it is now. Fewer where their text is
    /// long.
    pub async fn inbox_after(&self, user: UserId, after: Seq, limit: u32) -> Result<InboxPage, StoreError> {
        let mut snapshot = self.database.snapshot(Scope::User(user)).await?;
        let rows = query(
            "SELECT seq, kind, conversation_id, run_id FROM inbox_changes
             WHERE user_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        )
        .bind(user.0)
        .bind(i64::try_from(after.0).unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(&mut snapshot)
        .await?;
        let mut page = InboxPage { changes: Vec::with_capacity(rows.len()), last: after, gap: false };
        let mut bytes = 0;
        for row in &rows {
            if matches!(row.get::<&str>(1), "asked" | "question_asked") {
                bytes += size(&mut snapshot, user, row.get(2)).await?;
                if bytes > PAGE_BYTES && page.last > after {
                    break;
                }
            }
            let seq = Seq(row.get::<i64>(0).unsigned_abs());
            page.gap |= seq != page.last.next();
            page.last = seq;
            let id = ConversationId(row.get(2));
            let change = match row.get::<&str>(1) {
                "deleted" => Some(InboxChange::Deleted { conversation_id: id }),
                "settled" => Some(InboxChange::ApprovalSettled { id: ToolCallId(id.0) }),
                "asked" => {
                    let job = jobs::get(&mut snapshot, user, ToolCallId(id.0)).await;
                    // It was answered meanwhile, and that change follows.
                    job.ok()
                        .and_then(crate::JobRecord::pending)
                        .map(|pending| InboxChange::ApprovalRequested { pending })
                }
                "question_settled" => Some(InboxChange::QuestionSettled { id: QuestionId(id.0) }),
                "question_asked" => questions::waiting(&mut snapshot, user, QuestionId(id.0))
                    .await?
                    .map(|question| InboxChange::QuestionAsked { question }),
                kind => match conversations::get(&mut snapshot, user, id).await {
                    Ok(conversation) => Some(match (kind, row.get::<Option<Uuid>>(3)) {
                        ("created", _) => InboxChange::Created { conversation },
                        ("answered", Some(run)) => InboxChange::Answered { conversation, run_id: RunId(run) },
                        _ => InboxChange::Updated { conversation },
                    }),
                    // It was deleted later, and that change follows.
                    Err(StoreError::NotFound(_)) => None,
                    Err(error) => return Err(error),
                },
            };
            page.changes.extend(change);
        }
        Ok(page)
    }

    /// Deletes the changes that are older than an hour, and returns how many.
    pub async fn delete_expired_changes(&self, now: Timestamp) -> Result<u64, StoreError> {
        let sql = format!(
            "DELETE FROM inbox_changes WHERE (user_id, seq) IN (
                 SELECT user_id, seq FROM inbox_changes WHERE created_at <= $1 LIMIT {PART_ROWS})"
        );
        self.delete_in_parts(sql, now.0 - KEPT_MS).await
    }
}

/// The bytes of a call that waits for approval, or of a question.
async fn size(connection: &mut Connection, user: UserId, id: Uuid) -> Result<i64, StoreError> {
    let row = query(
        "SELECT CAST(octet_length(args) + COALESCE(octet_length(question), 0) AS BIGINT) FROM jobs
         WHERE user_id = $1 AND (id = $2 OR question_id = $2)",
    )
    .bind(user.0)
    .bind(id)
    .fetch_optional(connection)
    .await?;
    Ok(row.map_or(0, |row| row.get(0)))
}

/// Notes a change, in the transaction that makes it.
pub(crate) async fn note(
    connection: &mut Connection,
    user: UserId,
    change: Change,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (kind, about, run) = match change {
        Change::Created(conversation) => ("created", conversation.0, None),
        Change::Updated(conversation) => ("updated", conversation.0, None),
        Change::Answered(conversation, run) => ("answered", conversation.0, Some(run.0)),
        Change::Deleted(conversation) => ("deleted", conversation.0, None),
        Change::Asked(call) => ("asked", call.0, None),
        Change::Settled(call) => ("settled", call.0, None),
        Change::QuestionAsked(question) => ("question_asked", question.0, None),
        Change::QuestionSettled(question) => ("question_settled", question.0, None),
    };
    // The row of the user is locked from here on: numbers are dense, and seen in their order.
    let row = query("UPDATE users SET inbox_seq = inbox_seq + 1 WHERE id = $1 RETURNING inbox_seq")
        .bind(user.0)
        .fetch_one(connection)
        .await?;
    query(
        "INSERT INTO inbox_changes (user_id, seq, kind, conversation_id, run_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(user.0)
    .bind(row.get::<i64>(0))
    .bind(kind)
    .bind(about)
    .bind(run)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}
