//! A page load in mid-answer: what is stored so far, then the rest.

use weir_protocol::MessageStatus;

use crate::app::{TestApp, ending, joined};

#[tokio::test]
async fn log_10_a_growing_message_carries_the_event_it_reaches_up_to() {
    let app = TestApp::new().await;
    let mut events = app.ask("Count").await;
    let run = events.run();
    let fresh = app.messages(events.conversation()).await.pop().unwrap();
    assert_eq!((fresh.status, fresh.content.as_str()), (MessageStatus::Streaming, ""));
    assert_eq!(fresh.seq.unwrap().0, 1);
    events.event().await;
    let answer = app.script.answers().await;
    let mut said = String::new();
    for word in ["one, ", "two, ", "thr", "ee, "] {
        answer.say(word);
        said.push_str(word);
        let seen = events.event().await;
        let snapshot = app.messages(events.conversation()).await.pop().unwrap();
        assert_eq!(snapshot.seq.unwrap().0, seen.id);
        assert_eq!(snapshot.run_id, Some(run));
        assert_eq!(snapshot.content, said);
    }
    let snapshot = app.messages(events.conversation()).await.pop().unwrap();
    let mut reload = app.follow(run, snapshot.seq.unwrap().0).await;
    answer.say("and so on");
    answer.finish();
    let rest = reload.rest().await;
    let (message, _) = ending(&rest);
    assert_eq!(message["content"], snapshot.content + &joined(&rest));
    let stored = app.messages(events.conversation()).await.pop().unwrap();
    assert_eq!((stored.status, stored.seq), (MessageStatus::Complete, None));
}
