//! A database that half fails: locked rows, half-open connections, many runs at once, rows of a newer version.

use weir_testkit::{OpenTransaction, Proxy};

use super::*;

/// Runs that a dead instance leaves behind.
const ORPHANS: usize = 300;

#[tokio::test]
async fn ins_10_a_locked_row_stops_neither_the_heartbeat_nor_other_take_overs() {
    let stored = TestStore::open().await;
    let Some(url) = stored.url() else { return };
    let hall = Hall::new();
    let a = Instance::join(&stored, hall.clone()).await;
    let b = Instance::join(&stored, hall).await;
    let (locked, _first) = a.begin(&b).await;
    let (free, _second) = a.begin(&b).await;
    let lock = OpenTransaction::begin(url, &format!("SELECT 1 FROM runs WHERE id = '{}' FOR UPDATE", locked.id)).await;
    let contact = b.contact.ending();
    drop(a);
    let since = Instant::now();
    let answer = b.script.answers().await;
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    answer.say("day.");
    answer.finish();
    assert_eq!(b.read(free.id, "").await, "Good day.");
    // Longer than an instance may be silent.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!contact.is_cancelled(), "its heartbeat waited for the lock");
    lock.commit().await;
    let answer = b.script.answers().await;
    answer.finish();
    assert_eq!(b.read(locked.id, "").await, "Good ");
}

#[tokio::test]
async fn ins_11_half_open_connections_delay_answers_by_seconds() {
    let stored = TestStore::open().await;
    let Some(url) = stored.url() else { return };
    let hall = Hall::new();
    let (proxy, through_proxy) = Proxy::to(url).await;
    let a = Instance::join_at(&through_proxy, hall.clone()).await;
    let b = Instance::join(&stored, hall).await;
    let (run, answer) = a.begin(&b).await;
    for word in ["day, ", "all."] {
        // All connections are in use again.
        tokio::time::sleep(Duration::from_secs(3)).await;
        proxy.lose_connections();
        answer.say(word);
        // At any instance.
        assert!(b.read(run.id, word).await.ends_with(word));
        assert!(answer.is_heard(), "nobody took the run over: the heartbeat found a new connection");
    }
    answer.finish();
    assert_eq!(b.read(run.id, "").await, "Good day, all.");
    let started = a.ask().await;
    a.script.answers().await.finish();
    assert_eq!(b.read(started.id, "").await, "");
    assert!(!a.contact.is_lost());
}

#[tokio::test]
async fn ins_10_many_take_overs_do_not_stop_the_heartbeat() {
    let stored = TestStore::open().await;
    if stored.url().is_none() {
        return;
    }
    for _ in 0..ORPHANS {
        stored.start("Hello").await;
    }
    let b = Instance::join(&stored, Hall::new()).await;
    let contact = b.contact.ending();
    for _ in 0..ORPHANS {
        b.script.answers().await.finish();
    }
    assert!(!contact.is_cancelled(), "its heartbeat waited for the take-overs");
}

#[tokio::test]
async fn ins_14_a_row_that_cannot_be_read_stops_no_other_take_over() {
    let stored = TestStore::open().await;
    let Some(url) = stored.url() else { return };
    let newer = stored.start("Hello").await;
    let sql = format!("UPDATE runs SET tools = '{{\"words\":\"of a newer version\"}}' WHERE id = '{}'", newer.id);
    OpenTransaction::begin(url, &sql).await.commit().await;
    let runs = [stored.start("Hello").await, stored.start("Hello").await];
    let b = Instance::join(&stored, Hall::new()).await;
    for _ in &runs {
        b.script.answers().await.finish();
    }
    for run in runs {
        b.read(run.id, "").await;
    }
    let kept = stored.store.runs_to_look_after(weir_testkit::NOBODY).await.unwrap();
    assert_eq!(kept.iter().map(|run| run.id).collect::<Vec<_>>(), [newer.id], "it waits for a server that can read it");
}

#[tokio::test]
async fn ins_3_a_run_that_breaks_at_its_old_owner_is_not_ended_there() {
    let Some((a, b, _)) = two().await else { return };
    let (run, zombie) = a.begin(&b).await;
    a.keeper.abort();
    let answer = b.script.answers().await;
    zombie.panic();
    while a.runs.under_way() > 0 {
        tokio::task::yield_now().await;
    }
    answer.say("day.");
    answer.finish();
    assert_eq!(b.read(run.id, "").await, "Good day.");
}
