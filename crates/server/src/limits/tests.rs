use std::net::Ipv4Addr;

use proptest::prelude::*;
use uuid::Uuid;
use weir_testkit::{ALICE, BOB, TestClock};

use super::*;

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

fn limits(per_second: u32, burst: u32) -> (Limits, Arc<TestClock>) {
    let clock = Arc::<TestClock>::default();
    let options = LimitOptions { per_second, burst, ..LimitOptions::SHARED };
    (Limits::new(options, None, clock.clone()), clock)
}

/// How many requests are admitted before one is refused.
async fn admitted(limits: &Limits, user: Option<UserId>, address: Option<IpAddr>, kind: Kind) -> u32 {
    let mut count = 0;
    while limits.take(user, address, kind).await.is_ok() {
        count += 1;
    }
    count
}

proptest! {
    #[test]
    fn lim_1_waiting_as_long_as_is_said_is_enough_and_a_second_less_is_not(
        per_second in 1_u32..50,
        burst in DEAREST..500,
        steps in prop::collection::vec((0_i64..3_000_000, 1_u32..=DEAREST), 1..300),
    ) {
        let quota = Quota::new(per_second, burst);
        let (mut buckets, mut now, mut taken) = (Buckets::default(), 0, 0);
        for (pause, units) in steps {
            now += pause / i64::from(units * units);
            let charges = [quota.charge(Key::User(ALICE), units)];
            match buckets.take(&charges, now) {
                Ok(()) => taken += i64::from(units),
                Err(Exhausted(wait)) => {
                    let seconds = i64::try_from(wait.as_micros().div_ceil(1_000_000)).unwrap();
                    prop_assert!(buckets.look(&charges, now + seconds * 1_000_000).is_ok());
                    prop_assert!(buckets.look(&charges, now + (seconds - 1) * 1_000_000).is_err());
                }
            }
            // A unit takes a whole number of microseconds, at most one too few.
            let most = i64::from(burst) + now / (1_000_000 / i64::from(per_second)) + 1;
            prop_assert!(taken <= most, "{taken} units in {now} µs");
        }
    }
}

#[tokio::test]
async fn lim_3_who_has_emptied_their_bucket_stands_in_nobodys_way() {
    let (limits, _) = limits(1, 20);
    assert_eq!(admitted(&limits, Some(ALICE), Some(HOME), Kind::Start).await, 2);
    assert_eq!(admitted(&limits, Some(ALICE), Some(ELSEWHERE), Kind::Read).await, 0, "from anywhere");
    assert_eq!(admitted(&limits, Some(BOB), Some(HOME), Kind::Start).await, 2, "beside them");
}

#[tokio::test]
async fn lim_3_an_address_has_as_much_as_five_people_whoever_they_say_they_are() {
    let (limits, _) = limits(1, 20);
    let mut total = 0;
    for number in 0..50 {
        let user = UserId(Uuid::from_u128(number));
        total += admitted(&limits, Some(user), Some(HOME), Kind::Write).await;
    }
    assert_eq!(total, 5 * 10);
    assert!(limits.look(HOME, Kind::Read).is_err(), "it is turned away before anybody asks who it is");
    assert!(limits.look(ELSEWHERE, Kind::Read).is_ok());
    assert!(limits.take(None, Some(HOME), Kind::Free).await.is_ok(), "what is free stays so");
}

#[tokio::test]
async fn lim_1_what_is_refused_takes_nothing() {
    let (limits, clock) = limits(1, 20);
    assert_eq!(admitted(&limits, Some(ALICE), Some(HOME), Kind::Start).await, 2);
    for _ in 0..1000 {
        let refused = limits.take(Some(ALICE), Some(HOME), Kind::Start).await;
        assert_eq!(refused, Err(Exhausted(Duration::from_secs(10))));
    }
    assert_eq!(admitted(&limits, Some(BOB), Some(HOME), Kind::Start).await, 2, "their address lost nothing");
    clock.advance(9_999);
    assert!(limits.take(Some(ALICE), Some(HOME), Kind::Start).await.is_err());
    clock.advance(1);
    assert!(limits.take(Some(ALICE), Some(HOME), Kind::Start).await.is_ok());
}
