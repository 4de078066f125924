//! A session's frames: dense, given again exactly once and in order, and bounded.

use proptest::prelude::*;
use weir_realtime::{KEPT_BYTES, KEPT_FRAMES, NeverSent, Session};

/// What a server and its client may do with a session.
#[derive(Clone, Debug)]
enum Step {
    /// The server sends so many frames of so many bytes each.
    Send { frames: usize, bytes: usize },
    /// The client acknowledges the frame so far before the newest one it has seen.
    Ack { back: u64 },
    /// The client acknowledges a frame so far after the newest.
    AckFuture { ahead: u64 },
    /// The connection is cut; the client has seen all but so many of the frames.
    Cut { unseen: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..600_usize, prop_oneof![Just(1_usize), 1..2000_usize, Just(70_000), Just(KEPT_BYTES + 1)])
            .prop_map(|(frames, bytes)| Step::Send { frames: if bytes > 2000 { frames % 90 + 1 } else { frames }, bytes }),
        3 => (0..1000_u64).prop_map(|back| Step::Ack { back }),
        1 => (1..u64::MAX / 2).prop_map(|ahead| Step::AckFuture { ahead }),
        2 => (0..5000_u64).prop_map(|unseen| Step::Cut { unseen }),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(weir_testkit::cases("session.proptest-regressions", 300))]

    #[test]
    fn ws_9_a_client_sees_each_frame_once_and_in_order_or_learns_that_it_cannot(steps in steps()) {
        let mut session = Session::<u64>::default();
        // The sizes of all frames ever sent: the frame's content is its number.
        let mut sizes: Vec<usize> = Vec::new();
        let (mut seen, mut acked) = (0_u64, 0_u64);
        for step in steps {
            match step {
                Step::Send { frames, bytes } => {
                    for _ in 0..frames {
                        let seq = session.push(session.newest() + 1, bytes);
                        sizes.push(bytes);
                        prop_assert_eq!(seq, sizes.len() as u64, "dense");
                    }
                    seen = session.newest();
                }
                Step::Ack { back } => {
                    let seq = seen.saturating_sub(back);
                    prop_assert_eq!(session.ack(seq), Ok(()));
                    acked = acked.max(seq);
                }
                Step::AckFuture { ahead } => {
                    let newest = session.newest();
                    let named = newest.saturating_add(ahead);
                    prop_assert_eq!(session.ack(named), Err(NeverSent { named, newest }));
                }
                Step::Cut { unseen } => {
                    // A client never goes back behind what it has acknowledged.
                    let from = session.newest().saturating_sub(unseen).max(acked);
                    let again: Vec<u64> = (from + 1..).map_while(|seq| session.frame(seq).copied()).collect();
                    if session.covers(from) {
                        prop_assert_eq!(again, (from + 1..=session.newest()).collect::<Vec<_>>());
                        seen = session.newest();
                    } else {
                        prop_assert!(again.is_empty(), "never a part of it");
                        let missed = &sizes[usize::try_from(from).unwrap()..];
                        let too_many = missed.len() > KEPT_FRAMES || missed.iter().sum::<usize>() > KEPT_BYTES;
                        prop_assert!(too_many, "{} frames were given up without need", missed.len());
                    }
                }
            }
            prop_assert!(session.bytes() <= KEPT_BYTES);
            prop_assert!(!session.covers(session.newest() + 1));
            let kept = (1..=session.newest()).rev().take_while(|seq| session.frame(*seq).is_some()).count();
            prop_assert!(kept <= KEPT_FRAMES);
        }
    }
}
