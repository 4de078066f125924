//! How often somebody may guess: per account and per network address, for all instances together.

use std::{net::IpAddr, time::Duration};

use weir_protocol::{Timestamp, UserId};
use weir_store::{SecretHash, Store, StoreError, email_key};

use super::digest;

/// Wrong passwords for one account within [`WINDOW_MS`], and from one address. NIST SP 800-63B-4 (3.2.2) allows 100 in a row.
const PER_ACCOUNT: i64 = 10;
const PER_ADDRESS: i64 = 50;
/// How long an attempt counts, in milliseconds, from the first one on.
const WINDOW_MS: i64 = 15 * 60 * 1000;

/// Why an attempt may not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TooManyGuesses {
    /// There were too many; from then on the next one may be made.
    #[error("too many attempts")]
    Wait(Duration),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One attempt to get in.
pub(crate) struct Guesses {
    account: SecretHash,
    address: Option<SecretHash>,
}

impl Guesses {
    /// At the account with this address, whether there is one or not.
    pub(crate) fn of_email(email: &str, address: Option<IpAddr>) -> Self {
        let address = address.map(|address| digest(&format!("address {}", network(address))));
        Self { account: digest(&format!("account {}", email_key(email))), address }
    }

    /// By somebody who is in already, at their own account.
    pub(crate) fn of_user(user: UserId) -> Self {
        Self { account: digest(&format!("user {user}")), address: None }
    }

    /// Counts the attempt before it is made.
    pub(crate) async fn count(&self, store: &Store, now: Timestamp) -> Result<(), TooManyGuesses> {
        // Whoever tries too much from one place does not lock further accounts.
        let limits = self.address.iter().map(|key| (key, PER_ADDRESS)).chain([(&self.account, PER_ACCOUNT)]);
        for (key, most) in limits {
            let attempts = store.count_sign_in_attempt(key, WINDOW_MS, now).await?;
            if attempts.count > most {
                let wait = u64::try_from(attempts.end.0 - now.0).unwrap_or_default();
                return Err(TooManyGuesses::Wait(Duration::from_millis(wait)));
            }
        }
        Ok(())
    }

    /// It was the person themselves.
    pub(crate) async fn was_right(&self, store: &Store) -> Result<(), StoreError> {
        store.forget_sign_in_attempts(&self.account).await?;
        if let Some(address) = &self.address {
            store.forgive_sign_in_attempt(address).await?;
        }
        Ok(())
    }
}

/// What one person has of addresses: a network of 64 bits in IPv6 (RFC 6177).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use weir_store::Clock as _;
    use weir_testkit::TestStore;

    use super::*;

    #[tokio::test]
    async fn auth_5_attempts_are_limited_per_address_and_lock_no_further_accounts_then() {
        let stored = TestStore::open().await;
        let (store, now) = (&stored.store, stored.clock.now());
        // One person has a whole network of these.
        let address = |last: i64| format!("2001:db8::{last:x}").parse().ok();
        for number in 0..PER_ADDRESS {
            let guesses = Guesses::of_email(&format!("{number}@example.org"), address(number));
            guesses.count(store, now).await.unwrap();
        }
        for _ in 0..=PER_ACCOUNT {
            let refused = Guesses::of_email("ada@example.org", address(99)).count(store, now).await;
            assert!(
                matches!(refused, Err(TooManyGuesses::Wait(wait)) if wait == Duration::from_mins(15)),
                "{refused:?}"
            );
        }
        let elsewhere = Guesses::of_email("ada@example.org", "192.0.2.1".parse().ok());
        elsewhere.count(store, now).await.unwrap();
        elsewhere.was_right(store).await.unwrap();
        Guesses::of_email("ada@example.org", address(99)).count(store, Timestamp(now.0 + WINDOW_MS)).await.unwrap();
    }
}
