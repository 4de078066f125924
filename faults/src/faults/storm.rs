//! All readers of running answers are cut at once and come back at once.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use async_trait::async_trait;

use crate::{
    client::Manner,
    cluster::Setup,
    oracle::Tolerance,
    play::Fault,
    scene::{Load, Scene},
};

/// Readers, unless `WEIR_FAULTS_READERS` says how many.
const READERS: usize = 400;

pub(crate) struct Storm;

#[async_trait]
impl Fault for Storm {
    fn name(&self) -> &'static str {
        "storm"
    }

    fn seeds(&self) -> (u64, u64) {
        (0, 2)
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        Tolerance { partial: true, ..Tolerance::default() }
    }

    fn load(&self) -> Load {
        Load { questions: 10, tokens: 5000, rate: 30, readers: 1, ..Load::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        let readers = match std::env::var("WEIR_FAULTS_READERS") {
            Ok(count) => count.parse().context("WEIR_FAULTS_READERS is no number")?,
            Err(_) => READERS,
        };
        let answers = scene.answers();
        for number in 0..readers {
            scene.send_reader(&answers[number % answers.len()], Manner::Steady, None);
        }
        scene.everyone_is_shown_something().await?;
        // The process dies, and its sockets with it; the next one meets everybody at its door.
        scene.weir().kill().await?;
        let places: Vec<u64> = scene.journals.iter().map(|journal| journal.lock().last()).collect();
        let begun = Instant::now();
        scene.weir().start().await?;
        let (mut waiting, mut back) = ((0..places.len()).collect::<Vec<_>>(), Vec::new());
        while !waiting.is_empty() && begun.elapsed() < Duration::from_mins(1) {
            scene.pass(Duration::from_millis(5)).await;
            waiting.retain(|reader| {
                let is_back = scene.journals[*reader].lock().last() > places[*reader];
                if is_back {
                    back.push(begun.elapsed());
                }
                !is_back
            });
        }
        if !waiting.is_empty() {
            scene.complaints.push(format!("{} readers are not back after a minute", waiting.len()));
        }
        let p99 = back.get(back.len() * 99 / 100).copied().unwrap_or_default();
        println!(
            "storm: {} readers, back at their place p50 {:.2?}, p99 {p99:.2?}, last {:.2?} after the start of the server",
            places.len(),
            back.get(back.len() / 2).copied().unwrap_or_default(),
            back.last().copied().unwrap_or_default()
        );
        scene.cancel_all().await
    }
}
