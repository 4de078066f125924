//! A sign-in through an `OpenID` Connect provider ends once, in time, in the browser that began it.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use weir_protocol::Timestamp;
use weir_store::{NewOpenIdAuthorization, OPEN_ID_AUTHORIZATION_MS, Store};
use weir_testkit::TestStore;

async fn begin(store: &Store, state: u8, now: i64) {
    let new = NewOpenIdAuthorization { state: [state; 32], browser: [9; 32], pending: format!("{state}") };
    store.begin_open_id_authorization(&new, Timestamp(now)).await.unwrap();
}

async fn take(store: &Store, state: u8, browser: u8, now: i64) -> Option<String> {
    store.take_open_id_authorization(&[state; 32], &[browser; 32], Timestamp(now)).await.unwrap()
}

#[tokio::test]
async fn oid_4_an_authorization_is_taken_once_in_time_by_its_browser() {
    let stored = TestStore::open().await;
    let store = &stored.store;
    begin(store, 1, 0).await;
    assert_eq!(take(store, 2, 9, 1).await, None, "an unknown state");
    assert_eq!(take(store, 1, 8, 1).await, None, "another browser attempts nothing");
    assert_eq!(take(store, 1, 9, OPEN_ID_AUTHORIZATION_MS - 1).await.as_deref(), Some("1"));
    assert_eq!(take(store, 1, 9, 1).await, None, "once");
    begin(store, 3, 0).await;
    assert_eq!(take(store, 3, 9, OPEN_ID_AUTHORIZATION_MS).await, None, "too late");
    begin(store, 4, 0).await;
    begin(store, 5, OPEN_ID_AUTHORIZATION_MS).await;
    assert_eq!(take(store, 4, 9, 1).await, None, "forgotten when another one began");
}

#[tokio::test]
async fn oid_4_of_many_callbacks_at_once_one_takes_it() {
    let stored = TestStore::open().await;
    begin(&stored.store, 1, 0).await;
    let attempts = (0..20).map(|_| {
        let store = stored.store.clone();
        tokio::spawn(async move { take(&store, 1, 9, 1).await })
    });
    let mut taken = 0;
    for take in attempts.collect::<Vec<_>>() {
        taken += usize::from(take.await.unwrap().is_some());
    }
    assert_eq!(taken, 1);
}
