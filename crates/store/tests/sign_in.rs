//! A sign-in holds only if the person is still the one who was verified.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use weir_protocol::{Invite, InviteId, SignInId, Timestamp, UpdatePerson, UserId, UserRole};
use weir_store::{Clock as _, NewAccount, NewInvite, NewSignIn, StoreError};
use weir_testkit::{ALICE, TestStore};

fn account(id: UserId, email: &str) -> NewAccount {
    NewAccount { id, email: email.to_owned(), name: "Somebody".to_owned(), password_hash: "old".to_owned() }
}

/// A sign-in of Alice, whose password with this hash was verified.
fn sign_in(stored: &TestStore, secret: u8, password_hash: Option<&str>) -> NewSignIn {
    NewSignIn {
        id: SignInId(stored.clock.id()),
        user: ALICE,
        secret: [secret; 32],
        device: "Firefox on Linux".to_owned(),
        address: String::new(),
        network: None,
        replaces: None,
        password_hash: password_hash.map(str::to_owned),
    }
}

#[tokio::test]
async fn auth_25_a_password_that_was_replaced_while_it_was_verified_signs_nobody_in() {
    let stored = TestStore::open().await;
    let (store, now) = (&stored.store, Timestamp(1));
    store.replace_setup_link(InviteId(stored.clock.id()), &[9; 32], now).await.unwrap();
    store.set_up(&[9; 32], ALICE, &account(ALICE, "ada@example.org"), now).await.unwrap();
    let browser = sign_in(&stored, 1, Some("old"));
    store.sign_in(&browser, now).await.unwrap();
    store.change_password(ALICE, browser.id, &[2; 32], "new", false).await.unwrap();

    let late = store.sign_in(&sign_in(&stored, 3, Some("old")), now).await;
    assert!(matches!(late, Err(StoreError::NotFound(_))), "{late:?}");
    assert!(store.sign_in_grant(&[3; 32], now).await.unwrap().is_none());
    store.sign_in(&sign_in(&stored, 4, Some("new")), now).await.unwrap();
    store.sign_in(&sign_in(&stored, 5, None), now).await.unwrap();
}

#[tokio::test]
async fn auth_25_a_person_who_was_disabled_meanwhile_is_not_signed_in() {
    let stored = TestStore::open().await;
    let (store, now) = (&stored.store, Timestamp(1));
    store.replace_setup_link(InviteId(stored.clock.id()), &[9; 32], now).await.unwrap();
    store.set_up(&[9; 32], ALICE, &account(ALICE, "ada@example.org"), now).await.unwrap();
    let invite = Invite {
        id: InviteId(stored.clock.id()),
        role: UserRole::User,
        note: None,
        created_at: now,
        expires_at: Timestamp(9),
    };
    store.add_invite(&NewInvite { inviter: ALICE, secret: [8; 32], invite }).await.unwrap();
    let bob = UserId(stored.clock.id());
    store.join(&[8; 32], &account(bob, "bob@example.org"), now).await.unwrap();
    store.update_person(bob, &UpdatePerson { disabled: Some(true), ..UpdatePerson::default() }).await.unwrap();
    let late = NewSignIn { user: bob, ..sign_in(&stored, 1, Some("old")) };
    let refused = store.sign_in(&late, now).await;
    assert!(matches!(refused, Err(StoreError::NotFound(_))), "{refused:?}");
}
