//! Finding 15: what stays behind when a conversation or a person is deleted, and what goes on when a person is disabled.

use std::{fs, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use reqwest::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};
use weir_bench::upstream::RequestState;
use weir_faults::Database;

use super::{Play, file_modes::tree};
use crate::{
    accounts,
    person::Person,
    scene::{Scene, lenient},
    watch::OTHER_ADDRESS,
};

/// The longest that a run lives on after its person was disabled.
const ENDED: Duration = Duration::from_secs(5);

/// The longest that deleted text may stay in the database's file.
const PURGED: Duration = Duration::from_secs(5);

pub(crate) struct Deletion;

#[async_trait]
impl Play for Deletion {
    fn name(&self) -> &'static str {
        "deletion"
    }

    fn short_databases(&self) -> &'static [Database] {
        &[Database::Sqlite, Database::Postgres]
    }

    async fn attack(&self, scene: &mut Scene) -> Result<()> {
        for path in [
            "/api/me",
            "/api/conversations",
            "/api/jobs",
            "/api/tools",
            "/api/approvals",
            "/api/me/tokens",
            "/api/models",
        ] {
            let answer = scene.victim.get(path).await?;
            let caching = answer.header("cache-control");
            scene.check(caching.contains("no-store"), || format!("{path} may be stored: cache-control is {caching:?}"));
        }
        disabling_ends_runs(scene).await
    }

    async fn aftermath(&self, scene: &mut Scene) -> Result<()> {
        let [of_conversation, of_person] =
            ["heron", "pelican"].map(|bird| format!("{bird}{:016x}", scene.random.u64(..)));
        let conversation = fill(&scene.victim, &of_conversation).await?;
        let answer = scene.victim.delete(&format!("/api/conversations/{conversation}")).await?;
        ensure!(answer.status == 204, "a conversation is not deleted: {}", answer.status);
        let url = scene.weir().url();
        let other = Person::stranger(&url, OTHER_ADDRESS, &scene.findings)?;
        let account = accounts::invite(&other, &scene.administrator, &of_person).await?;
        let person = other.with_token(&account.token);
        fill(&person, &of_person).await?;
        let answer = scene.administrator.delete(&format!("/api/people/{}", account.id)).await?;
        ensure!(answer.status == 204, "a person is not deleted: {}", answer.status);
        // The rows are removed first, and their pages in the database's file soon after.
        let deadline = Instant::now() + lenient(PURGED);
        while Instant::now() < deadline
            && !(places(scene, &of_conversation)?.is_empty() && places(scene, &of_person)?.is_empty())
        {
            sleep(Duration::from_millis(500)).await;
        }
        scene.stop_in_time().await?;
        for (what, marker) in [("conversation", &of_conversation), ("person", &of_person)] {
            let found = places(scene, marker)?;
            scene.check(found.is_empty(), || format!("words of a deleted {what} are left in {}", found.join(", ")));
        }
        // What was not deleted is where it was: the search itself works.
        let kept = places(scene, &scene.secret.clone())?;
        scene.check(!kept.is_empty(), || "the play does not find a message that was kept".to_owned());
        Ok(())
    }
}

/// Stores a word wherever a person can: in messages, a title, the arguments and the output of tools, and a token's name.
async fn fill(person: &Person, marker: &str) -> Result<String> {
    let code = json!({ "code": format!("console.log('{marker}'); '{marker}'") });
    let prompt = format!("{marker} [[call=run_code {code}]] [[tokens=5 rate=100]]");
    let started = person.ask(&prompt).await?;
    let text = started.response.text().await?;
    ensure!(text.contains("event: done") && text.contains(marker), "the answer is not complete");
    let conversation = started.conversation;
    let path = format!("/api/conversations/{conversation}");
    let renamed = person.with_json(Method::PATCH, &path, &json!({ "title": marker })).await?;
    ensure!(renamed.status == 200, "a conversation cannot be renamed: {}", renamed.status);
    // Large enough for pages of their own.
    person.message(Some(&conversation), &format!("{marker} ").repeat(2_000)).await?;
    Ok(conversation)
}

/// Where a word is left: files of the data directory, and lines of a dump.
fn places(scene: &mut Scene, marker: &str) -> Result<Vec<String>> {
    let mut places = Vec::new();
    for path in tree(scene.weir().data_dir())?.into_iter().filter(|path| path.is_file()) {
        let bytes = fs::read(&path)?;
        let count = bytes.windows(marker.len()).filter(|window| *window == marker.as_bytes()).count();
        if count > 0 {
            places.push(format!("{} ({count} times)", path.file_name().unwrap_or_default().display()));
        }
    }
    if scene.database == Database::Postgres {
        let postgres = scene.cluster.postgres()?;
        let dump = Command::new(postgres.psql().with_file_name("pg_dump"))
            .args(["--data-only", "--inserts", &postgres.admin_url()])
            .output()
            .context("pg_dump cannot be started")?;
        ensure!(dump.status.success(), "pg_dump failed: {}", String::from_utf8_lossy(&dump.stderr));
        let text = String::from_utf8_lossy(&dump.stdout);
        let tables =
            text.lines().filter(|line| line.contains(marker)).filter_map(|line| line.split_whitespace().nth(2));
        places.extend(tables.map(str::to_owned));
        places.sort();
        places.dedup();
    }
    Ok(places)
}

async fn disabling_ends_runs(scene: &mut Scene) -> Result<()> {
    let url = scene.weir().url();
    let other = Person::stranger(&url, OTHER_ADDRESS, &scene.findings)?;
    let account = accounts::invite(&other, &scene.administrator, "trent").await?;
    let person = other.with_token(&account.token);
    let run = person.ask("Talk for long. [[tokens=4000 rate=20]]").await?;
    let path = format!("/api/people/{}", account.id);
    let answer = scene.administrator.with_json(Method::PATCH, &path, &json!({ "disabled": true })).await?;
    ensure!(answer.status == 200, "a person is not disabled: {}", answer.status);
    let deadline = Instant::now() + lenient(ENDED);
    let is_streaming = |scene: &Scene| {
        scene.cluster.upstream.requests().iter().any(|request| request.state == RequestState::Streaming)
    };
    while is_streaming(scene) && Instant::now() < deadline {
        sleep(Duration::from_millis(100)).await;
    }
    scene.check(!is_streaming(scene), || "the model goes on with the answer of a person who was disabled".to_owned());
    drop(run.response);
    let status = person.get("/api/me").await?.status;
    scene.check(status == 401, || format!("a disabled person is answered with {status}"));
    Ok(())
}
