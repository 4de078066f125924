//! Full-text search in a user's messages: FTS5 on `SQLite`, `tsvector` on `PostgreSQL`.

use tokio::task::spawn_blocking;
use weir_protocol::{ConversationId, MessageId, Role, Timestamp, UserId};

use crate::{
    Store, StoreError,
    conversations::UNTITLED,
    db::{Connection, Dialect, Row, query},
    messages::parse_role,
};

use super::owner_word;

/// How many words of a query count.
const MOST_WORDS: usize = 16;
/// How much of a word counts, in characters.
const LONGEST_WORD: usize = 64;
/// How much of a message is shown around the word that fits, in characters before and altogether.
const SNIPPET: (usize, usize) = (80, 320);
/// Characters of a message in which a snippet is looked for.
const INSPECTED_CHARS: i64 = 50_000;

/// A message that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundMessage {
    /// The message.
    pub id: MessageId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its conversation's title.
    pub title: String,
    /// Who said it.
    pub role: Role,
    /// When.
    pub created_at: Timestamp,
    /// The part of it that fits.
    pub snippet: String,
}

impl Store {
    /// The user's messages that fit best, at most `limit`, without those of the conversation `except`: those with words that
    /// begin with all the words of `text`, else those with some. Any text is a query; one without letters and digits finds
    /// nothing. Answers that still grow are not searched.
    ///
    /// # Errors
    /// [`StoreError::TooManySearches`] and [`StoreError::SearchTooSlow`].
    pub async fn search_messages(
        &self,
        user: UserId,
        text: &str,
        except: Option<ConversationId>,
        limit: u32,
    ) -> Result<Vec<FoundMessage>, StoreError> {
        let words = words(text);
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = Wanted { user, words, except, limit };
        self.search(user, move |connection| wanted.find(connection)).await
    }
}

/// What is looked for.
struct Wanted {
    user: UserId,
    words: Vec<String>,
    except: Option<ConversationId>,
    limit: u32,
}

impl Wanted {
    async fn find(self, mut connection: Connection) -> Result<Vec<FoundMessage>, StoreError> {
        for any in [false, true] {
            let rows = self.rows(&mut connection, any).await?;
            if rows.is_empty() && self.words.len() > 1 {
                continue;
            }
            drop(connection);
            // Snippets are cut from whole texts: too much work for a thread that serves everyone.
            let cut = spawn_blocking(move || rows.iter().map(|row| found(row, &self.words)).collect());
            return cut.await.map_err(|_| StoreError::Corrupt("message"))?;
        }
        Ok(Vec::new())
    }

    async fn rows(&self, connection: &mut Connection, any: bool) -> Result<Vec<Row>, StoreError> {
        let words = &self.words;
        let (sql, wanted) = match connection.dialect() {
            Dialect::Sqlite => (
                "SELECT m.id, m.conversation_id, c.title, m.role, m.created_at, substr(m.content, 1, $5)
                 FROM (
                     SELECT s.message_id AS id, bm25(message_search, 0, 1) AS rank FROM message_search
                     JOIN searchable_messages s ON s.number = message_search.rowid
                     JOIN messages m ON m.id = s.message_id
                     WHERE message_search MATCH $2 AND ($3 IS NULL OR m.conversation_id <> $3)
                     ORDER BY rank, m.created_at DESC LIMIT $4
                 ) best
                 JOIN messages m ON m.id = best.id JOIN conversations c ON c.id = m.conversation_id
                 WHERE c.user_id = $1 ORDER BY best.rank, m.created_at DESC",
                format!(
                    "owner : {} AND content : ({})",
                    owner_word(self.user),
                    joined(words, if any { " OR " } else { " AND " }, |word| format!("\"{word}\" *"))
                ),
            ),
            Dialect::Postgres => (
                "SELECT m.id, m.conversation_id, c.title, m.role, m.created_at, substr(m.content, 1, $5::INTEGER)
                 FROM messages m JOIN conversations c ON c.id = m.conversation_id
                 WHERE m.search @@ to_tsquery('simple', $2) AND c.user_id = $1 AND ($3 IS NULL OR c.id <> $3)
                 ORDER BY ts_rank_cd(m.search, to_tsquery('simple', $2), 1) DESC, m.created_at DESC LIMIT $4",
                joined(words, if any { " | " } else { " & " }, |word| format!("'{word}':*")),
            ),
        };
        query(sql)
            .bind(self.user.0)
            .bind(wanted.as_str())
            .bind(self.except.map(|conversation| conversation.0))
            .bind(i64::from(self.limit))
            .bind(INSPECTED_CHARS)
            .fetch_all(connection)
            .await
    }
}

