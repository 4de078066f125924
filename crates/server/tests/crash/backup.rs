//! `weir backup` beside a server that writes, and `weir restore`.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use serde_json::{Value, json};
use tokio::process::Command;
use weir_testkit::{Event, soon};

use crate::{
    process::{Weir, World},
    reading::{Journal, Reading, Whole},
};

/// Tokens of each running answer that are shown before the backup begins.
const SHOWN: usize = 5;

/// Where a server keeps its data, and where a backup of it is restored: two databases of `PostgreSQL` if the suite has one,
/// two data directories otherwise.
struct Places {
    world: World,
    restored: Vec<(&'static str, String)>,
    backup: PathBuf,
}

impl Places {
    async fn new() -> Self {
        let mut world = World::new(&[]).await;
        let mut restored = vec![("WEIR_DATA_DIR", world.folder().join("restored").display().to_string())];
        if let (Some(url), Some(other)) = (new_database().await, new_database().await) {
            world.set("DATABASE_URL", &url);
            restored.push(("DATABASE_URL", other));
        }
        let backup = world.folder().join("backups").join("weir.backup");
        fs::create_dir(backup.parent().unwrap()).unwrap();
        Self { world, restored, backup }
    }

    fn is_sqlite(&self) -> bool {
        self.restored.len() == 1
    }

    async fn back_up(&self) -> Output {
        self.world.command_to_the_end(&["backup", &self.backup.display().to_string()]).await
    }

    async fn restore(&self, file: &Path, force: bool) -> Output {
        let file = file.display().to_string();
        let args = if force { vec!["restore", "--force", &file] } else { vec!["restore", &file] };
        self.world.command_to_the_end(&args).await
    }

