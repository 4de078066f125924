//! Runs, restless readers, kills: seeded.

use std::env;

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet};
use weir_testkit::soon;

use crate::{
    process::{Weir, World},
    reading::{Journal, Reading, Whole, read_restlessly},
};

/// How many scenarios go on at the same time.
const AT_ONCE: usize = 3;

/// What became of the answers of one scenario.
#[derive(Debug, Default)]
struct Tally {
    continued: usize,
    interrupted: usize,
}

struct Scenario {
    random: fastrand::Rng,
    continues: bool,
    world: World,
}

impl Scenario {
    async fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let continues = random.u8(0..3) > 0;
        let durability = if random.bool() { "disk" } else { "process" };
        let continues_word = if continues { "true" } else { "false" };
        let world = World::new(&[("OPENAI_CONTINUES", continues_word), ("WEIR_DURABILITY", durability)]).await;
        Self { random, continues, world }
    }

    async fn play(mut self) -> Tally {
        let mut weir = self.world.start().await;
        let mut journals = Vec::new();
        let (seen, mut first) = (watch::Sender::new(0), Vec::new());
        for number in 0..self.random.usize(2..5) {
            let (tokens, rate) = (self.random.usize(30..200), self.random.usize(100..400));
            let prompt = format!("Question {number} [[tokens={tokens} rate={rate}]]");
            let (journal, reading) = Reading::start(&weir.url, &prompt, &format!("key-{number}")).await;
            journals.push(journal);
            first.push(Some(reading));
        }
        for _ in 0..self.random.usize(1..4) {
            let readers = self.send_readers(&weir, &journals, &mut first, &seen);
            self.wait_for_a_moment(&journals, &seen).await;
            weir.kill().await;
            join(readers).await;
            weir = self.world.start().await;
        }
        let mut tally = Tally::default();
        for journal in &journals {
            self.check(&weir, journal, &mut tally).await;
        }
        weir.terminate();
        assert!(weir.ended().await.success());
        tally
    }

    fn send_readers(
        &mut self,
        weir: &Weir,
        journals: &[Journal],
        first: &mut [Option<Reading>],
        seen: &watch::Sender<usize>,
    ) -> JoinSet<()> {
        let mut readers = JoinSet::new();
        for (journal, first) in journals.iter().zip(first) {
            for reading in [first.take(), None] {
                let random = self.random.fork();
                readers.spawn(read_restlessly(weir.url.clone(), journal.clone(), reading, random, seen.clone()));
            }
        }
        readers
    }

    /// A random moment, measured in events: right now, in the middle, or after everything has ended.
    async fn wait_for_a_moment(&mut self, journals: &[Journal], seen: &watch::Sender<usize>) {
        let wanted = *seen.borrow() + self.random.usize(0..120);
        let mut seen = seen.subscribe();
        let moment = async {
            while *seen.borrow_and_update() < wanted && !journals.iter().all(Journal::is_done) {
                seen.changed().await.unwrap();
            }
        };
        soon("a moment to kill", moment).await;
    }

    async fn check(&mut self, weir: &Weir, journal: &Journal, tally: &mut Tally) {
        let log = if self.random.bool() {
            Reading::follow(&weir.url, &journal.run, 0).await.expect("the server lives").rest().await
        } else {
            let (again, reading) = Reading::start(&weir.url, &journal.prompt, &journal.key).await;
            assert_eq!(again.run, journal.run, "the same key is the same run, over every death");
            reading.rest().await
        };
        let whole = Whole::of(log, &journal.prompt);
        whole.has_all_of(journal);
        let truth = self.world.truth(&journal.prompt);
        if whole.message["status"] == "complete" {
            assert_eq!(whole.text(), truth);
            assert_eq!(whole.done["finishReason"], "stop");
        } else {
            assert!(!self.continues, "a provider that continues brings every answer to its end");
            assert_eq!(whole.message["status"], "interrupted");
            assert_eq!(whole.done["finishReason"], "interrupted");
            assert!(!whole.text().is_empty() && truth.starts_with(whole.text()), "the partial text is kept");
            let error = &whole.log[whole.log.len() - 3];
            assert_eq!(error.kind, "error");
            assert_eq!(serde_json::from_str::<Value>(&error.data).unwrap()["code"], "interrupted");
            tally.interrupted += 1;
        }
        if whole.done["attempts"].as_u64().is_some_and(|attempts| attempts > 1) && whole.text() == truth {
            tally.continued += 1;
        }
        let page = weir.get(&format!("/api/messages?conversationId={}", journal.conversation)).await;
        let page: Value = serde_json::from_slice(&page.bytes().await.unwrap()).unwrap();
        assert_eq!(page["items"][0], whole.message, "what is stored is what was streamed");
        let conversation = weir.get(&format!("/api/conversations/{}", journal.conversation)).await;
        let conversation: Value = serde_json::from_slice(&conversation.bytes().await.unwrap()).unwrap();
        assert_eq!(conversation["activeRunId"], Value::Null, "nothing spins");
    }
}

async fn join(mut readers: JoinSet<()>) {
    while let Some(ended) = soon("the readers to end", readers.join_next()).await {
        ended.unwrap();
    }
}

fn seeds() -> Vec<u64> {
    let number = |key| env::var(key).ok().map(|value| value.parse::<u64>().expect("a number"));
    match (number("WEIR_CRASH_SEED"), number("WEIR_CRASH_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, count) => (1..=count.unwrap_or(12)).collect(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dur_1_what_anybody_saw_outlives_kill_9_and_every_answer_ends() {
    let seeds = seeds();
    let plays = stream::iter(seeds.clone()).map(|seed| async move {
        let play = tokio::spawn(async move { Scenario::new(seed).await.play().await });
        play.await.map_err(|error| format!("WEIR_CRASH_SEED={seed} fails: {error}"))
    });
    let tallies: Vec<_> = plays.buffer_unordered(AT_ONCE).collect().await;
    let failed: Vec<_> = tallies.iter().filter_map(|tally| tally.as_ref().err()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    if seeds.len() >= 12 {
        let sum = |of: fn(&Tally) -> usize| tallies.iter().flatten().map(of).sum::<usize>();
        assert!(sum(|tally| tally.continued) > 0, "no kill ever met an answer that went on: {tallies:?}");
        assert!(sum(|tally| tally.interrupted) > 0, "no kill ever met an answer that could not go on: {tallies:?}");
    }
}