/// What of a text can be looked for: runs of characters without white space and signs, so that nothing of it is a word of the
/// query language.
fn words(text: &str) -> Vec<String> {
    let is_sign = |letter: char| letter.is_whitespace() || letter.is_ascii_punctuation() || letter.is_control();
    text.split(is_sign)
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .map(|word| word.chars().take(LONGEST_WORD).collect())
        .take(MOST_WORDS)
        .collect()
}

fn joined(words: &[String], by: &str, word: impl Fn(&String) -> String) -> String {
    words.iter().map(word).collect::<Vec<_>>().join(by)
}

fn found(row: &Row, words: &[String]) -> Result<FoundMessage, StoreError> {
    Ok(FoundMessage {
        id: MessageId(row.get(0)),
        conversation: ConversationId(row.get(1)),
        title: row.get::<Option<String>>(2).unwrap_or_else(|| UNTITLED.to_owned()),
        role: parse_role(row.get(3))?,
        created_at: Timestamp(row.get(4)),
        snippet: snippet(row.get(5), words),
    })
}

/// The part of a message around the first of these words; its beginning where none stands in it letter by letter.
fn snippet(content: &str, words: &[String]) -> String {
    let (before, length) = SNIPPET;
    let letters: Vec<char> = content.chars().collect();
    let place = words.iter().filter_map(|word| position(&letters, word)).min().unwrap_or_default();
    let start = place.saturating_sub(before);
    let end = letters.len().min(start + length);
    let part: String = letters[start..end].iter().collect();
    let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{}{part}{}", if start > 0 { "…" } else { "" }, if end < letters.len() { "…" } else { "" })
}

/// Where a word begins, whatever the case of its letters.
fn position(letters: &[char], word: &str) -> Option<usize> {
    let lower = |letter: char| letter.to_lowercase().next().unwrap_or(letter);
    let word: Vec<char> = word.chars().map(lower).collect();
    let begins_at = |place: &usize| {
        let starts_word = *place == 0 || !letters[place - 1].is_alphanumeric();
        starts_word && letters[*place..].iter().copied().map(lower).take(word.len()).eq(word.iter().copied())
    };
    (0..letters.len()).find(begins_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_shows_the_first_word_that_fits() {
        let content = format!("{} The Ölpreis\nrises  today. {}", "before ".repeat(40), "after ".repeat(100));
        let snippet = snippet(&content, &["nowhere".to_owned(), "ölpr".to_owned()]);
        assert!(snippet.starts_with('…') && snippet.ends_with('…'), "{snippet}");
        assert!(snippet.contains("The Ölpreis rises today."), "{snippet}");
        assert!(snippet.chars().count() <= SNIPPET.1 + 2);
        assert_eq!(super::snippet("short", &["x".to_owned()]), "short");
        assert_eq!(super::snippet("", &["x".to_owned()]), "");
    }

    #[test]
    fn words_are_what_stands_between_signs() {
        assert_eq!(
            words("What's \"new\" OR foo-bar:* -- \0 & | ! ( 日本"),
            ["What", "s", "new", "OR", "foo", "bar", "日本"]
        );
        assert_eq!(words(" \t… — '\"*() "), Vec::<String>::new());
        assert_eq!(words(&"a ".repeat(100)).len(), MOST_WORDS);
    }
}
