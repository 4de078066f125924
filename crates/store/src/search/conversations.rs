//! Literal search in titles and messages.
//!
//! Each message of the user is compared with the text. `SQLite` narrows the messages down by its full-text index first, where
//! the text contains a whole word. `PostgreSQL` cannot: no index can be used behind row-level security (`docs/decisions/search.md`).

use weir_protocol::{Conversation, ConversationPage, UserId};

use crate::{
    ConversationFilter, Store, StoreError,
    conversations::{conversation, page, select},
    cursor::Cursor,
    db::{Dialect, query},
};

use super::owner_word;

/// How many words of a text are looked up in the index.
const MAX_INDEXED_WORDS: usize = 8;
/// A shorter prefix matches too many words.
const MIN_PREFIX: usize = 3;

impl Store {
    /// A page of the conversations whose title or messages contain `text`, newest activity first.
    pub(crate) async fn search_conversations(
        &self,
        user: UserId,
        text: &str,
        filter: &ConversationFilter,
        after: Cursor,
        limit: u32,
    ) -> Result<ConversationPage, StoreError> {
        let dialect = self.database.dialect();
        let index_query = (dialect == Dialect::Sqlite).then(|| index_query(user, text)).flatten();
        let sql = statement(dialect, index_query.is_some());
        let (text, archived) = (text.to_owned(), filter.archived);
        let items: Vec<Conversation> = self
            .search(user, move |mut connection| async move {
                let found = query(sql)
                    .bind(user.0)
                    .bind(archived)
                    .bind(after.time.0)
                    .bind(after.id)
                    .bind(text.as_str())
                    .bind(i64::from(limit) + 1);
                let found = match &index_query {
                    Some(words) => found.bind(words.as_str()),
                    None => found,
                };
                let rows = found.fetch_all(&mut connection).await?;
                Ok(rows.iter().map(conversation).collect())
            })
            .await?;
        Ok(page(items, limit))
    }
}

/// `$5` is the text. The case of ASCII letters alone is folded, alike on both databases.
fn statement(dialect: Dialect, uses_index: bool) -> String {
    let contains = |column: &str| match dialect {
        Dialect::Sqlite => format!("instr(LOWER({column}), LOWER($5)) > 0"),
        Dialect::Postgres => format!("strpos(LOWER({column} COLLATE \"C\"), LOWER($5 COLLATE \"C\")) > 0"),
    };
    let (in_title, in_message) = (contains("c.title"), contains("m.content"));
    let in_messages = if uses_index {
        format!(
            "c.id IN (SELECT m.conversation_id FROM message_search
                 JOIN searchable_messages s ON s.number = message_search.rowid JOIN messages m ON m.id = s.message_id
                 WHERE message_search MATCH $7 AND {in_message})"
        )
    } else {
        format!("EXISTS (SELECT 1 FROM messages m WHERE m.conversation_id = c.id AND {in_message})")
    };
    select(&format!(
        "WHERE c.user_id = $1 AND c.archived = $2 AND (c.updated_at, c.id) < ($3, $4)
         AND ({in_title} OR {in_messages}) ORDER BY c.updated_at DESC, c.id DESC LIMIT $6"
    ))
}

/// Words that every message with this text has in the index: ASCII words between ASCII signs, and the beginning of a word
/// that follows a sign. The first word of a text may be the end of a longer one.
fn index_query(user: UserId, text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_sign = |byte: &u8| byte.is_ascii() && !byte.is_ascii_alphanumeric();
    let mut words = Vec::new();
    let mut start = bytes.iter().position(is_sign)? + 1;
    while start < bytes.len() && words.len() < MAX_INDEXED_WORDS {
        let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let (word, next) = (&text[start..start + length], bytes.get(start + length));
        match next {
            Some(next) if is_sign(next) && length > 0 => words.push(format!("\"{word}\"")),
            None if length >= MIN_PREFIX => words.push(format!("\"{word}\" *")),
            _ => {}
        }
        let Some(sign) = bytes[start + length..].iter().position(is_sign) else { break };
        start += length + sign + 1;
    }
    (!words.is_empty()).then(|| format!("owner : {} AND content : ({})", owner_word(user), words.join(" AND ")))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_whole_words_and_beginnings_are_looked_up() {
        let user = UserId(Uuid::from_u128(7));
        let words =
            |text: &str| index_query(user, text).map(|query| query.split_once("content : ").unwrap().1.to_owned());
        for text in ["", "hello", "héllo", "hello wo", "a é b", "日本 語", "x-", "-é", "-été-"] {
            assert_eq!(words(text), None, "{text}");
        }
        assert_eq!(words("hello world").as_deref(), Some("(\"world\" *)"));
        assert_eq!(words("lo, the AND of worl").as_deref(), Some("(\"the\" AND \"AND\" AND \"of\" AND \"worl\" *)"));
        assert_eq!(words("é the one").as_deref(), Some("(\"the\" AND \"one\" *)"));
        assert_eq!(words("-naïve-word-").as_deref(), Some("(\"word\")"));
        assert_eq!(words("a b c d e f g h i j k l").unwrap().matches('"').count(), 2 * MAX_INDEXED_WORDS);
    }
}
