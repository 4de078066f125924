//! How much one person and one address may ask for: a bucket of units for each, what each kind of request takes out of it, and
//! how many sockets a person may hold.
//!
//! A request takes from the bucket of its user and from that of its address, from both or from none. With several instances the
//! buckets are kept where all of them reach ([`Shared`]); when that does not answer, each instance goes by what it admitted itself.

mod admission;
mod bucket;
mod byte_budget;
mod network;
mod places;
mod shared;
mod shared_permits;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use weir_protocol::UserId;
use weir_store::Clock;

pub(crate) use admission::{Admission, Requester};
use bucket::{Buckets, Charge, Key, Quota};
pub(crate) use bucket::{DEAREST, network_of};
pub(crate) use byte_budget::{ByteBudget, HeldBytes};
pub use network::Network;
pub(crate) use network::client;
pub(crate) use places::{Place, Places};
pub use shared::Shared;
pub(crate) use shared_permits::SharedPermits;

use crate::metrics::rate_limited;

/// An address may ask for as much as this many people: an office behind one address.
const PEOPLE_AT_AN_ADDRESS: u32 = 5;

/// What an operator may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitOptions {
    /// Units a second that come back to a person's bucket.
    pub per_second: u32,
    /// Units in a full bucket.
    pub burst: u32,
    /// Answers of one person that may be under way at once, at all instances together.
    pub runs: u32,
    /// Sockets that one person may hold at one instance.
    pub sockets: u32,
    /// Streams of events that one person may read at one instance, over HTTP.
    pub streams: u32,
    /// Requests of one person that one instance works on at once; further ones wait.
    pub requests: u32,
    /// Bytes of one person's responses that one instance holds until they are sent.
    pub response_bytes: usize,
    /// MCP sessions that one person may have at one instance.
    pub mcp_sessions: u32,
    /// Bytes that one person may store; 0: no limit.
    pub storage: u64,
    /// Unfinished jobs of one user, at all instances together: running, queued or waiting for approval.
    pub jobs: u32,
    /// Who may name the address that a request comes from.
    pub trusted_proxies: Vec<Network>,
}

impl LimitOptions {
    /// For a server that several people use. Opening a page takes about ten units, so a person can open twenty at once and
    /// two every second; what a program can do with that does not keep two cores busy.
    pub const SHARED: Self = Self {
        per_second: 20,
        burst: 200,
        runs: 16,
        sockets: 32,
        streams: 64,
        requests: 64,
        response_bytes: 16 * 1024 * 1024,
        mcp_sessions: 16,
        storage: 1 << 30,
        jobs: 32,
        trusted_proxies: Vec::new(),
    };
    /// For a server that is its own machine's alone: only a program that has gone wild meets these.
    pub const OPEN: Self = Self {
        per_second: 5_000,
        burst: 100_000,
        runs: 100_000,
        sockets: 100_000,
        streams: 100_000,
        requests: 256,
        response_bytes: 64 * 1024 * 1024,
        mcp_sessions: 64,
        storage: 0,
        jobs: 1_000,
        trusted_proxies: Vec::new(),
    };
}

/// What a request asks for, and so what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The web app's files, and questions about the server's health.
    Free,
    /// Looking at something.
    Read,
    /// Changing something.
    Write,
    /// Running a tool.
    Call,
    /// Asking a model.
    Start,
    /// Trying to get in. Attempts are limited further, by account and by address.
    SignIn,
}

impl Kind {
    /// How many units it takes: roughly what it costs the server beside reading one page of messages.
    const fn units(self) -> u32 {
        match self {
            Self::Free => 0,
            Self::Read => 1,
            Self::Write => 2,
            Self::Call | Self::SignIn => 5,
            Self::Start => DEAREST,
        }
    }

    /// Its name in the metrics.
    const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Read => "read",
            Self::Write => "write",
            Self::Call => "call",
            Self::Start => "start",
            Self::SignIn => "sign_in",
        }
    }
}

