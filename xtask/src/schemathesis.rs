//! `cargo xtask schemathesis`: requests made from `/api/openapi.json` against the real binary, by two people and an administrator. No
//! answer may be a 5xx, each is of a form that the document declares, who is not let in gets nothing, and nobody gets what is another's.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::pip;
use crate::process;
use crate::workspace::{Profile, Workspace};

const VERSION: &str = "4.32.0";
/// What is looked at. Left out is what asks for more than the document can say: that every value which fits it is accepted (an id
/// that fits names nothing, a title of blanks is none), and that what does not fit it never is (a header that is not needed, a field
/// that is ignored).
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,unsupported_method,allow_header_conformance,use_after_free,\
                      ignored_auth,object_level_authorization";
/// Streams that last as long as what they follow, and the socket: a request without an end is no example of anything.
const ENDLESS: [&str; 3] = ["connect", "followJob", "followRun"];
/// What takes a person or what lets them in away: played at the end, since those who play may be gone after it.
const FAREWELLS: [&str; 3] = ["deletePerson", "updatePerson", "signOutDevice"];
/// How long that lasts, in seconds.
const FAREWELL: u32 = 8;
/// Two people who must not see each other's things, and who may do more. What lets them in stands in a file of its own.
const CONFIGURATION: &str = "auth.wfc = { path = \"schemathesis-people.json\", peers = [\"one\", \"two\"] }\n";
/// How long the short run of the tests takes, in seconds.
const SHORT: u32 = 30;

/// Runs for this many seconds.
///
/// # Errors
/// When an answer is not as declared, or something cannot be started.
pub(crate) fn run(workspace: &Workspace, seconds: u32) -> Result<()> {
    process::run(workspace.cargo().args(["build", "--workspace", "--bins", "--locked"]))?;
    play(workspace, seconds, None)
}

/// The short run of the tests, with the binary that is there. Its seed is always the same: a change is judged by what it changes,
/// and what chance finds is looked for by [`run`].
///
/// # Errors
/// As [`run`].
pub(crate) fn short(workspace: &Workspace) -> Result<()> {
    play(workspace, SHORT, Some(1))
}

fn play(workspace: &Workspace, seconds: u32, seed: Option<u32>) -> Result<()> {
    let scratch = workspace.scratch()?;
    let folder = install(&scratch)?;
    let data = scratch.join("schemathesis-data");
    match fs::remove_dir_all(&data) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot empty {}", data.display()));
        }
        _ => {}
    }
    let server = Server::start(&workspace.binary(Profile::Dev), &data)?;
    fs::write(scratch.join("schemathesis.toml"), CONFIGURATION)?;
    fs::write(scratch.join("schemathesis-people.json"), server.people()?)?;
    let program = || {
        let mut command = Command::new("python3");
        command
            .arg(folder.join("bin/st"))
            .args(["--config-file", "schemathesis.toml", "run"])
            .args(["--no-color", "--warnings=off", "--continue-on-failure", "--request-timeout=10"])
            .args(["--phases=coverage,fuzzing,stateful", "--generation-database=none"])
            .arg(format!("--checks={CHECKS}"))
            // Who comes with a cookie is a page of the server's own.
            .arg(format!("--header=Origin: {}", server.url))
            .args(seed.map(|seed| format!("--seed={seed}")))
            .env("PYTHONPATH", &folder)
            .current_dir(&scratch);
        command
    };
    let document = format!("{}/api/openapi.json", server.url);
    let left_out = ENDLESS.iter().chain(&FAREWELLS).map(|operation| format!("--exclude-operation-id={operation}"));
    let time = seconds.saturating_sub(FAREWELL).max(1);
    process::run(program().arg(format!("--max-time={time}")).args(left_out).arg(&document))?;
    let farewells = FAREWELLS.map(|operation| format!("--include-operation-id={operation}"));
    process::run(program().arg(format!("--max-time={FAREWELL}")).args(farewells).arg(&document))
}

/// Puts the program and what it needs into a folder below `scratch`, unless they are there.
fn install(scratch: &Path) -> Result<PathBuf> {
    let folder = scratch.join("schemathesis");
    if folder.join(format!("schemathesis-{VERSION}.dist-info/RECORD")).is_file() && folder.join("bin/st").is_file() {
        return Ok(folder);
    }
    pip::install(&folder, &[&format!("schemathesis=={VERSION}")])?;
    Ok(folder)
}

/// A server of its own; it ends with this value.
struct Server {
    process: Child,
    url: String,
    /// What makes the first person an administrator.
    secret: String,
}

impl Server {
    fn start(weir: &Path, data: &Path) -> Result<Self> {
        let mut process = Command::new(weir)
            .env("WEIR_ADDR", "127.0.0.1:0")
            .env("WEIR_DATA_DIR", data)
            .env("WEIR_DURABILITY", "process")
            .env("WEIR_AUTH", "required")
            // What is looked at is the answers, not how many of them there are.
            .env("WEIR_RATE_LIMIT", "10000")
            .env("WEIR_RATE_BURST", "100000")
            // A model that nobody serves: each answer begins, and ends as an error at once.
            .env("WEIR_LOCAL_MODEL", "off")
            .env("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
            .env("OPENAI_MODELS", "none")
            .env("WEIR_LOG", "error")
            .env_remove("DATABASE_URL")
            .env_remove("REDIS_URL")
            .env_remove("OPENAI_API_KEY")
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", weir.display()))?;
        let output = process.stdout.take().context("the server has no output")?;
        let mut lines = BufReader::new(output).lines();
        let mut after = |words: &str| {
            lines.by_ref().map_while(Result::ok).find_map(|line| line.split_once(words).map(|it| it.1.to_owned()))
        };
        let (url, secret) = (after("ready: "), after("/setup#"));
        let mut server = Self { process, url: String::new(), secret: String::new() };
        server.url = url.context("the server ended before it was ready")?;
        server.secret = secret.context("the server told no link for its first person")?;
        // A pipe that nobody reads would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(server)
    }

    /// Makes the people who play, and says what lets each of them in.
    fn people(&self) -> Result<String> {
        let mut script = Command::new("python3");
        script.args(["-c", include_str!("schemathesis.py"), &self.url, &self.secret]).stderr(Stdio::inherit());
        let made = script.output().context("cannot start python3")?;
        process::check(&script, made.status)?;
        Ok(String::from_utf8(made.stdout)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The seconds that `--seconds N` names; without it two minutes.
pub(crate) fn seconds(arguments: &[String]) -> Option<u32> {
    match arguments {
        [] => Some(120),
        [option, number] if option == "--seconds" => number.parse().ok().filter(|seconds| *seconds > 0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_a_number_of_seconds() {
        let of = |words: &[&str]| seconds(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&[]), Some(120));
        assert_eq!(of(&["--seconds", "300"]), Some(300));
        for wrong in
            [&["300"][..], &["--seconds"], &["--seconds", "0"], &["--seconds", "long"], &["--seconds", "1", "2"]]
        {
            assert_eq!(of(wrong), None, "{wrong:?}");
        }
    }
}
