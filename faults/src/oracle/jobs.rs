//! Jobs before the oracle: nothing lost, and nothing run twice that must not be.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::time::timeout;
use weir_testkit::{Event, EventParser, Heard};

use super::{READING, Verdict};
use crate::{
    client::{JobJournal, is_end},
    marks,
    scene::Scene,
};

/// Judges every job of the play, all of which have ended; `urls` are those of the servers that run.
///
/// # Errors
/// When the servers cannot be asked.
pub(super) async fn judge(scene: &Scene, urls: &[String], verdict: &mut Verdict) -> Result<()> {
    for job in &scene.jobs {
        let mut told = Vec::new();
        for url in urls {
            told.push((log(scene, url, &job.job).await?, stored(scene, url, &job.job).await?));
        }
        let (log, stored) = &told[0];
        let made = marks::count(&scene.marks(), &job.args)?;
        let mut case = Case { job, log, verdict };
        if told.iter().any(|one| *one != told[0]) {
            case.complain("the instances show different things");
        }
        case.judge_log();
        case.judge_journal();
        case.judge_stored(stored);
        case.judge_work(made);
    }
    Ok(())
}

async fn log(scene: &Scene, url: &str, job: &str) -> Result<Vec<Event>> {
    let read = async {
        let response = scene.http.get(format!("{url}/api/jobs/{job}/events")).send().await?;
        ensure!(response.status() == 200, "the log of job {job} is answered with {}", response.status());
        anyhow::Ok(EventParser::default().push(&response.bytes().await?))
    };
    let heard = timeout(READING, read).await.with_context(|| format!("the log of job {job} has no end"))??;
    let event = |heard| match heard {
        Heard::Event(event) => Some(event),
        Heard::Comment(_) => None,
    };
    Ok(heard.into_iter().filter_map(event).collect())
}

async fn stored(scene: &Scene, url: &str, job: &str) -> Result<Value> {
    let text = scene.http.get(format!("{url}/api/jobs/{job}")).send().await?.text().await?;
    serde_json::from_str(&text).with_context(|| format!("job {job} is answered with {text}"))
}

struct Case<'a> {
    job: &'a JobJournal,
    log: &'a [Event],
    verdict: &'a mut Verdict,
}

fn data(event: Option<&Event>) -> Value {
    event.and_then(|event| serde_json::from_str(&event.data).ok()).unwrap_or_default()
}