/// Nothing was taken; the same request can be had when this has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted(pub Duration);

/// The limits of this process. Cheap to clone.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    options: LimitOptions,
    person: Quota,
    address: Quota,
    local: Mutex<Buckets>,
    shared: Option<Shared>,
    sockets: Places<UserId>,
    streams: Places<UserId>,
    admission: Admission,
    clock: Arc<dyn Clock>,
}

impl Limits {
    /// Limits that hold together with those of every instance that has the same `shared`.
    pub fn new(options: LimitOptions, shared: Option<Shared>, clock: Arc<dyn Clock>) -> Self {
        let person = Quota::new(options.per_second, options.burst);
        let address = person.of_people(PEOPLE_AT_AN_ADDRESS);
        let (sockets, streams) = (Places::new(options.sockets), Places::new(options.streams));
        let admission = Admission::new(&options);
        let local = Mutex::default();
        Self(Arc::new(Inner { options, person, address, local, shared, sockets, streams, admission, clock }))
    }

    /// What was set.
    pub fn options(&self) -> &LimitOptions {
        &self.0.options
    }

    /// The sockets of this instance.
    pub(crate) fn sockets(&self) -> &Places<UserId> {
        &self.0.sockets
    }

    /// The streams of events of this instance.
    pub(crate) fn streams(&self) -> &Places<UserId> {
        &self.0.streams
    }

    /// What the requests of this instance may hold at once.
    pub(crate) fn admission(&self) -> &Admission {
        &self.0.admission
    }

    /// Takes what this kind of request costs, from every bucket or from none.
    ///
    /// # Errors
    /// When a bucket has too little in it.
    pub async fn take(&self, user: Option<UserId>, address: Option<IpAddr>, kind: Kind) -> Result<(), Exhausted> {
        let taken = self.take_uncounted(user, address, kind).await;
        if taken.is_err() {
            rate_limited(kind.name());
        }
        taken
    }

    async fn take_uncounted(&self, user: Option<UserId>, address: Option<IpAddr>, kind: Kind) -> Result<(), Exhausted> {
        let charges = self.charges(user, address, kind);
        if charges.is_empty() {
            return Ok(());
        }
        // What this instance admitted is a part of what all did: where that is too much already nobody else is asked.
        self.local(|buckets, now| buckets.take(&charges, now))?;
        let Some(shared) = &self.0.shared else { return Ok(()) };
        match shared.take(&charges).await {
            Some(Err(exhausted)) => {
                self.local(|buckets, _| buckets.give_back(&charges));
                Err(exhausted)
            }
            // None: it does not answer, and our own buckets have decided.
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// Whether an address has too little left for a request of this kind, as far as this instance knows. Takes nothing.
    pub(crate) fn look(&self, address: IpAddr, kind: Kind) -> Result<(), Exhausted> {
        let charges = self.charges(None, Some(address), kind);
        let looked = self.local(|buckets, now| buckets.look(&charges, now));
        if looked.is_err() {
            rate_limited(kind.name());
        }
        looked
    }

    fn charges(&self, user: Option<UserId>, address: Option<IpAddr>, kind: Kind) -> Vec<Charge> {
        if kind == Kind::Free {
            return Vec::new();
        }
        let user = user.map(|user| self.0.person.charge(Key::User(user), kind.units()));
        let address = address.map(|address| self.0.address.charge(Key::address(address), kind.units()));
        user.into_iter().chain(address).collect()
    }

    fn local<T>(&self, with: impl FnOnce(&mut Buckets, i64) -> T) -> T {
        let now = self.0.clock.now().0.saturating_mul(1000);
        // Every statement on the buckets leaves them whole; a panic elsewhere does not spoil them.
        with(&mut self.0.local.lock().unwrap_or_else(PoisonError::into_inner), now)
    }
}

#[cfg(test)]
mod tests;
