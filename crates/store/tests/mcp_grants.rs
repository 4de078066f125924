//! One instance at a time renews what was granted at an MCP server, and one that died holds nobody up.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use uuid::Uuid;
use weir_protocol::Timestamp;
use weir_store::{MCP_JOURNEY_MS, McpGrantRecord, NewMcpJourney, StoreError};
use weir_testkit::{ALICE, BOB, TestStore};

const FIRST: Uuid = Uuid::from_u128(1);
const SECOND: Uuid = Uuid::from_u128(2);

fn record(id: u128, given: &str) -> McpGrantRecord {
    let (server, id, given) = ("far".to_owned(), Uuid::from_u128(id), given.to_owned());
    McpGrantRecord { server, id, given, missing: String::new(), made_at: Timestamp(1) }
}

#[tokio::test]
async fn mcp_16_one_instance_at_a_time_renews_and_a_dead_one_is_passed_over() {
    let stored = TestStore::open().await;
    let store = &stored.store;
    let (old, new) = (record(10, "old"), record(11, "new"));
    store.put_mcp_grant(&old).await.unwrap();
    assert_eq!(store.hold_mcp_grant("far", old.id, FIRST, None).await.unwrap(), None);
    assert_eq!(store.hold_mcp_grant("far", old.id, SECOND, None).await.unwrap(), Some(FIRST));
    assert!(!store.renew_mcp_grant("far", SECOND, "stolen").await.unwrap());
    assert!(store.renew_mcp_grant("far", FIRST, "renewed").await.unwrap());
    // The first one says nothing any more.
    assert_eq!(store.hold_mcp_grant("far", old.id, SECOND, Some(FIRST)).await.unwrap(), None);
    assert!(!store.renew_mcp_grant("far", FIRST, "late").await.unwrap(), "it was passed over");
    assert_eq!(store.mcp_grant("far").await.unwrap().unwrap().given, "renewed");
    store.let_go_of_mcp_grant("far", SECOND).await.unwrap();
    assert_eq!(store.hold_mcp_grant("far", old.id, FIRST, None).await.unwrap(), None);
    // Somebody signs in anew meanwhile: what was renewed is not theirs.
    store.put_mcp_grant(&new).await.unwrap();
    assert!(!store.renew_mcp_grant("far", FIRST, "of before").await.unwrap());
    let gone = store.hold_mcp_grant("far", old.id, FIRST, None).await;
    assert!(matches!(gone, Err(StoreError::NotFound(_))), "{gone:?}");
    assert_eq!(store.forget_mcp_grant("far").await.unwrap(), Some(new));
    assert_eq!(store.mcp_grants().await.unwrap(), []);
}

#[tokio::test]
async fn mcp_15_a_journey_ends_once_in_time_for_whoever_began_it() {
    let stored = TestStore::open().await;
    let store = &stored.store;
    let begin = async |state: u8| {
        let (server, journey) = ("far".to_owned(), "{}".to_owned());
        let new = NewMcpJourney { state: [state; 32], browser: [9; 32], user: ALICE, server, journey };
        store.begin_mcp_journey(&new, Timestamp(0)).await.unwrap();
    };
    let end = async |state: u8, browser: u8, user, now| {
        store.end_mcp_journey(&[state; 32], &[browser; 32], user, Timestamp(now)).await.unwrap().is_some()
    };
    begin(1).await;
    assert!(!end(2, 9, ALICE, 1).await && !end(1, 8, ALICE, 1).await && !end(1, 9, BOB, 1).await);
    assert!(end(1, 9, ALICE, MCP_JOURNEY_MS - 1).await);
    assert!(!end(1, 9, ALICE, 1).await, "once");
    begin(3).await;
    assert!(!end(3, 9, ALICE, MCP_JOURNEY_MS).await);
    begin(4).await;
    store.forget_old_mcp_journeys(Timestamp(MCP_JOURNEY_MS)).await.unwrap();
    assert!(!end(4, 9, ALICE, 1).await);
}