impl Case<'_> {
    fn complain(&mut self, about: impl std::fmt::Display) {
        self.verdict.complaints.push(format!("job {} of {}: {about}", self.job.job, self.job.tool));
    }

    /// How often the tool was begun: it says that it runs before it says how far it has come.
    fn begun(&self) -> usize {
        let updates = self.log.iter().filter(|event| event.kind == "tool_update").map(|event| data(Some(event)));
        updates
            .filter(|said| said["status"] == "running" && said["progress"].is_null() && said["note"].is_null())
            .count()
    }

    /// Dense numbers and one end.
    fn judge_log(&mut self) {
        self.verdict.runs += 1;
        if let Some((event, number)) = self.log.iter().zip(1..).find(|(event, number)| event.id != *number) {
            self.verdict.lost += 1;
            self.complain(format_args!("the log jumps to {} at {number}", event.id));
        }
        let ends = self.log.iter().filter(|event| is_end(&event.kind)).count();
        self.verdict.doubled += ends.saturating_sub(1) as u64;
        if data(self.log.first())["status"] != "queued" || !self.log.last().is_some_and(|last| is_end(&last.kind)) {
            self.verdict.lost += 1;
            let log = self.log;
            self.complain(format_args!("the log is {log:?}"));
        }
    }

    /// What its reader was shown is in the log, up to the end.
    fn judge_journal(&mut self) {
        let journal = self.job.lock().clone();
        self.verdict.doubled += journal.doubled;
        self.verdict.disordered += journal.disordered;
        self.verdict.lost += journal.skipped;
        self.verdict.longest_pause = self.verdict.longest_pause.max(journal.longest_pause);
        for complaint in &journal.complaints {
            self.complain(complaint);
        }
        if journal.shown != self.log {
            self.verdict.lost += 1;
            let log = self.log;
            self.complain(format_args!("its reader was shown {:?}, the log is {log:?}", journal.shown));
        }
    }

    /// What is stored of it is how its log ends.
    fn judge_stored(&mut self, stored: &Value) {
        let end = data(self.log.last());
        let is_same = match self.log.last().map(|last| last.kind.as_str()) {
            Some("complete") => stored["status"] == "done" && stored["output"] == end["output"],
            _ => stored["status"] == "error" && stored["error"]["code"] == end["code"],
        };
        if !is_same {
            self.complain(format_args!("stored is {stored}, the log ends with {end}"));
        }
    }

    /// What may be repeated has worked, unless two servers died in the middle of it (JOB-6); what may not was never begun twice,
    /// and ended as interrupted when its server died in the middle of it.
    fn judge_work(&mut self, made: Option<usize>) {
        let (begun, end) = (self.begun(), data(self.log.last()));
        let has_worked = self.log.last().is_some_and(|last| last.kind == "complete");
        let Some(made) = made else {
            self.verdict.continued += u64::from(begun > 1);
            if !has_worked && begun == 2 && end["code"] == "interrupted" {
                self.verdict.partial += 1;
            } else if !has_worked || end["output"]["waited"] != self.job.args["seconds"] {
                self.verdict.lost += 1;
                self.complain(format_args!("it ended with {end}"));
            }
            return;
        };
        let twice = begun.max(made).saturating_sub(1);
        self.verdict.doubled += twice as u64;
        if twice > 0 {
            self.complain(format_args!("it was begun {begun} times and left {made} marks"));
        }
        if has_worked {
            if made == 0 {
                self.verdict.lost += 1;
                self.complain("it has worked and left no mark");
            }
        } else {
            self.verdict.partial += 1;
            if end["code"] != "interrupted" || begun != 1 {
                self.complain(format_args!("it was begun {begun} times and ended with {end}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BEGUN: (&str, &str) = ("tool_update", r#"{"status":"running"}"#);
    const WORKED: (&str, &str) = ("complete", r#"{"output":{"waited":1.0}}"#);
    const CUT: (&str, &str) = ("error", r#"{"code":"interrupted"}"#);

    /// What is thought of a job with such a log, which left so many marks if it can leave any.
    fn judged(log: &[(&str, &str)], made: Option<usize>) -> Verdict {
        let log = std::iter::once(&("tool_update", r#"{"status":"queued"}"#)).chain(log).zip(1..);
        let event =
            |((kind, data), id): (&(&str, &str), u64)| Event { id, kind: (*kind).to_owned(), data: (*data).to_owned() };
        let log: Vec<_> = log.map(event).collect();
        let job = JobJournal::new("one".to_owned(), "wait", json!({ "seconds": 1.0 }));
        for event in &log {
            job.lock().write(event.clone());
        }
        let mut verdict = Verdict::default();
        let mut case = Case { job: &job, log: &log, verdict: &mut verdict };
        case.judge_log();
        case.judge_journal();
        case.judge_work(made);
        verdict
    }

    #[test]
    fn a_job_may_be_begun_again_only_if_it_leaves_no_mark() {
        let again = judged(&[BEGUN, BEGUN, WORKED], None);
        assert!(again.is_good() && again.continued == 1, "{again:?}");
        assert_eq!(judged(&[BEGUN, BEGUN, WORKED], Some(1)).doubled, 1);
        assert_eq!(judged(&[BEGUN, WORKED], Some(2)).doubled, 1);
        let cut = judged(&[BEGUN, CUT], Some(1));
        assert!(cut.is_good() && cut.partial == 1, "{cut:?}");
    }

    #[test]
    fn a_job_that_does_not_come_to_its_end_is_lost() {
        assert!(judged(&[BEGUN, WORKED], Some(1)).is_good());
        assert_eq!(judged(&[BEGUN, WORKED], Some(0)).lost, 1);
        assert_eq!(judged(&[BEGUN, CUT], None).lost, 1);
        let ended = judged(&[BEGUN, BEGUN, CUT], None);
        assert!(ended.is_good() && ended.partial == 1, "{ended:?}");
        assert_eq!(judged(&[BEGUN, BEGUN, BEGUN, CUT], None).lost, 1);
        assert_eq!(judged(&[BEGUN], Some(1)).lost, 1);
        assert_eq!(judged(&[BEGUN, WORKED, WORKED], Some(1)).doubled, 1);
    }
}
