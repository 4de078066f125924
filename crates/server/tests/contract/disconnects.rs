//! Clients that disconnect in the middle of a request.

use axum::http::Method;
use tower::ServiceExt as _;
use weir_protocol::InboxChange;
use weir_server::app::LOCAL_USER;
use weir_testkit::soon;

use crate::app::{TestApp, request};

/// A deletion stops the runs of the conversation, waits for their ends, and then deletes the conversation.
#[tokio::test]
async fn life_10_a_client_that_disconnects_between_two_steps_leaves_no_change_made_by_half() {
    let app = TestApp::new().await;
    let mut events = app.ask("Hello").await;
    events.event().await;
    let conversation = events.conversation();
    let path = format!("/api/conversations/{conversation}");
    let head = app.app.log.inbox_head(LOCAL_USER).await.unwrap();
    let mut inbox = app.app.log.inbox(LOCAL_USER, head);

    let mut client = Box::pin(app.router().oneshot(request(Method::DELETE, &path, &[], None)));
    let run_ended = async { while events.event().await.kind != "done" {} };
    tokio::select! {
        biased;
        () = run_ended => {}
        _ = &mut client => panic!("the deletion did not wait for the run"),
    }
    drop(client);

    let deleted = async {
        let is_deleted = |change: &InboxChange| matches!(change, InboxChange::Deleted { .. });
        while !inbox.next().await.unwrap().iter().any(is_deleted) {}
    };
    soon("the deletion to be announced", deleted).await;
    app.get(&path).await.problem(404, "not_found");
}
