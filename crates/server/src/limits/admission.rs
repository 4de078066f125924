//! What the requests of one process may hold at once: work, buffered bodies and responses that are not sent yet.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use weir_protocol::UserId;

use super::{ByteBudget, LimitOptions, SharedPermits};

/// Requests of users that are worked on at once, each up to the head of its response: a stream that has begun holds no place.
/// Far more than the database can work on, and few enough that the last of them does not wait for long.
const PLACES: usize = 256;
/// The same for requests without a credential: signing in, and what is refused.
const GUEST_PLACES: usize = 64;
/// Requests without a credential of one address that are worked on at once.
const GUEST_SHARE: usize = 8;
/// Credentials that are looked up at once, and those of one address.
const LOOKUPS: usize = 64;
const LOOKUP_SHARE: usize = 32;
/// Requests with a large body that are worked on at once, each on a thread of its own, and those of one user.
const LARGE_REQUESTS: usize = 8;
const LARGE_SHARE: usize = 4;
/// Bodies of one user and of one address that may be arriving at once.
const ARRIVING: usize = 256;
const ARRIVING_OF_GUEST: usize = 64;
/// Bytes of bodies that are held at once, from all users and from all addresses without a credential.
const BODY_BYTES: usize = 128 * 1024 * 1024;
const BODY_SHARE: usize = 16 * 1024 * 1024;
const GUEST_BODY_BYTES: usize = 8 * 1024 * 1024;
const GUEST_BODY_SHARE: usize = 1024 * 1024;
/// Bytes of responses that are not sent yet, to all users together.
const RESPONSE_BYTES: usize = 256 * 1024 * 1024;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// The sender of a request, as far as limits distinguish senders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Requester {
    User(UserId),
    /// Without a valid credential, from this address or network. None for a request that came over no connection.
    Guest(Option<IpAddr>),
}

/// The concurrency limits of one process. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    pub(crate) places: SharedPermits<Requester>,
    pub(crate) guest_places: SharedPermits<Requester>,
    pub(crate) lookups: SharedPermits<Option<IpAddr>>,
    pub(crate) large_requests: SharedPermits<Requester>,
    pub(crate) bodies: ByteBudget<Requester>,
    pub(crate) guest_bodies: ByteBudget<Requester>,
    pub(crate) responses: ByteBudget<UserId>,
    pub(crate) arrivals: Arrivals,
    pub(crate) patience: Duration,
    /// The unsafe requests that are worked on, also those whose clients have disconnected.
    pub(crate) requests: TaskTracker,
}

impl Admission {
    pub(crate) fn new(options: &LimitOptions) -> Self {
        let share = usize::try_from(options.requests).unwrap_or(PLACES).min(PLACES);
        Self {
            places: SharedPermits::new(PLACES, share),
            guest_places: SharedPermits::new(GUEST_PLACES, GUEST_SHARE),
            lookups: SharedPermits::new(LOOKUPS, LOOKUP_SHARE),
            large_requests: SharedPermits::new(LARGE_REQUESTS, LARGE_SHARE),
            bodies: ByteBudget::new(BODY_BYTES, BODY_SHARE),
            guest_bodies: ByteBudget::new(GUEST_BODY_BYTES, GUEST_BODY_SHARE),
            responses: ByteBudget::new(RESPONSE_BYTES, options.response_bytes),
            arrivals: Arrivals::default(),
            patience: PATIENCE,
            requests: TaskTracker::new(),
        }
    }

    /// Returns when no unsafe request is worked on.
    pub(crate) async fn requests_ended(&self) {
        self.requests.close();
        self.requests.wait().await;
    }

    /// The places that requests of this sender are worked on in.
    pub(crate) fn places_of(&self, requester: Requester) -> &SharedPermits<Requester> {
        match requester {
            Requester::User(_) => &self.places,
            Requester::Guest(_) => &self.guest_places,
        }
    }

    /// The budget that bodies of this sender are counted in.
    pub(crate) fn bodies_of(&self, requester: Requester) -> &ByteBudget<Requester> {
        match requester {
            Requester::User(_) => &self.bodies,
            Requester::Guest(_) => &self.guest_bodies,
        }
    }
}

/// The bodies that have not arrived completely. When a sender has too many, the oldest one is given up: a sender that leaves
/// bodies unfinished displaces its own. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrivals(Arc<Mutex<ArrivalTable>>);

#[derive(Debug, Default)]
struct ArrivalTable {
    started: u64,
    /// By the order in which they started.
    by_sender: HashMap<Requester, BTreeMap<u64, CancellationToken>>,
}

/// A body that is arriving. Dropping it ends that.
#[derive(Debug)]
pub(crate) struct Arrival {
    arrivals: Arrivals,
    requester: Requester,
    number: u64,
    displaced: CancellationToken,
}

impl Arrivals {
    /// Counts one more body, and displaces the oldest of the sender if it has too many.
    pub(crate) fn start(&self, requester: Requester) -> Arrival {
        let most = match requester {
            Requester::User(_) => ARRIVING,
            Requester::Guest(_) => ARRIVING_OF_GUEST,
        };
        let mut table = self.table();
        table.started += 1;
        let number = table.started;
        let displaced = CancellationToken::new();
        let own = table.by_sender.entry(requester).or_default();
        if own.len() >= most
            && let Some((_, oldest)) = own.pop_first()
        {
            oldest.cancel();
        }
        own.insert(number, displaced.clone());
        drop(table);
        Arrival { arrivals: self.clone(), requester, number, displaced }
    }

    fn table(&self) -> MutexGuard<'_, ArrivalTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Arrival {
    /// Returns when a newer body has displaced this one.
    pub(crate) async fn displaced(&self) {
        self.displaced.cancelled().await;
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut table = self.arrivals.table();
        if let Some(own) = table.by_sender.get_mut(&self.requester) {
            own.remove(&self.number);
            if own.is_empty() {
                table.by_sender.remove(&self.requester);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_unfinished_body_of_a_sender_is_displaced() {
        let arrivals = Arrivals::default();
        let guest = Requester::Guest(None);
        let other = arrivals.start(Requester::Guest(Some([127, 0, 0, 2].into())));
        let mut own: Vec<_> = (0..=ARRIVING_OF_GUEST).map(|_| arrivals.start(guest)).collect();
        let displaced = |own: &[Arrival]| own.iter().filter(|it| it.displaced.is_cancelled()).count();
        assert!(own[0].displaced.is_cancelled());
        assert_eq!(displaced(&own), 1);
        assert!(!other.displaced.is_cancelled());
        own.truncate(2);
        own.push(arrivals.start(guest));
        assert_eq!(displaced(&own), 1, "there is room again");
        drop((own, other));
        assert!(arrivals.table().by_sender.is_empty());
    }
}
