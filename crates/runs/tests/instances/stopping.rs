//! Instances that are asked to stop.

use super::*;

#[tokio::test]
async fn ins_5_an_instance_that_drains_hands_its_runs_over_at_once() {
    let Some((a, b, _)) = two().await else { return };
    let (run, _answer) = a.begin(&b).await;
    let since = Instant::now();
    a.stop();
    let next = b.script.answers().await;
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    assert_eq!(next.request.partial.as_deref(), Some("Good "));
    next.say("day.");
    next.finish();
    assert_eq!(b.read(run.id, "").await, "Good day.");
    assert_eq!(a.read(run.id, "").await, "Good day.", "also for whoever is still connected to the one that stops");
}

#[tokio::test]
async fn ins_5_an_answer_that_cannot_go_on_elsewhere_is_finished_first() {
    let Some((a, b, _)) = two().await else { return };
    a.script.set_continues(false);
    let (run, answer) = a.begin(&b).await;
    let drained = a.stop();
    answer.say("day.");
    answer.finish();
    soon("the drain", drained).await.unwrap();
    assert_eq!(b.read(run.id, "").await, "Good day.");
}

#[tokio::test]
async fn ins_12_instances_that_stop_together_finish_their_answers() {
    let Some((a, b, _)) = two().await else { return };
    let (of_a, answer_of_a) = a.begin(&b).await;
    let (of_b, answer_of_b) = b.begin(&a).await;
    for instance in [&a, &b] {
        // On a busy machine one would stop long before the other one hears of it.
        instance.store.mark_draining(instance.runs.instance()).await.unwrap();
    }
    let stopped = [a.stop(), b.stop()];
    for answer in [answer_of_a, answer_of_b] {
        answer.say("day.");
        answer.finish();
    }
    for stopped in stopped {
        soon("the instance to stop", stopped).await.unwrap();
    }
    for run in [of_a, of_b] {
        assert_eq!(a.read(run.id, "").await, "Good day.");
    }
}

#[tokio::test]
async fn ins_13_planned_hand_overs_do_not_count_as_crashes() {
    let stored = TestStore::open().await;
    if stored.url().is_none() {
        return;
    }
    let hall = Hall::new();
    let mut current = Instance::join(&stored, hall.clone()).await;
    let mut next = Instance::join(&stored, hall.clone()).await;
    let (run, first) = current.begin(&next).await;
    let mut answers = vec![first];
    for number in 0..8 {
        let stopped = current.stop();
        let answer = next.script.answers().await;
        answer.say(&format!("{number} "));
        answers.push(answer);
        soon("the instance to stop", stopped).await.unwrap();
        current = std::mem::replace(&mut next, Instance::join(&stored, hall.clone()).await);
        assert!(current.read(run.id, &format!("{number} ")).await.ends_with(&format!("{number} ")));
    }
    let last = answers.pop().unwrap();
    last.say("day.");
    last.finish();
    assert_eq!(next.read(run.id, "").await, "Good 0 1 2 3 4 5 6 7 day.");
}
