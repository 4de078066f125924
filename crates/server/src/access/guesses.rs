//! Limits of failed sign-in attempts, for all instances together.
//!
//! Wrong passwords from one network lock an account for that network only, so an attacker locks out no other network. Attempts from
//! many networks delay each other, but not a network from which the person has signed in.

use std::{net::IpAddr, time::Duration};

use weir_protocol::Timestamp;
use weir_store::{AttemptDelays, SIGN_IN_KEPT_MS, SecretHash, Store, StoreError, email_key};

use super::digest;

/// Wrong passwords for one account from one network within [`WINDOW_MS`], and from one network for all accounts.
/// NIST SP 800-63B-4 (3.2.2) allows 100 in a row.
const PER_ACCOUNT_AND_NETWORK: i64 = 10;
const PER_NETWORK: i64 = 50;
/// How long an attempt counts, in milliseconds, from the first one on.
const WINDOW_MS: i64 = 15 * 60 * 1000;
/// Attempts to make an account with one link within [`LINK_WINDOW_MS`].
const PER_LINK: i64 = 10;
const LINK_WINDOW_MS: i64 = 60 * 60 * 1000;
/// Attempts at one account from all networks that the person has not signed in from.
const DELAYS: AttemptDelays = AttemptDelays { free: 20, first: 1000, max: 60 * 1000, window: WINDOW_MS };

/// Why an attempt may not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TooManyGuesses {
    /// There were too many; from then on the next one may be made.
    #[error("too many attempts")]
    Wait(Duration),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One attempt to sign in, or to confirm a password.
pub(crate) struct Guesses {
    /// The account, from this network.
    pair: SecretHash,
    network: Option<SecretHash>,
    /// The account from all networks, and the key of its address.
    account: (SecretHash, String),
}

impl Guesses {
    /// At the account with this address, whether there is one or not.
    pub(crate) fn of_email(email: &str, address: Option<IpAddr>) -> Self {
        let email = email_key(email);
        let from = address.map(|address| network(address).to_string()).unwrap_or_default();
        Self {
            pair: digest(&format!("account {email} from {from}")),
            network: address.map(network_digest),
            account: (digest(&format!("account {email}")), email),
        }
    }

    /// Counts the attempt before it is made.
    pub(crate) async fn count(&self, store: &Store, now: Timestamp) -> Result<(), TooManyGuesses> {
        // A network that tries too much uses up no attempts of further accounts.
        let limits = self.network.iter().map(|key| (key, PER_NETWORK)).chain([(&self.pair, PER_ACCOUNT_AND_NETWORK)]);
        for (key, max) in limits {
            let attempts = store.count_sign_in_attempt(key, WINDOW_MS, now).await?;
            if attempts.count > max {
                return Err(wait(attempts.end.0 - now.0));
            }
        }
        let (account, email) = &self.account;
        if !self.is_known_network(store, email, now).await?
            && let Some(delay) = store.delay_sign_in_attempt(account, &DELAYS, now).await?
        {
            return Err(wait(delay));
        }
        Ok(())
    }

    /// The password was right.
    pub(crate) async fn was_right(&self, store: &Store) -> Result<(), StoreError> {
        store.forget_sign_in_attempts(&self.pair).await?;
        if let Some(network) = &self.network {
            store.forgive_sign_in_attempt(network).await?;
        }
        Ok(())
    }

    async fn is_known_network(&self, store: &Store, email: &str, now: Timestamp) -> Result<bool, StoreError> {
        let Some(network) = &self.network else { return Ok(false) };
        store.knows_network(email, network, Timestamp(now.0 - SIGN_IN_KEPT_MS)).await
    }
}

/// Counts an attempt to make an account with a valid link, before it is made. Each tells whether an address has an account, and costs the
/// work of a password.
pub(crate) async fn count_link_attempt(
    store: &Store,
    secret: &SecretHash,
    now: Timestamp,
) -> Result<(), TooManyGuesses> {
    let attempts = store.count_sign_in_attempt(secret, LINK_WINDOW_MS, now).await?;
    if attempts.count > PER_LINK { Err(wait(attempts.end.0 - now.0)) } else { Ok(()) }
}

fn wait(milliseconds: i64) -> TooManyGuesses {
    TooManyGuesses::Wait(Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default()))
}

