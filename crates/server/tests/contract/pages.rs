//! Lists by cursor.

use serde_json::{Value, json};
use weir_protocol::{ConversationPage, MessagePage};

use crate::app::TestApp;

impl TestApp {
    /// A conversation with `count` messages, `0`, `1` and so on.
    async fn with_messages(&self, count: usize) -> String {
        let made: Value = self.post("/api/conversations", json!({ "title": "Numbers" })).await.json(201);
        for number in 0..count {
            self.add_message(made["id"].as_str().unwrap(), &number.to_string()).await;
        }
        made["id"].as_str().unwrap().to_owned()
    }

    async fn add_message(&self, conversation: &str, content: &str) {
        let body = json!({ "conversationId": conversation, "role": "user", "content": content });
        assert_eq!(self.post("/api/messages", body).await.status, 201);
    }

    async fn messages_page(&self, conversation: &str, query: &str) -> (Vec<String>, Option<String>) {
        let page: MessagePage =
            self.get(&format!("/api/messages?conversationId={conversation}{query}")).await.json(200);
        (page.items.into_iter().map(|message| message.content).collect(), page.next_cursor)
    }

    async fn conversations_page(&self, query: &str) -> (Vec<String>, Option<String>) {
        let page: ConversationPage = self.get(&format!("/api/conversations{query}")).await.json(200);
        (page.items.into_iter().map(|conversation| conversation.title).collect(), page.next_cursor)
    }
}

#[tokio::test]
async fn page_1_messages_come_newest_first_even_within_a_millisecond() {
    let app = TestApp::new().await;
    let id = app.with_messages(5).await;
    assert_eq!(app.messages_page(&id, "").await, (["4", "3", "2", "1", "0"].map(str::to_owned).to_vec(), None));
}

#[tokio::test]
async fn page_1_conversations_come_by_their_newest_activity() {
    let app = TestApp::new().await;
    let mut ids = Vec::new();
    for title in ["a", "b", "c"] {
        let made: Value = app.post("/api/conversations", json!({ "title": title })).await.json(201);
        ids.push(made["id"].as_str().unwrap().to_owned());
        app.clock.advance(1);
    }
    assert_eq!(app.conversations_page("").await.0, ["c", "b", "a"]);
    app.add_message(&ids[0], "Hi").await;
    assert_eq!(app.conversations_page("").await.0, ["a", "c", "b"]);
}

#[tokio::test]
async fn page_2_a_cursor_survives_inserts_and_deletions() {
    let app = TestApp::new().await;
    let id = app.with_messages(7).await;
    let (first, cursor) = app.messages_page(&id, "&limit=3").await;
    assert_eq!(first, ["6", "5", "4"]);
    app.add_message(&id, "7").await;
    let (second, cursor) = app.messages_page(&id, &format!("&limit=3&cursor={}", cursor.unwrap())).await;
    assert_eq!(second, ["3", "2", "1"]);
    let (third, end) = app.messages_page(&id, &format!("&limit=3&cursor={}", cursor.unwrap())).await;
    assert_eq!((third, end), (vec!["0".to_owned()], None));
}

#[tokio::test]
async fn page_2_a_cursor_of_conversations_outlives_the_one_it_was_made_from() {
    let app = TestApp::new().await;
    let mut ids = Vec::new();
    for title in ["a", "b", "c", "d"] {
        let made: Value = app.post("/api/conversations", json!({ "title": title })).await.json(201);
        ids.push(made["id"].as_str().unwrap().to_owned());
    }
    let (first, cursor) = app.conversations_page("?limit=2").await;
    assert_eq!(first, ["d", "c"]);
    assert_eq!(app.delete(&format!("/api/conversations/{}", ids[2])).await.status, 204);
    app.post("/api/conversations", json!({ "title": "e" })).await;
    let (second, end) = app.conversations_page(&format!("?limit=2&cursor={}", cursor.unwrap())).await;
    assert_eq!((second, end), (vec!["b".to_owned(), "a".to_owned()], None));
}

#[tokio::test]
async fn page_2_a_whole_page_that_is_the_last_has_no_cursor() {
    let app = TestApp::new().await;
    let id = app.with_messages(3).await;
    assert_eq!(app.messages_page(&id, "&limit=3").await.1, None);
}

#[tokio::test]
async fn page_3_a_bad_cursor_is_refused() {
    let app = TestApp::new().await;
    let id = app.with_messages(1).await;
    for cursor in ["x", ".", "1.2", "%F0%9F%A6%80", "zzzzzzzzzzzzzzzz.00000000000000000000000000000000", "a%00b"] {
        for path in [format!("/api/messages?conversationId={id}&"), "/api/conversations?".to_owned()] {
            let refused = app.get(&format!("{path}cursor={cursor}")).await;
            assert_eq!(refused.faults("invalid_cursor"), ["cursor"], "{path}{cursor}");
        }
    }
}

#[tokio::test]
async fn page_4_a_page_has_50_items_unless_1_to_200_are_wanted() {
    let app = TestApp::new().await;
    let id = app.with_messages(51).await;
    assert_eq!(app.messages_page(&id, "").await.0.len(), 50);
    assert_eq!(app.messages_page(&id, "&limit=1").await.0, ["50"]);
    assert_eq!(app.messages_page(&id, "&limit=200").await.0.len(), 51);
    for limit in ["0", "201", "-1", "ten", "1.5", "4294967296"] {
        for path in [format!("/api/messages?conversationId={id}&"), "/api/conversations?".to_owned()] {
            assert_eq!(app.get(&format!("{path}limit={limit}")).await.faults("invalid_request"), ["limit"]);
        }
    }
}

#[tokio::test]
async fn page_5_all_parameters_that_are_wrong_are_named_at_once() {
    let app = TestApp::new().await;
    let refused = app.get("/api/messages?limit=0&conversationId=x").await;
    assert_eq!(refused.faults("invalid_request"), ["limit", "conversationId"]);
    assert_eq!(app.get("/api/messages").await.faults("invalid_request"), ["conversationId"]);
    let refused = app.get("/api/conversations?limit=a&archived=b").await;
    assert_eq!(refused.faults("invalid_request"), ["limit", "archived"]);
}