    /// From now on everything happens at the other place.
    fn move_on(&mut self) {
        for (key, value) in &self.restored {
            self.world.set(key, value);
        }
    }
}

/// Makes a database for the suite's role, and gives its URL.
async fn new_database() -> Option<String> {
    let variable = |name| env::var(name).ok();
    let url = variable("WEIR_TEST_DATABASE_URL")?;
    let (admin, psql) = (variable("WEIR_TEST_DATABASE_ADMIN_URL")?, variable("WEIR_TEST_PSQL")?);
    let name = format!("b{}", uuid::Uuid::now_v7().simple());
    let create = format!("CREATE DATABASE {name} OWNER weir");
    let made =
        Command::new(psql).args([&admin, "--no-psqlrc", "--quiet", "--command", &create]).status().await.unwrap();
    assert!(made.success());
    Some(format!("{}/{name}", url.rsplit_once('/')?.0))
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn text(weir: &Weir, path: &str) -> String {
    weir.get(path).await.text().await.unwrap()
}

/// Everything that is stored of an answer that has ended, byte for byte.
async fn everything(weir: &Weir, journal: &Journal) -> (Vec<Event>, String, String) {
    let log = Reading::follow(&weir.url, &journal.run, 0).await.unwrap().rest().await;
    let messages = text(weir, &format!("/api/messages?conversationId={}", journal.conversation)).await;
    (log, messages, text(weir, &format!("/api/conversations/{}", journal.conversation)).await)
}

/// Stores some MiB, so that a backup takes a while.
async fn fill(weir: &Weir, mebibytes: usize) {
    for _ in 0..12 * mebibytes {
        let words: Vec<_> = (0..10_000).map(|_| format!("word{:04}", fastrand::u32(0..10_000))).collect();
        let content = words.join(" ");
        let request = reqwest::Client::new().post(format!("{}/api/messages", weir.url));
        let sent = request.json(&json!({ "content": content, "role": "user" })).send();
        assert_eq!(soon("a message to be stored", sent).await.unwrap().status(), 201);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bak_1_a_backup_beside_answers_that_are_being_written_restores_all_that_was_committed() {
    let mut places = Places::new().await;
    let weir = places.world.start().await;
    let mut ended = Vec::new();
    for number in 0..3 {
        let (journal, reading) =
            Reading::start(&weir.url, &format!("Ended {number} [[tokens=40 rate=1000]]"), &format!("ended-{number}"))
                .await;
        assert_eq!(reading.rest().await.last().unwrap().kind, "done");
        ended.push((everything(&weir, &journal).await, journal));
    }
    let mut running = Vec::new();
    for number in 0..3 {
        let prompt = format!("Running {number} [[tokens=1000 rate=100]]");
        let (journal, mut reading) = Reading::start(&weir.url, &prompt, &format!("running-{number}")).await;
        let mut shown = Vec::new();
        while shown.iter().filter(|event: &&Event| event.kind == "token").count() < SHOWN {
            shown.push(reading.next().await.expect("the answer goes on"));
        }
        let rest = tokio::spawn(reading.rest());
        running.push((journal, shown, rest));
    }
    let conversations = text(&weir, "/api/conversations").await;

    let made = places.back_up().await;
    assert!(made.status.success(), "{}", told(&made));
    let last = String::from_utf8(made.stdout).unwrap();
    let (place, figures) = last.trim_end().strip_prefix("Backup complete: ").unwrap().split_once(", ").unwrap();
    assert_eq!(Path::new(place), places.backup);
    assert!(figures.contains(" MiB in ") && figures.ends_with(" s"), "{figures}");
    assert_eq!(fs::metadata(&places.backup).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(names(places.backup.parent().unwrap()), ["weir.backup"]);
    weir.kill().await;

    places.move_on();
    let restored = places.restore(&places.backup, false).await;
    assert!(restored.status.success(), "{}", told(&restored));
    assert!(String::from_utf8(restored.stdout).unwrap().starts_with("Restore complete: "));
    let weir = places.world.start().await;
    for (before, journal) in &ended {
        assert_eq!(&everything(&weir, journal).await, before);
    }
    for (journal, shown, rest) in running {
        let (rest, log) =
            (rest.await.unwrap(), Reading::follow(&weir.url, &journal.run, 0).await.unwrap().rest().await);
        assert_eq!(log[..shown.len()], shown, "what was shown before the backup began is in it");
        let before = [shown, rest].concat();
        let same = log.iter().zip(&before).take_while(|(restored, before)| restored == before).count();
        // What the backup has is a beginning of the log, and the restored server goes on from there.
        let whole = Whole::of(log, &journal.prompt);
        assert_eq!(
            whole.text(),
            places.world.truth(&journal.prompt),
            "{same} of {} events were in the backup",
            before.len()
        );
        assert_eq!(whole.done["attempts"], 2);
    }
    let again: Value = serde_json::from_str(&text(&weir, "/api/conversations").await).unwrap();
    let before: Value = serde_json::from_str(&conversations).unwrap();
    assert_eq!(again["items"].as_array().unwrap().len(), before["items"].as_array().unwrap().len());
    weir.kill().await;
    // A second restore finds the place taken.
    let refused = places.restore(&places.backup, false).await;
    let said = told(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains(if places.is_sqlite() { "--force" } else { "not empty" }), "{said}");
}

#[tokio::test]
async fn bak_2_a_killed_backup_leaves_no_file_under_the_name() {
    let places = Places::new().await;
    let weir = places.world.start().await;
    fill(&weir, 4).await;
    let folder = places.backup.parent().unwrap();
    let mut killed = false;
    for _ in 0..20 {
        let mut child = places.world.command(&["backup", &places.backup.display().to_string()]);
        let mut child = child.stderr(Stdio::null()).spawn().unwrap();
        let begun = async {
            while child.try_wait().unwrap().is_none() && names(folder).is_empty() {
                tokio::task::yield_now().await;
            }
        };
        soon("the backup to begin", begun).await;
        child.kill().await.unwrap();
        if !places.backup.exists() {
            killed = true;
            break;
        }
        // It was quicker: then the file is complete.
        fs::remove_file(&places.backup).unwrap();
    }
    assert!(killed, "no backup was killed in time");
    let made = places.back_up().await;
    assert!(made.status.success(), "{}", told(&made));
    assert_eq!(names(folder), ["weir.backup"], "what the killed one left is gone");
    let refused = places.back_up().await;
    assert!(!refused.status.success() && told(&refused).contains("--force"), "{}", told(&refused));
}

#[tokio::test]
async fn bak_3_a_database_is_restored_only_where_no_server_runs_and_nothing_is_lost() {
    let places = Places::new().await;
    if !places.is_sqlite() {
        return;
    }
    let weir = places.world.start().await;
    let (journal, reading) = Reading::start(&weir.url, "Kept [[tokens=5 rate=1000]]", "kept").await;
    reading.rest().await;
    let before = everything(&weir, &journal).await;
    assert!(places.back_up().await.status.success());
    let (later, reading) = Reading::start(&weir.url, "Later [[tokens=5 rate=1000]]", "later").await;
    reading.rest().await;
    let refused = places.restore(&places.backup, true).await;
    assert!(told(&refused).contains("another Weir server is using it"), "{}", told(&refused));
    // Its write-ahead log stays behind.
    weir.kill().await;
    let database = places.world.data_dir().join("weir.db");
    for own in [&database, &places.world.data_dir().join("weir.db-wal")] {
        let refused = places.restore(own, true).await;
        assert!(told(&refused).contains("is the database itself"), "{}", told(&refused));
    }
    let files = names(&places.world.data_dir());
    let refused = places.restore(&places.backup, false).await;
    assert!(told(&refused).contains("--force"), "{}", told(&refused));
    assert_eq!(names(&places.world.data_dir()), files);
    let restored = places.restore(&places.backup, true).await;
    assert!(restored.status.success(), "{}", told(&restored));
    let said = String::from_utf8(restored.stdout).unwrap();
    let aside = said.lines().find_map(|line| line.strip_prefix("The database that was there is kept: ")).unwrap();
    for file in names(&places.world.data_dir()) {
        let mode = fs::metadata(places.world.data_dir().join(&file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{file}");
    }
    let weir = places.world.start().await;
    assert_eq!(everything(&weir, &journal).await, before);
    assert_eq!(weir.get(&format!("/api/conversations/{}", later.conversation)).await.status(), 404);
    weir.kill().await;
    // The former database is complete, with the log that its killed server left.
    let fresh = places.world.folder().join("former");
    fs::create_dir(&fresh).unwrap();
    for suffix in ["", "-wal"] {
        fs::copy(format!("{aside}{suffix}"), fresh.join(format!("weir.db{suffix}"))).unwrap();
    }
    let mut world = places.world;
    world.set("WEIR_DATA_DIR", &fresh.display().to_string());
    let weir = world.start().await;
    assert_eq!(weir.get(&format!("/api/conversations/{}", later.conversation)).await.status(), 200);
    weir.kill().await;
}

#[tokio::test]
async fn bak_4_a_damaged_backup_is_refused_and_touches_nothing() {
    let mut places = Places::new().await;
    let weir = places.world.start().await;
    fill(&weir, 1).await;
    assert!(places.back_up().await.status.success());
    weir.kill().await;
    places.move_on();
    let content = fs::read(&places.backup).unwrap();
    let damaged = places.backup.with_extension("damaged");
    let mut zeroed = content.clone();
    let middle = content.len() / 2 / 4096 * 4096;
    zeroed[middle..middle + 8192].fill(0);
    for bytes in [&content[..content.len() - 1], &content[..content.len() / 2], &content[..100], &zeroed, b"no backup"]
    {
        fs::write(&damaged, bytes).unwrap();
        let refused = places.restore(&damaged, true).await;
        assert_eq!(refused.status.code(), Some(1), "{} bytes: {}", bytes.len(), told(&refused));
        assert!(!places.world.folder().join("restored").exists());
    }
    let missing = places.restore(Path::new("/nowhere/backup"), true).await;
    assert!(told(&missing).contains("/nowhere/backup"), "{}", told(&missing));
    // Nothing of it is in the way of the whole one.
    let restored = places.restore(&places.backup, false).await;
    assert!(restored.status.success(), "{}", told(&restored));
}
