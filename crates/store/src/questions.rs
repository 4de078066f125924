//! Questions of tools in the middle of a call: at most one waits in a job at a time.

use weir_protocol::{AnswerQuestion, Question, QuestionId, Timestamp, ToolCallId, UserId};

use crate::{
    Store, StoreError,
    db::{Connection, Scope, query},
    inbox::{self, Change},
    jobs::{LONGEST_LIST, json, parsed},
    page::{self, PAGE_BYTES},
};

/// Those that nobody has answered, of jobs that have not ended.
const WAITING: &str = "question_id IS NOT NULL AND answer IS NULL AND ended_at IS NULL";

impl Store {
    /// The questions that wait for this user, oldest first: as many as fit in a page.
    pub async fn open_questions(&self, user: UserId) -> Result<Vec<Question>, StoreError> {
        let open = |column: &str, rows: i64| {
            let sql =
                format!("SELECT {column} FROM jobs WHERE user_id = $1 AND {WAITING} ORDER BY created_at, id LIMIT $2");
            query(sql).bind(user.0).bind(rows)
        };
        let mut snapshot = self.database.snapshot(Scope::User(user)).await?;
        let sizes = open("CAST(octet_length(question) AS BIGINT)", i64::from(LONGEST_LIST));
        let fitting = page::fitting(&mut snapshot, sizes, LONGEST_LIST, PAGE_BYTES).await?;
        let rows = open("question", fitting.rows).fetch_all(&mut snapshot).await?;
        fitting.decoded(rows, |row| parsed(row.get(0))).await
    }

    /// A question that waits for this user.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also when it waits no more.
    pub async fn open_question(&self, user: UserId, id: QuestionId) -> Result<Question, StoreError> {
        let found = waiting(&mut self.database.read(Scope::User(user)).await?, user, id).await?;
        found.ok_or(StoreError::NotFound("question"))
    }

    /// Takes an answer to a question that waits for one, and gives the job that asked. The first answer counts.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also when the question waits no more.
    pub async fn answer_question(
        &self,
        user: UserId,
        id: QuestionId,
        answer: &AnswerQuestion,
        now: Timestamp,
    ) -> Result<ToolCallId, StoreError> {
        let mut transaction = self.database.write(Scope::User(user)).await?;
        let sql =
            format!("UPDATE jobs SET answer = $3 WHERE user_id = $1 AND question_id = $2 AND {WAITING} RETURNING id");
        let answered = query(sql)
            .bind(user.0)
            .bind(id.0)
            .bind(json(answer)?.as_str())
            .fetch_optional(&mut transaction)
            .await?
            .ok_or(StoreError::NotFound("question"))?;
        inbox::note(&mut transaction, user, Change::QuestionSettled(id), now).await?;
        transaction.commit().await?;
        Ok(ToolCallId(answered.get(0)))
    }

    /// What the person said to a question of a job. None: nothing yet.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the job does not ask this any more.
    pub async fn answer(
        &self,
        user: UserId,
        job: ToolCallId,
        id: QuestionId,
    ) -> Result<Option<AnswerQuestion>, StoreError> {
        let found = query("SELECT answer FROM jobs WHERE id = $1 AND user_id = $2 AND question_id = $3")
            .bind(job.0)
            .bind(user.0)
            .bind(id.0)
            .fetch_optional(&mut self.database.read(Scope::User(user)).await?)
            .await?;
        found.ok_or(StoreError::NotFound("question"))?.get::<Option<&str>>(0).map(parsed).transpose()
    }
}

/// Notes a question in its job's row, in place of an older one.
pub(crate) async fn ask(
    connection: &mut Connection,
    user: UserId,
    question: &Question,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("UPDATE jobs SET question_id = $2, question = $3, answer = NULL WHERE id = $1")
        .bind(question.call_id.0)
        .bind(question.id.0)
        .bind(json(question)?.as_str())
        .execute(connection)
        .await?;
    inbox::note(connection, user, Change::QuestionAsked(question.id), now).await
}

/// Takes a job's question back, if it has one: its server asks no more.
pub(crate) async fn take_back(
    connection: &mut Connection,
    user: UserId,
    job: ToolCallId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = query("SELECT question_id, answer FROM jobs WHERE id = $1 AND question_id IS NOT NULL")
        .bind(job.0)
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(()) };
    query("UPDATE jobs SET question_id = NULL, question = NULL, answer = NULL WHERE id = $1")
        .bind(job.0)
        .execute(connection)
        .await?;
    if row.get::<Option<&str>>(1).is_none() {
        inbox::note(connection, user, Change::QuestionSettled(QuestionId(row.get(0))), now).await?;
    }
    Ok(())
}

/// The question of this id, if it still waits.
pub(crate) async fn waiting(
    connection: &mut Connection,
    user: UserId,
    id: QuestionId,
) -> Result<Option<Question>, StoreError> {
    let sql = format!("SELECT question FROM jobs WHERE user_id = $1 AND question_id = $2 AND {WAITING}");
    let row = query(sql).bind(user.0).bind(id.0).fetch_optional(connection).await?;
    row.map(|row| parsed(row.get(0))).transpose()
}
