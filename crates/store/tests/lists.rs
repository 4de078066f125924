//! Pages and searches, whatever is in them.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use proptest::prelude::*;
use weir_protocol::{ConversationId, MessageId, Role};
use weir_store::{Clock as _, ConversationFilter, NewMessage, Position};
use weir_testkit::{ALICE, BOB, TestStore, run_alone};

async fn add(store: &TestStore, conversation: ConversationId, content: &str) {
    let new = NewMessage {
        id: MessageId(store.clock.id()),
        conversation: Some(conversation),
        new_conversation: conversation,
        title: "Numbers".to_owned(),
        position: Position::Newest,
        role: Role::User,
        content: content.to_owned(),
    };
    store.store.create_message(ALICE, &new, store.clock.now(), None).await.unwrap();
}

async fn conversation(store: &TestStore, title: &str) -> ConversationId {
    let id = ConversationId(store.clock.id());
    store.store.create_conversation(ALICE, id, Some(title), store.clock.now(), None).await.unwrap().id
}

/// Walks through all pages while new messages come in; the clock jumps as clocks do.
async fn walk(count: usize, limit: u32, arrivals: Vec<usize>, jumps: Vec<i64>) {
    let store = TestStore::open().await;
    let id = conversation(&store, "Numbers").await;
    for number in 0..count {
        store.clock.advance(jumps.get(number).copied().unwrap_or(0));
        add(&store, id, &number.to_string()).await;
    }
    let (mut seen, mut cursor, mut arrivals) = (Vec::new(), None::<String>, arrivals.into_iter());
    loop {
        let page = store.store.messages(ALICE, id, cursor.as_deref(), limit).await.unwrap();
        assert!(page.items.len() <= limit as usize);
        seen.extend(page.items.into_iter().map(|message| message.content));
        for _ in 0..arrivals.next().unwrap_or(0) {
            add(&store, id, "later").await;
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (0..count).rev().map(|number| number.to_string()).collect();
    assert_eq!(seen, expected, "every message once, newest first");
}

async fn search(titles: Vec<String>, wanted: String) {
    let store = TestStore::open().await;
    let mut expected = Vec::new();
    for title in &titles {
        let id = conversation(&store, title).await;
        if title.trim().to_ascii_lowercase().contains(&wanted.to_ascii_lowercase()) {
            expected.push(id);
        }
    }
    expected.reverse();
    let filter = ConversationFilter { text: Some(wanted), archived: false };
    let found = store.store.conversations(ALICE, &filter, None, 200).await.unwrap();
    assert_eq!(found.items.iter().map(|one| one.id).collect::<Vec<_>>(), expected);
    assert_eq!(store.store.conversations(BOB, &filter, None, 200).await.unwrap().items, []);
}

/// Searches messages for texts with and without whole words in them.
async fn search_messages(contents: Vec<String>, wanted: Vec<String>) {
    let store = TestStore::open().await;
    let mut conversations = Vec::new();
    for content in &contents {
        let id = conversation(&store, "Title").await;
        add(&store, id, content).await;
        conversations.push((id, content.to_ascii_lowercase()));
    }
    conversations.reverse();
    for wanted in wanted {
        let fits = |content: &String| content.contains(&wanted.to_ascii_lowercase());
        let expected: Vec<_> = conversations.iter().filter(|(_, content)| fits(content)).map(|(id, _)| *id).collect();
        let filter = ConversationFilter { text: Some(wanted), archived: false };
        let found = store.store.conversations(ALICE, &filter, None, 200).await.unwrap();
        assert_eq!(found.items.iter().map(|one| one.id).collect::<Vec<_>>(), expected, "{filter:?}");
        assert_eq!(store.store.conversations(BOB, &filter, None, 200).await.unwrap().items, []);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn page_2_a_walk_through_the_pages_meets_every_message_once(
        count in 0_usize..25,
        limit in 1_u32..8,
        arrivals in prop::collection::vec(0_usize..3, 0..5),
        jumps in prop::collection::vec(-5000_i64..5000, 0..25),
    ) {
        run_alone(walk(count, limit, arrivals, jumps));
    }

    #[test]
    fn rest_4_a_search_of_messages_finds_what_contains_the_text_and_nothing_else(
        contents in prop::collection::vec("[abAB é日_.-]{1,14}", 1..8),
        wanted in prop::collection::vec("[abAB é日_.-]{1,7}|[ab] [ab]{3} [ab]|-[ab]{1,2}[-.][abé]{3}", 1..8),
    ) {
        run_alone(search_messages(contents, wanted));
    }

    #[test]
    fn rest_4_a_search_finds_what_contains_the_text_and_nothing_else(
        titles in prop::collection::vec("[ab%_\\\\*'é]{1,6}", 0..8),
        wanted in "[abAB%_\\\\*'é]{1,3}",
    ) {
        run_alone(search(titles, wanted));
    }
}
