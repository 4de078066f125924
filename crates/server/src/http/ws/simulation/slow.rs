//! Devices that do not read, or do not answer, on a clock of their own.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::{
    io::AsyncReadExt as _,
    time::{Instant, sleep},
};
use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};
use weir_protocol::{ClientFrame, ServerFrame};

use super::{
    super::{connection::WRITE_DEADLINE, serve::KEEP},
    device::{Socket, frame, say, welcomed},
    world::{ALICE, HEARTBEAT, World},
};

async fn connect(world: &World) -> Socket {
    let stream = world.connect(ALICE, &mut fastrand::Rng::with_seed(1));
    WebSocketStream::from_raw_socket(stream, Role::Client, None).await
}

/// Subscribes, and takes in the acknowledgement as the session's first frame.
async fn subscribe(socket: &mut Socket, topic: &str) {
    say(socket, &ClientFrame::Subscribe { topic: topic.to_owned(), after: None }).await.unwrap();
    let acknowledged = frame(socket).await;
    assert_eq!(acknowledged, Some(ServerFrame::Subscribed { seq: 1, topic: topic.to_owned() }));
}

fn world_with_a_long_log() -> World {
    World::of(&[5000])
}

#[tokio::test(start_paused = true)]
async fn ws_16_two_unanswered_pings_end_a_socket() {
    let world = World::of(&[1]);
    let mut socket = connect(&world).await;
    welcomed(&mut socket).await.unwrap();
    let began = Instant::now();
    // Nobody reads the pings as WebSocket any more, so nobody answers them.
    let mut bytes = Vec::new();
    socket.get_mut().read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, [0x89, 0, 0x89, 0], "two pings and nothing else");
    assert_eq!(began.elapsed().as_secs(), 3 * HEARTBEAT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn ws_16_a_socket_that_answers_pings_lives() {
    let world = World::of(&[1]);
    let mut socket = connect(&world).await;
    welcomed(&mut socket).await.unwrap();
    let began = Instant::now();
    for _ in 0..20 {
        assert!(socket.next().await.unwrap().unwrap().is_ping());
    }
    assert_eq!(began.elapsed().as_secs(), 20 * HEARTBEAT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn ws_17_a_client_that_does_not_read_loses_its_socket_and_nothing_else() {
    let world = world_with_a_long_log();
    let run = *world.lengths(ALICE).keys().next().unwrap();
    let mut socket = connect(&world).await;
    let (session, ..) = welcomed(&mut socket).await.unwrap();
    subscribe(&mut socket, &format!("run:{run}")).await;
    world.grow_at_once();
    sleep(WRITE_DEADLINE + Duration::from_secs(1)).await;
    let mut seen = 0;
    while let Some(ServerFrame::Chunk { n, .. }) = frame(&mut socket).await {
        seen += 1;
        assert_eq!(n.0, seen);
    }
    assert!(seen < 100, "{seen} events were sent to somebody who does not read");
    let mut socket = connect(&world).await;
    welcomed(&mut socket).await.unwrap();
    say(&mut socket, &ClientFrame::Resume { session, seq: 1 + seen }).await.unwrap();
    assert_eq!(welcomed(&mut socket).await, Some((session, 1 + seen, true)));
    while seen < 5000 {
        let Some(ServerFrame::Chunk { seq, n, .. }) = frame(&mut socket).await else { panic!("after {seen}") };
        seen += 1;
        assert_eq!((seq, n.0), (1 + seen, seen));
    }
}

#[tokio::test(start_paused = true)]
async fn met_6_a_slow_reader_gets_the_newest_second_and_never_a_queue_of_them() {
    let world = world_with_a_long_log();
    let run = *world.lengths(ALICE).keys().next().unwrap();
    let mut socket = connect(&world).await;
    welcomed(&mut socket).await.unwrap();
    subscribe(&mut socket, "metrics").await;
    let Some(ServerFrame::Metrics { .. }) = frame(&mut socket).await else { panic!("the newest is there at once") };
    say(&mut socket, &ClientFrame::Subscribe { topic: format!("run:{run}"), after: None }).await.unwrap();
    let Some(ServerFrame::Subscribed { seq: 2, .. }) = frame(&mut socket).await else { panic!("no acknowledgement") };
    world.grow_at_once();
    // It reads nothing for 20 seconds, and the socket's buffer is full long before that.
    for second in 1..=20 {
        sleep(Duration::from_secs(1)).await;
        world.tick(second);
    }
    let (mut events, mut seconds) = (0, Vec::new());
    while events < 5000 || seconds.last() != Some(&20) {
        match frame(&mut socket).await {
            Some(ServerFrame::Metrics { at, .. }) => seconds.push(at.0 / 1000),
            Some(ServerFrame::Chunk { seq, n, .. }) => {
                events += 1;
                assert_eq!((seq, n.0), (2 + events, events), "metrics take no number and no event away");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(seconds.len() <= 2, "{seconds:?} were kept for somebody who does not read");
}

#[tokio::test(start_paused = true)]
async fn ws_9_a_session_that_waited_too_long_is_a_new_one() {
    let world = World::of(&[1]);
    for (away, resumed) in [(KEEP.mul_f64(0.99), true), (KEEP.mul_f64(1.01), false)] {
        let mut socket = connect(&world).await;
        let (session, ..) = welcomed(&mut socket).await.unwrap();
        drop(socket);
        sleep(away).await;
        let mut socket = connect(&world).await;
        let (new, ..) = welcomed(&mut socket).await.unwrap();
        say(&mut socket, &ClientFrame::Resume { session, seq: 0 }).await.unwrap();
        let expected = if resumed { session } else { new };
        assert_eq!(welcomed(&mut socket).await, Some((expected, 0, resumed)));
    }
}

#[tokio::test(start_paused = true)]
async fn ws_9_a_session_with_more_unacknowledged_frames_than_are_kept_is_never_resumed_in_part() {
    let world = world_with_a_long_log();
    let run = *world.lengths(ALICE).keys().next().unwrap();
    world.grow_at_once();
    let mut socket = connect(&world).await;
    let (session, ..) = welcomed(&mut socket).await.unwrap();
    subscribe(&mut socket, &format!("run:{run}")).await;
    for _ in 0..5000 {
        frame(&mut socket).await.unwrap();
    }
    drop(socket);
    for (seq, resumed) in [(5001 - 4096 - 1, false), (5001 - 4096, true)] {
        let mut socket = connect(&world).await;
        let (new, ..) = welcomed(&mut socket).await.unwrap();
        say(&mut socket, &ClientFrame::Resume { session, seq }).await.unwrap();
        let expected = if resumed { (session, seq, true) } else { (new, 0, false) };
        assert_eq!(welcomed(&mut socket).await, Some(expected));
        if resumed {
            let Some(ServerFrame::Chunk { seq: next, .. }) = frame(&mut socket).await else { panic!("no frame") };
            assert_eq!(next, seq + 1);
        }
    }
}
