//! Buckets of units, by the generic cell rate algorithm (ITU-T I.371, A.1): of each only the time is kept at which it will be
//! full again. The same few lines of arithmetic stand in [`super::shared`] for Redis, and in the store for `PostgreSQL`.

use std::{collections::HashMap, fmt, net::IpAddr, time::Duration};

use weir_protocol::UserId;

use super::Exhausted;

/// The units of the dearest request; a bucket holds at least as many, or it could never be had.
pub(crate) const DEAREST: u32 = 10;
/// Buckets that are kept at most; about 10 MB. Those for whom there is no room share one.
const MOST: usize = 100_000;
/// How often buckets that are full again are looked for, in microseconds.
const SWEEP: i64 = 1_000_000;

/// Whose bucket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    User(UserId),
    /// An address of IPv4, or the 64 bits of an address of IPv6 that name a customer's network (RFC 6177).
    Address(IpAddr),
    /// Everybody for whom there was no room.
    Others,
}

impl Key {
    pub(super) fn address(address: IpAddr) -> Self {
        Self::Address(network_of(address))
    }
}

/// Whoever can choose among the addresses of a network of IPv6 counts as one.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "user:{user}"),
            Self::Address(address) => write!(f, "address:{address}"),
            Self::Others => f.write_str("others"),
        }
    }
}

/// How fast a bucket fills and how much it holds. Units are counted in the time that they take to come back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    /// Microseconds until a unit has come back.
    unit: i64,
    /// Microseconds until an empty bucket is full.
    depth: i64,
}

impl Quota {
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        let unit = (1_000_000 / i64::from(per_second.max(1))).max(1);
        Self { unit, depth: unit * i64::from(burst.max(DEAREST)) }
    }

    /// As much as this many of such buckets.
    pub(super) fn of_people(self, people: u32) -> Self {
        let unit = (self.unit / i64::from(people.max(1))).max(1);
        Self { unit, depth: self.depth.max(unit * i64::from(DEAREST)) }
    }

    pub(super) fn charge(self, key: Key, units: u32) -> Charge {
        Charge { key, cost: self.unit * i64::from(units), depth: self.depth }
    }
}

/// What one request takes out of one bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Charge {
    pub(super) key: Key,
    /// In microseconds.
    pub(super) cost: i64,
    /// What the bucket holds, in microseconds.
    pub(super) depth: i64,
}

/// When each bucket will be full again, in microseconds since the epoch; those that are not kept are full.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    full_at: HashMap<Key, i64>,
    swept_at: i64,
}

impl Buckets {
    /// Takes all charges or none.
    pub(super) fn take(&mut self, charges: &[Charge], now: i64) -> Result<(), Exhausted> {
        if let Err(exhausted) = self.look(charges, now) {
            self.keep_in_reach(charges, now);
            return Err(exhausted);
        }
        for charge in charges {
            let key = self.room(charge.key, now);
            let from = self.from(key, charge.depth, now);
            self.full_at.insert(key, from + charge.cost);
        }
        Ok(())
    }

    /// Whether all charges could be taken.
    pub(super) fn look(&self, charges: &[Charge], now: i64) -> Result<(), Exhausted> {
        let waits = charges.iter().map(|charge| {
            let key = if self.is_known(charge.key) { charge.key } else { Key::Others };
            self.from(key, charge.depth, now) + charge.cost - charge.depth - now
        });
        match waits.max() {
            Some(wait @ 1..) => Err(Exhausted(Duration::from_micros(wait.unsigned_abs()))),
            _ => Ok(()),
        }
    }

    /// Undoes [`Self::take`].
    pub(super) fn give_back(&mut self, charges: &[Charge]) {
        for charge in charges {
            if let Some(full_at) = self.full_at.get_mut(&charge.key) {
                *full_at -= charge.cost;
            }
        }
    }

    /// From when on the next units are taken. A clock that was set back empties a bucket at most.
    fn from(&self, key: Key, depth: i64, now: i64) -> i64 {
        self.full_at.get(&key).map_or(now, |full_at| (*full_at).clamp(now, now + depth))
    }

    /// After a clock was set back, what was taken before it counts from now on and not from then.
    fn keep_in_reach(&mut self, charges: &[Charge], now: i64) {
        for charge in charges {
            if let Some(full_at) = self.full_at.get_mut(&charge.key) {
                *full_at = (*full_at).min(now + charge.depth);
            }
        }
    }

    fn is_known(&self, key: Key) -> bool {
        self.full_at.len() < MOST || self.full_at.contains_key(&key)
    }

    /// The bucket itself if there is room for it, else everybody else's.
    fn room(&mut self, key: Key, now: i64) -> Key {
        if self.full_at.len() >= MOST && !(self.swept_at..self.swept_at + SWEEP).contains(&now) {
            self.swept_at = now;
            self.full_at.retain(|_, full_at| *full_at > now);
        }
        if self.is_known(key) { key } else { Key::Others }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn lim_6_addresses_without_end_take_no_memory_without_end_and_get_no_more() {
        let quota = Quota::new(1, 10);
        let mut buckets = Buckets::default();
        let numbered = |n: u32| quota.charge(Key::address(Ipv4Addr::from_bits(n).into()), 1);
        let admitted = (0..150_000).filter(|n| buckets.take(&[numbered(*n)], 0).is_ok()).count();
        assert_eq!(admitted, MOST + 10, "those without room share one bucket");
        assert!(buckets.full_at.len() <= MOST + 1);
        assert!(buckets.take(&[numbered(200_000)], 11_000_000).is_ok(), "the others are full again, and forgotten");
        assert!(buckets.full_at.len() < 10);
    }

    #[test]
    fn lim_6_a_network_of_ipv6_is_one_address() {
        let key = |text: &str| Key::address(text.parse::<Ipv6Addr>().unwrap().into());
        assert_eq!(key("2001:db8:1:2:3::4"), key("2001:db8:1:2:ffff::"));
        assert_ne!(key("2001:db8:1:2::"), key("2001:db8:1:3::"));
        assert_eq!(key("::ffff:192.0.2.1"), Key::Address(Ipv4Addr::new(192, 0, 2, 1).into()));
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let charge = Quota::new(1, 10).charge(Key::Others, 10);
        let mut buckets = Buckets::default();
        buckets.take(&[charge], 1_000_000_000).unwrap();
        let Err(Exhausted(wait)) = buckets.take(&[charge], 0) else { panic!("it is empty") };
        assert_eq!(wait, Duration::from_secs(10));
        assert!(buckets.take(&[charge], 10_000_000).is_ok());
    }
}
