//! The oracle: what was shown, what is in the log, and what the upstream said have to be one and the same.

mod jobs;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::time::timeout;
use weir_testkit::{Event, EventParser, Heard};

use crate::{
    client::{Answer, Journal, text_of},
    scene::Scene,
};

/// The longest wait for a log that has ended.
const READING: Duration = Duration::from_secs(30);

/// What a fault may do to an answer; everything else may never happen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tolerance {
    /// An answer may end as `interrupted` or with an error, which is said, and keep what it had.
    pub(crate) partial: bool,
    /// The disk itself loses what it had promised to keep. Then the log may be shorter than what was shown, if that is said.
    pub(crate) broken_disk: bool,
    /// The longest time that a reader may wait for the next event.
    pub(crate) pause: Option<Duration>,
}

/// What came out of one play.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    /// Answers and jobs.
    pub(crate) runs: u64,
    /// Events that were shown and are not in the log, or are in the log and were jumped over, and answers whose text is wrong.
    pub(crate) lost: u64,
    /// Events that were shown twice, and terminal events beyond the first.
    pub(crate) doubled: u64,
    /// Events that were shown after later ones.
    pub(crate) disordered: u64,
    /// The longest time that a reader waited for the next event.
    pub(crate) longest_pause: Duration,
    /// Answers and jobs that were taken up again and came to their end.
    pub(crate) continued: u64,
    /// Answers that kept a part, and jobs that were not run again, and said so.
    pub(crate) partial: u64,
    /// Readers that were told that there is no going on.
    pub(crate) refused: u64,
    /// What is wrong, in words.
    pub(crate) complaints: Vec<String>,
}

impl Verdict {
    /// Whether the promise held.
    pub(crate) fn is_good(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.disordered == 0 && self.complaints.is_empty()
    }

    /// Takes in what came out of another play.
    pub(crate) fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.disordered += other.disordered;
        self.longest_pause = self.longest_pause.max(other.longest_pause);
        self.continued += other.continued;
        self.partial += other.partial;
        self.refused += other.refused;
        self.complaints.extend(other.complaints);
    }
}

/// Judges a play whose answers have all ended.
///
/// # Errors
/// When the servers cannot be asked.
pub(crate) async fn judge(scene: &mut Scene, tolerance: Tolerance) -> Result<Verdict> {
    let mut verdict = Verdict { complaints: std::mem::take(&mut scene.complaints), ..Verdict::default() };
    let mut journals: BTreeMap<String, Vec<Journal>> = BTreeMap::new();
    let mut answers: BTreeMap<String, Answer> = BTreeMap::new();
    for journal in &scene.journals {
        answers.insert(journal.answer.run.clone(), Answer::clone(&journal.answer));
        journals.entry(journal.answer.run.clone()).or_default().push(journal.lock().clone());
    }
    let of_running = scene.cluster.instances.iter_mut().filter_map(|weir| weir.is_running().then(|| weir.url()));
    let urls: Vec<String> = of_running.collect();
    ensure!(!urls.is_empty(), "no server runs that could be asked");
    for answer in answers.values() {
        let mut logs = BTreeSet::new();
        for url in &urls {
            logs.extend(log(scene, url, answer).await?);
        }
        if logs.is_empty() {
            verdict.runs += 1;
            verdict.refused += 1;
            if !tolerance.broken_disk {
                verdict.lost += 1;
                verdict.complaints.push(format!("run {} is not there any more", answer.run));
            }
        }
        if logs.len() > 1 {
            verdict.complaints.push(format!("run {}: the instances show different logs", answer.run));
        }
        let Some(log) = logs.pop_first() else { continue };
        let mut case = Case { answer, log: &log, tolerance, verdict: &mut verdict };
        case.judge_log(&scene.cluster.truth(&answer.prompt));
        for journal in journals.get(&answer.run).into_iter().flatten() {
            case.judge_journal(journal);
        }
        let stored = stored(scene, &urls[0], answer).await?;
        case.judge_stored(&stored);
    }
    jobs::judge(scene, &urls, &mut verdict).await?;
    Ok(verdict)
}

/// The whole log of a run; none when there is no such run.
async fn log(scene: &Scene, url: &str, answer: &Answer) -> Result<Option<Vec<(u64, String, String)>>> {
    let read = async {
        let response = scene.http.get(format!("{url}/api/realtime/{}", answer.run)).send().await?;
        if response.status() == 404 {
            return Ok(None);
        }
        ensure!(response.status() == 200, "the log of run {} is answered with {}", answer.run, response.status());
        let heard = EventParser::default().push(&response.bytes().await?);
        anyhow::Ok(Some(heard))
    };
    let heard = timeout(READING, read).await.with_context(|| format!("the log of run {} has no end", answer.run))??;
    let event = |heard| match heard {
        Heard::Event(event) => Some((event.id, event.kind, event.data)),
        Heard::Comment(_) => None,
    };
    Ok(heard.map(|heard| heard.into_iter().filter_map(event).collect()))
}

/// What the REST interface has stored: the newest message, and the run that is under way.
struct Stored {
    message: Value,
    active_run: Value,
}

