//! Conversations and messages: made, found, changed, deleted.

use axum::http::Method;
use serde_json::{Value, json};
use weir_protocol::{ConversationPage, Timestamp};

use crate::app::{TestApp, message_id, request};

impl TestApp {
    async fn made(&self, title: &str) -> String {
        let made: Value = self.post("/api/conversations", json!({ "title": title })).await.json(201);
        format!("/api/conversations/{}", made["id"].as_str().unwrap())
    }

    async fn found(&self, query: &str) -> Vec<String> {
        let page: ConversationPage = self.get(&format!("/api/conversations?{query}")).await.json(200);
        page.items.into_iter().map(|conversation| conversation.title).collect()
    }
}

#[tokio::test]
async fn rest_1_a_conversation_is_made_and_shown() {
    let app = TestApp::new().await;
    let made = app.post("/api/conversations", json!({ "title": "  Weirs " })).await;
    let body: Value = made.json(201);
    let expected = json!({
        "id": body["id"], "title": "Weirs", "pinned": false, "archived": false,
        "createdAt": "2026-01-31T12:00:00.000Z", "updatedAt": "2026-01-31T12:00:00.000Z",
    });
    assert_eq!(body, expected);
    assert_eq!(app.get(made.header("location")).await.json::<Value>(200), expected);
}

#[tokio::test]
async fn rest_1_an_untitled_conversation_is_named_by_its_first_message() {
    let app = TestApp::new().await;
    let made: Value = app.post("/api/conversations", json!({})).await.json(201);
    assert_eq!(made["title"], "New conversation");
    let message = json!({ "conversationId": made["id"], "role": "user", "content": "What is a weir?" });
    assert_eq!(app.post("/api/messages", message).await.status, 201);
    assert_eq!(app.found("").await, ["What is a weir?"]);
}

#[tokio::test]
async fn rest_2_a_change_changes_what_it_names_and_nothing_else() {
    let app = TestApp::new().await;
    let path = app.made("Weirs").await;
    let before: Value = app.get(&path).await.json(200);
    app.clock.advance(1000);
    for (change, field, value) in [
        (json!({ "title": " Rivers " }), "title", json!("Rivers")),
        (json!({ "pinned": true }), "pinned", json!(true)),
        (json!({ "archived": true }), "archived", json!(true)),
        (json!({ "pinned": false, "title": null }), "pinned", json!(false)),
        (json!({}), "title", json!("Rivers")),
    ] {
        let changed: Value = app.patch(&path, change).await.json(200);
        assert_eq!(changed[field], value);
        assert_eq!(changed["updatedAt"], before["updatedAt"], "a change is no activity");
        assert_eq!(app.get(&path).await.json::<Value>(200), changed);
    }
    assert_eq!(app.patch(&path, json!({ "title": "" })).await.faults("invalid_request"), ["title"]);
    let wrong = app.patch(&path, json!({ "pinned": "yes", "archived": 1 })).await;
    assert_eq!(wrong.faults("invalid_request").len(), 2);
}

#[tokio::test]
async fn rest_3_a_deleted_conversation_is_gone() {
    let app = TestApp::new().await;
    let path = app.made("Weirs").await;
    let deleted = app.delete(&path).await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    app.get(&path).await.problem(404, "not_found");
    app.patch(&path, json!({})).await.problem(404, "not_found");
    app.delete(&path).await.problem(404, "not_found");
    app.get("/api/conversations/not-an-id").await.problem(404, "not_found");
}

#[tokio::test]
async fn rest_4_a_search_takes_wildcards_literally_in_titles_and_messages() {
    let app = TestApp::new().await;
    for title in ["100% sure", "100 per cent", "snake_case", "snakeXcase", "back\\slash"] {
        app.made(title).await;
    }
    let message = json!({ "role": "user", "content": "A line\nwith 50%_off in it" });
    app.post("/api/messages", message).await;
    assert_eq!(app.found("q=100%25").await, ["100% sure"]);
    assert_eq!(app.found("q=snake_").await, ["snake_case"]);
    assert_eq!(app.found("q=%5C").await, ["back\\slash"]);
    assert_eq!(app.found("q=50%25_off").await, ["A line"]);
    assert_eq!(app.found("q=SNAKE").await, ["snakeXcase", "snake_case"]);
    assert_eq!(app.found("q=nowhere").await, Vec::<String>::new());
    assert_eq!(app.found("q=").await.len(), 6);
    assert_eq!(app.found("q=%25").await, ["A line", "100% sure"]);
}

#[tokio::test]
async fn rest_4_a_search_text_has_a_bounded_length() {
    let app = TestApp::new().await;
    let longest = "a".repeat(200);
    assert_eq!(app.get(&format!("/api/conversations?q={longest}")).await.status, 200);
    assert_eq!(app.get(&format!("/api/conversations?q={longest}a")).await.faults("invalid_request"), ["q"]);
}

#[tokio::test]
async fn rest_4_archived_conversations_are_a_list_of_their_own() {
    let app = TestApp::new().await;
    let path = app.made("Old").await;
    app.made("New").await;
    app.patch(&path, json!({ "archived": true })).await;
    assert_eq!(app.found("").await, ["New"]);
    assert_eq!(app.found("archived=true").await, ["Old"]);
    assert_eq!(app.found("archived=true&q=new").await, Vec::<String>::new());
}

#[tokio::test]
async fn rest_7_a_message_is_stored_and_starts_no_run() {
    let app = TestApp::new().await;
    let stored: Value = app.post("/api/messages", json!({ "role": "system", "content": "Be brief." })).await.json(201);
    assert_eq!(message_id(&stored).0.get_version_num(), 7);
    let expected = json!({
        "id": stored["id"], "conversationId": stored["conversationId"], "role": "system", "content": "Be brief.",
        "createdAt": "2026-01-31T12:00:00.000Z", "status": "complete",
    });
    assert_eq!(stored, expected);
    let body = json!({ "conversationId": stored["conversationId"], "role": "user", "content": "Hi" });
    let second: Value = app.post("/api/messages", body).await.json(201);
    assert_eq!(second["parentId"], stored["id"]);
    assert_eq!(second["createdAt"], "2026-01-31T12:00:00.001Z", "time goes forward within a conversation");
    assert!(!app.script.is_asked().await);
}

#[tokio::test]
async fn rest_8_times_are_rfc_3339_in_utc_and_ids_are_uuids_of_version_7() {
    let app = TestApp::new().await;
    let (_, log) = app.answered("Hello", "Good day.").await;
    let message: Value = serde_json::from_str(&log[2].data).unwrap();
    for id in ["id", "conversationId", "parentId", "runId"] {
        let id: uuid::Uuid = message[id].as_str().unwrap().parse().unwrap();
        assert_eq!(id.get_version_num(), 7);
    }
    let time: Timestamp = serde_json::from_value(message["createdAt"].clone()).unwrap();
    assert_eq!(message["createdAt"], time.to_string());
    assert_eq!(message["createdAt"], "2026-01-31T12:00:00.001Z");
}

#[tokio::test]
async fn rest_9_head_tells_what_get_would() {
    let app = TestApp::new().await;
    for path in ["/api/conversations", "/api/models", "/healthz"] {
        let (get, head) = (app.get(path).await, app.send(request(Method::HEAD, path, &[], None)).await);
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-type"), get.header("content-type"));
    }
}