/// Identifies the network of an address.
pub(crate) fn network_digest(address: IpAddr) -> SecretHash {
    digest(&format!("address {}", network(address)))
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
    use weir_protocol::{InviteId, SignInId};
    use weir_store::{Clock as _, NewAccount, NewSignIn};
    use weir_testkit::{ALICE, TestStore};

    use super::*;

    #[tokio::test]
    async fn auth_5_attempts_are_limited_per_address_and_lock_no_further_accounts_then() {
        let stored = TestStore::open().await;
        let (store, now) = (&stored.store, stored.clock.now());
        // One person has a whole network of these.
        let address = |last: i64| format!("2001:db8::{last:x}").parse().ok();
        for number in 0..PER_NETWORK {
            let guesses = Guesses::of_email(&format!("{number}@example.org"), address(number));
            guesses.count(store, now).await.unwrap();
        }
        for _ in 0..=PER_ACCOUNT_AND_NETWORK {
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

    fn ada(network: u32) -> Guesses {
        Guesses::of_email("ada@example.org", Some(IpAddr::V4(network.into())))
    }

    /// Attempts from so many networks, one from each, and how long the last one has to wait.
    async fn tried(store: &Store, networks: std::ops::Range<u32>, now: Timestamp) -> Duration {
        let mut waits = Duration::ZERO;
        for network in networks {
            waits = match ada(network).count(store, now).await {
                Ok(()) => Duration::ZERO,
                Err(TooManyGuesses::Wait(wait)) => wait,
                Err(error) => panic!("{error}"),
            };
        }
        waits
    }

    #[tokio::test]
    async fn lim_52_wrong_passwords_lock_an_account_for_their_network_only() {
        let stored = TestStore::open().await;
        let (store, now) = (&stored.store, stored.clock.now());
        for _ in 0..PER_ACCOUNT_AND_NETWORK {
            ada(1).count(store, now).await.unwrap();
        }
        let refused = ada(1).count(store, now).await;
        assert!(matches!(refused, Err(TooManyGuesses::Wait(wait)) if wait == Duration::from_mins(15)), "{refused:?}");
        ada(2).count(store, now).await.unwrap();
        Guesses::of_email("bob@example.org", Some(IpAddr::V4(1.into()))).count(store, now).await.unwrap();
    }

    #[tokio::test]
    async fn lim_53_attempts_from_many_networks_delay_each_other_for_a_minute_at_most() {
        let stored = TestStore::open().await;
        let (store, mut now) = (&stored.store, stored.clock.now());
        assert_eq!(tried(store, 0..21, now).await, Duration::ZERO);
        for (network, seconds) in (100..).zip([1, 2, 4, 8, 16, 32, 60, 60]) {
            let delay = Duration::from_secs(seconds);
            assert_eq!(tried(store, network..network + 1, now).await, delay);
            assert_eq!(
                tried(store, network..network + 1, Timestamp(now.0 + 1)).await,
                delay.saturating_sub(Duration::from_millis(1))
            );
            now = Timestamp(now.0 + i64::try_from(delay.as_millis()).unwrap());
            assert_eq!(tried(store, network..network + 1, now).await, Duration::ZERO);
        }
        assert_eq!(tried(store, 200..221, Timestamp(now.0 + WINDOW_MS)).await, Duration::ZERO);
    }

    #[tokio::test]
    async fn lim_53_a_network_where_the_person_signed_in_is_not_delayed_by_others() {
        let stored = TestStore::open().await;
        let (store, now) = (&stored.store, stored.clock.now());
        let (email, name) = ("ada@example.org".to_owned(), "Ada".to_owned());
        let account = NewAccount { id: ALICE, email, name, password_hash: String::new() };
        store.replace_setup_link(InviteId(stored.clock.id()), &[1; 32], now).await.unwrap();
        let person = store.set_up(&[1; 32], ALICE, &account, now).await.unwrap().person.id;
        let home: IpAddr = "192.0.2.7".parse().unwrap();
        let new = NewSignIn {
            id: SignInId(stored.clock.id()),
            user: person,
            secret: digest("secret"),
            device: String::new(),
            address: home.to_string(),
            network: Some(network_digest(home)),
            replaces: None,
            password_hash: None,
        };
        store.sign_in(&new, now).await.unwrap();
        assert!(tried(store, 0..23, now).await > Duration::ZERO);
        let at_home = Guesses::of_email("Ada@example.org", Some(home));
        at_home.count(store, now).await.unwrap();
        let elsewhere = Guesses::of_email("ada@example.org", "192.0.2.8".parse().ok());
        assert!(elsewhere.count(store, now).await.is_err());
        // After 30 days it is a network like any other.
        let later = Timestamp(now.0 + SIGN_IN_KEPT_MS);
        assert!(tried(store, 100..123, later).await > Duration::ZERO);
        assert!(at_home.count(store, later).await.is_err());
    }
}