async fn stored(scene: &Scene, url: &str, answer: &Answer) -> Result<Stored> {
    let get = async |path: String| -> Result<Value> {
        let text = scene.http.get(format!("{url}{path}")).send().await?.text().await?;
        serde_json::from_str(&text).with_context(|| format!("{path} is answered with {text}"))
    };
    let page = get(format!("/api/messages?conversationId={}", answer.conversation)).await?;
    let conversation = get(format!("/api/conversations/{}", answer.conversation)).await?;
    Ok(Stored { message: page["items"][0].clone(), active_run: conversation["activeRunId"].clone() })
}

/// One answer before the oracle.
struct Case<'a> {
    answer: &'a Answer,
    log: &'a [(u64, String, String)],
    tolerance: Tolerance,
    verdict: &'a mut Verdict,
}

impl Case<'_> {
    fn complain(&mut self, about: impl std::fmt::Display) {
        self.verdict.complaints.push(format!("run {}: {about}", self.answer.run));
    }

    fn data(&self, place: usize) -> Value {
        self.log.get(place).and_then(|(_, _, data)| serde_json::from_str(data).ok()).unwrap_or_default()
    }

    fn events(&self) -> Vec<Event> {
        let event =
            |(id, kind, data): &(u64, String, String)| Event { id: *id, kind: kind.clone(), data: data.clone() };
        self.log.iter().map(event).collect()
    }

    /// Dense numbers, one end, and the upstream's text.
    fn judge_log(&mut self, truth: &str) {
        self.verdict.runs += 1;
        if let Some(gap) = self.log.iter().zip(1..).find(|((id, ..), number)| id != number) {
            self.verdict.lost += 1;
            self.complain(format_args!("the log jumps to {} at {}", gap.0.0, gap.1));
        }
        let ends = self.log.iter().filter(|(_, kind, _)| kind == "done").count();
        self.verdict.doubled += ends.saturating_sub(1) as u64;
        let shape: Vec<&str> = self.log.iter().map(|(_, kind, _)| kind.as_str()).collect();
        let ["message", .., "message", "done"] = shape[..] else {
            self.verdict.lost += 1;
            self.complain(format_args!("the log is {shape:?}"));
            return;
        };
        let (question, message, done) = (self.data(0), self.data(self.log.len() - 2), self.data(self.log.len() - 1));
        if question["content"] != self.answer.prompt.as_str() {
            self.complain("the log begins with another question");
        }
        let text = text_of(&self.events());
        if message["content"] != text.as_str() {
            self.verdict.lost += 1;
            self.complain("the tokens are not the final message");
        }
        if done["finishReason"] == "stop" {
            if text != truth {
                self.verdict.lost += 1;
                self.complain(format_args!("it ended with {} bytes of {}", text.len(), truth.len()));
            }
            let attempts = done["attempts"].as_u64().unwrap_or(1);
            self.verdict.continued += u64::from(attempts > 1);
            return;
        }
        self.verdict.partial += 1;
        if !truth.starts_with(&text) {
            self.verdict.lost += 1;
            self.complain("what was kept is not how the answer begins");
        }
        if !self.tolerance.partial {
            let error = self.data(self.log.len().saturating_sub(3));
            self.complain(format_args!(
                "it ended as {} after {} of {} bytes: {error}",
                done["finishReason"],
                text.len(),
                truth.len()
            ));
        }
    }

    /// What a reader was shown is in the log, all of it, up to where it was told to stop.
    fn judge_journal(&mut self, journal: &Journal) {
        let verdict = &mut *self.verdict;
        verdict.doubled += journal.doubled;
        verdict.disordered += journal.disordered;
        verdict.lost += journal.skipped;
        verdict.refused += u64::from(journal.refused.is_some());
        verdict.longest_pause = verdict.longest_pause.max(journal.longest_pause);
        if let Some(limit) = self.tolerance.pause.filter(|limit| journal.longest_pause > *limit) {
            self.complain(format_args!("a reader waited {:.1?}, longer than {limit:.1?}", journal.longest_pause));
        }
        for complaint in &journal.complaints {
            self.complain(complaint);
        }
        let log = self.events();
        let place = |shown: &Event| usize::try_from(shown.id.saturating_sub(1)).unwrap_or(usize::MAX);
        let gone = journal.shown.iter().filter(|shown| log.get(place(shown)) != Some(shown)).count();
        let is_said = journal.refused.is_some() || self.data(self.log.len() - 1)["finishReason"] == "interrupted";
        if gone > 0 && !(self.tolerance.broken_disk && is_said) {
            self.verdict.lost += gone as u64;
            self.complain(format_args!("{gone} events were shown that are not in the log"));
        }
        match &journal.refused {
            Some(said) if !self.tolerance.broken_disk => self.complain(format_args!("a reader was told {said}")),
            None if !journal.is_done() => self.complain(format_args!("a reader stands at {}", journal.last())),
            Some(_) | None => {}
        }
    }

    /// What is stored is what was streamed, and nothing spins.
    fn judge_stored(&mut self, stored: &Stored) {
        let message = self.data(self.log.len().saturating_sub(2));
        if stored.message != message {
            self.complain(format_args!("stored is {}, streamed was {message}", stored.message));
        }
        if !stored.active_run.is_null() {
            self.complain("the conversation still has a run under way");
        }
    }
}
