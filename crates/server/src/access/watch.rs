//! What is open in whose name: streams and sockets end when the credential that opened them is good no longer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use weir_protocol::{Timestamp, UserRole};
use weir_store::{Clock, Credential, Grant, Store, StoreError};

/// How often is looked whether something was revoked, here or by another process.
const LOOK: Duration = Duration::from_millis(400);

/// The credentials in whose name something is open in this process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Watches(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    open: Mutex<Open>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct Open {
    credentials: HashMap<Credential, Watched>,
    /// How many there have been.
    count: u64,
}

#[derive(Debug)]
struct Watched {
    number: u64,
    ended: CancellationToken,
    role: UserRole,
    expires_at: Option<Timestamp>,
    /// The count of changes up to which the credential is known to be good.
    changes: i64,
    holders: usize,
}

/// Something that is open in the name of a credential; dropped when it ends.
#[derive(Debug)]
pub(crate) struct Watch {
    watches: Watches,
    credential: Credential,
    number: u64,
    ended: CancellationToken,
}

impl Watch {
    /// Is cancelled when the credential is good no longer.
    pub(crate) fn ended(&self) -> &CancellationToken {
        &self.ended
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut open = self.watches.open();
        // What has ended stands there no longer, or another one does.
        let Some(watched) = open.credentials.get_mut(&self.credential).filter(|it| it.number == self.number) else {
            return;
        };
        watched.holders -= 1;
        if watched.holders == 0 {
            open.credentials.remove(&self.credential);
        }
    }
}

impl Watches {
    /// Opens something in the name of a credential that was good when `grant` was found.
    pub(crate) fn watch(&self, grant: &Grant) -> Watch {
        let mut open = self.open();
        open.count += 1;
        let number = open.count;
        let fresh = |changes| Watched {
            number,
            ended: CancellationToken::new(),
            role: grant.role,
            expires_at: grant.expires_at,
            changes,
            holders: 0,
        };
        let watched = open.credentials.entry(grant.credential).or_insert_with(|| fresh(grant.changes));
        if watched.role != grant.role {
            // One of the two roles is outdated: what is open ends, and the next look judges what opens now.
            watched.ended.cancel();
            *watched = fresh(i64::MIN);
        }
        watched.holders += 1;
        Watch {
            watches: self.clone(),
            credential: grant.credential,
            number: watched.number,
            ended: watched.ended.clone(),
        }
    }

    /// Something was revoked in this process: looks at once.
    pub(crate) fn ring(&self) {
        self.0.bell.notify_one();
    }

    /// Ends what is open in the name of credentials that are revoked or over, for ever: within half a second of it, whichever
    /// process did it.
    pub async fn keep(self, store: Store, clock: Arc<dyn Clock>) {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.0.bell.notified() => {}
            }
            if self.open().credentials.is_empty() {
                continue;
            }
            if let Err(error) = self.look(&store, clock.now()).await {
                // An instance that stays cut off ends its streams for that reason.
                tracing::debug!(%error, "it cannot be looked whether something was revoked");
            }
        }
    }

    async fn look(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        self.end(|watched| watched.expires_at.is_some_and(|at| at <= now));
        let changes = store.access_changes().await?;
        let doubtful: Vec<(Credential, u64)> = {
            let open = self.open();
            let doubtful = open.credentials.iter().filter(|(_, watched)| watched.changes < changes);
            doubtful.map(|(credential, watched)| (*credential, watched.number)).collect()
        };
        if doubtful.is_empty() {
            return Ok(());
        }
        let credentials: Vec<_> = doubtful.iter().map(|(credential, _)| *credential).collect();
        let good = store.still_good(&credentials, now).await?;
        let mut open = self.open();
        for (credential, number) in doubtful {
            let Some(watched) = open.credentials.get_mut(&credential).filter(|it| it.number == number) else {
                continue;
            };
            if good.get(&credential) == Some(&watched.role) {
                watched.changes = watched.changes.max(changes);
            } else {
                watched.ended.cancel();
                open.credentials.remove(&credential);
            }
        }
        Ok(())
    }

    fn end(&self, is_over: impl Fn(&Watched) -> bool) {
        self.open().credentials.retain(|_, watched| {
            let over = is_over(watched);
            if over {
                watched.ended.cancel();
            }
            !over
        });
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // The map is whole after every statement; a panic elsewhere does not spoil it.
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use weir_protocol::{SignInId, UserId};

    use super::*;

    #[test]
    fn auth_26_what_is_open_with_another_role_ends_when_something_opens_with_the_new_one() {
        let watches = Watches::default();
        let grant = |role| Grant {
            credential: Credential::SignIn(SignInId(Uuid::from_u128(1))),
            user: UserId(Uuid::from_u128(2)),
            role,
            scopes: Vec::new(),
            last_used_at: None,
            expires_at: None,
            changes: 7,
        };
        let before = watches.watch(&grant(UserRole::Administrator));
        let same = watches.watch(&grant(UserRole::Administrator));
        assert!(!before.ended().is_cancelled() && !same.ended().is_cancelled());
        let after = watches.watch(&grant(UserRole::User));
        assert!(
            before.ended().is_cancelled() && same.ended().is_cancelled(),
            "they have the rights of an administrator"
        );
        assert!(!after.ended().is_cancelled());
        drop((before, same));
        assert_eq!(watches.open().credentials.len(), 1, "those that ended take nothing away");
        drop(after);
        assert!(watches.open().credentials.is_empty());
    }
}
