//! The bells of PostgreSQL and Redis, heard by somebody else, broken, and heard again.
//!
//! Each needs its server: `WEIR_TEST_DATABASE_URL`, `WEIR_TEST_REDIS_URL`.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use std::{env, sync::Arc};

use sqlx::{Connection as _, PgConnection};
use tokio::sync::mpsc;
use uuid::Uuid;
use weir_protocol::{RunId, Seq};
use weir_realtime::{Broadcaster, CommitterOptions, EventLog, Heard, PostgresBell, RedisBell, Ring, Topic};
use weir_store::LogId;
use weir_testkit::{TestStore, soon};

fn ring(seq: u64) -> Ring {
    Ring { topic: Topic::Log(LogId::Run(RunId(Uuid::now_v7()))), grown: Seq(seq) }
}

/// Waits until the log hears the other instances, or does not.
async fn until_it_hears(log: &EventLog, hears: bool) {
    let change = async {
        while log.hears() != hears {
            tokio::task::yield_now().await;
        }
    };
    soon("the bell to be broken or mended", change).await;
}

/// Waits for a ring among those of whoever else uses the server.
async fn hears(heard: &mut mpsc::Receiver<Heard>, ring: Ring) {
    let listen = async {
        loop {
            match heard.recv().await.expect("the bell works") {
                Heard::Rings(rings) if rings.contains(&ring) => return,
                _ => {}
            }
        }
    };
    soon("the ring", listen).await;
}

async fn rings(here: Arc<dyn Broadcaster>, there: Arc<dyn Broadcaster>) {
    let (sender, mut heard) = mpsc::channel(16);
    let listening = tokio::spawn(async move { there.hear(sender).await });
    assert_eq!(soon("the acknowledgement", heard.recv()).await, Some(Heard::Listening));
    for seq in 1..=3 {
        let ring = ring(seq);
        here.ring(&[ring]).await.unwrap();
        hears(&mut heard, ring).await;
    }
    listening.abort();
}

#[tokio::test]
async fn ins_1_a_ring_of_postgresql_is_heard_at_another_instance() {
    let stored = TestStore::open().await;
    if stored.url().is_some() {
        let (here, there) = (PostgresBell::new(stored.store.clone()), PostgresBell::new(stored.reopen().await));
        rings(Arc::new(here), Arc::new(there)).await;
    }
}

#[tokio::test]
async fn ins_1_a_ring_of_redis_is_heard_at_another_instance() {
    let Ok(url) = env::var("WEIR_TEST_REDIS_URL") else { return };
    rings(Arc::new(RedisBell::new(&url).unwrap()), Arc::new(RedisBell::new(&url).unwrap())).await;
}

#[tokio::test]
async fn ins_6_a_bell_that_broke_is_mended_and_everything_is_looked_at() {
    let stored = TestStore::open().await;
    let Some(url) = stored.url() else { return };
    let bell = Arc::new(PostgresBell::new(stored.store.clone()));
    let (log, committing, ringing) = EventLog::open_shared(stored.store.clone(), CommitterOptions::default(), bell);
    let work = tokio::spawn(async move { tokio::join!(committing, ringing) });
    let run = stored.start("Hello").await;
    let mut listener = log.listen(Topic::Log(LogId::Run(run.id)));
    soon("the first look", listener.rung()).await;
    until_it_hears(&log, true).await;
    let mut connection = PgConnection::connect(url).await.unwrap();
    let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE pid <> pg_backend_pid() AND usename = current_user AND query LIKE 'LISTEN%'";
    sqlx::query(ended).execute(&mut connection).await.unwrap();
    until_it_hears(&log, false).await;
    until_it_hears(&log, true).await;
    work.abort();
}
