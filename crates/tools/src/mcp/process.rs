//! The program behind a server: started with a small environment, ended with everything that it has started.
//!
//! A launcher (`weir launch-mcp`) stays the parent of the program and ends all of its descendants. Without one, as in tests, the program
//! leads a process group, which ends with it.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::ExitStatus,
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::{
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::log::Log;

/// What a program gets of this server's environment; nothing else, for there are keys in it.
const INHERITED: [&str; 3] = ["PATH", "HOME", "LANG"];
/// Where programs are looked for when no `PATH` is set, as the C library does.
const DEFAULT_PATH: &str = "/bin:/usr/bin";
/// How long a program may take to end when its input is closed, and again after a signal.
const PATIENCE: Duration = Duration::from_secs(2);

/// Its output ends a little before it does.
const MOMENT: Duration = Duration::from_millis(200);

/// A program at work. It ends with this value.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    pid: Option<Pid>,
    has_launcher: bool,
}

impl Process {
    /// Starts a program, through the launcher (`weir launch-mcp`) if there is one; what the program writes to its standard
    /// error goes to the log.
    pub(super) fn start(
        launcher: Option<&Path>,
        command: &str,
        args: &[String],
        env: &BTreeMap<String, Option<String>>,
        log: &Log,
    ) -> io::Result<(Self, ChildStdout, ChildStdin)> {
        let inherited = INHERITED.into_iter().filter_map(|name| Some((name, env::var_os(name)?)));
        let set = env.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let mut program = match launcher {
            None => Command::new(command),
            Some(launcher) => {
                // The launcher cannot report a missing program in time, so it is looked for here.
                let path = env.get("PATH").cloned().flatten().map(OsString::from).or_else(|| env::var_os("PATH"));
                let found = find(command, path.as_deref())?;
                let mut program = Command::new(launcher);
                program.arg("launch-mcp").arg("--").arg(found);
                program
            }
        };
        let mut child = program
            .args(args)
            .env_clear()
            .envs(inherited)
            .envs(set)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            // A launcher that is killed ends nothing.
            .kill_on_drop(launcher.is_none())
            .spawn()?;
        let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let missing = || io::Error::other("its input and output cannot be reached");
        let (stdin, stdout) = child.stdin.take().zip(child.stdout.take()).ok_or_else(missing)?;
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(log.clone().listen(stderr));
        }
        Ok((Self { child, pid, has_launcher: launcher.is_some() }, stdout, stdin))
    }

    /// Ends it, whose input is closed by now: by itself, by a signal, by force. None: it is not known how.
    pub(super) async fn end(mut self) -> Option<ExitStatus> {
        for step in [None, Some(Step::Ask), Some(Step::Kill)] {
            if let Some(step) = step {
                self.signal(step);
            }
            if let Ok(Ok(status)) = timeout(PATIENCE, self.child.wait()).await {
                return Some(status);
            }
        }
        None
    }

    /// How it ended, if it has by now or does so in a moment.
    pub(super) async fn ended(mut self) -> Option<ExitStatus> {
        timeout(MOMENT, self.child.wait()).await.ok()?.ok()
    }

    fn signal(&self, step: Step) {
        // After `wait` the id may belong to another process.
        let Some(pid) = self.pid.filter(|_| !self.has_launcher || self.child.id().is_some()) else { return };
        // An error means that no process is left.
        let _ = match (self.has_launcher, step) {
            (true, Step::Ask) => kill_process(pid, Signal::TERM),
            (true, Step::Kill) => kill_process(pid, Signal::HUP),
            (false, Step::Ask) => kill_process_group(pid, Signal::TERM),
            (false, Step::Kill) => kill_process_group(pid, Signal::KILL),
        };
    }
}

/// How a program is ended.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The program may end in an orderly way.
    Ask,
    /// It ends with all of its processes.
    Kill,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Step::Kill);
    }
}

/// The file of a program: of this path, or of this name in the first directory of `path` that has it.
fn find(command: &str, path: Option<&OsStr>) -> io::Result<PathBuf> {
    if command.contains('/') {
        return executable(Path::new(command)).map(|()| command.into());
    }
    let mut error = io::Error::from(io::ErrorKind::NotFound);
    for candidate in env::split_paths(path.unwrap_or(DEFAULT_PATH.as_ref())).map(|folder| folder.join(command)) {
        match executable(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(denied) if denied.kind() == io::ErrorKind::PermissionDenied => error = denied,
            Err(_) => {}
        }
    }
    Err(error)
}

fn executable(file: &Path) -> io::Result<()> {
    let metadata = file.metadata()?;
    let may_run = metadata.is_file() && metadata.permissions().mode() & 0o111 != 0;
    if may_run { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn a_program_gets_a_small_environment_and_what_is_set() {
        let log = Log::default();
        let env = [("TOKEN".to_owned(), Some("t".to_owned())), ("OPEN".to_owned(), None)].into();
        let (process, mut stdout, stdin) = Process::start(None, "env", &[], &env, &log).unwrap();
        let mut text = String::new();
        stdout.read_to_string(&mut text).await.unwrap();
        drop(stdin);
        assert!(process.end().await.unwrap().success());
        let mut names: Vec<_> = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
        names.sort_unstable();
        assert!(names.iter().all(|name| ["HOME", "LANG", "PATH", "TOKEN"].contains(name)), "{names:?}");
        assert!(text.contains("TOKEN=t\n"));
    }

    #[tokio::test]
    async fn iso_4_a_program_starts_through_the_launcher() {
        let folder = tempfile::tempdir().unwrap();
        let script = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
            file
        };
        let launcher = script("launcher", "#!/bin/sh\necho \"$1 $2 $3\"\nshift 2\nexec \"$@\"\n");
        let program = script("program", "#!/bin/sh\necho \"$#: $1: $TOKEN\"\n");
        let path = format!("{}:/bin:/usr/bin", folder.path().display());
        let env = [("PATH".to_owned(), Some(path)), ("TOKEN".to_owned(), Some("t".to_owned()))].into();
        let (log, args) = (Log::default(), ["--two words".to_owned()]);
        let (process, mut stdout, _stdin) = Process::start(Some(&launcher), "program", &args, &env, &log).unwrap();
        let mut text = String::new();
        stdout.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, format!("launch-mcp -- {}\n1: --two words: t\n", program.display()));
        assert!(process.end().await.unwrap().success());
        let missing = Process::start(Some(&launcher), "no-such-program", &args, &env, &log).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound, "the launcher is not started for it");
    }

    #[tokio::test]
    async fn a_program_ends_with_everything_it_has_started() {
        let log = Log::default();
        let script = "trap '' TERM; sleep 600 & echo $!; wait; sleep 600";
        let args = ["-c".to_owned(), script.to_owned()];
        let (process, mut stdout, stdin) = Process::start(None, "sh", &args, &BTreeMap::new(), &log).unwrap();
        let mut told = [0; 32];
        let read = stdout.read(&mut told).await.unwrap();
        let grandchild: i32 = std::str::from_utf8(&told[..read]).unwrap().trim().parse().unwrap();
        drop(stdin);
        drop(process);
        // The pipe is closed when the last that holds it has gone.
        let mut rest = Vec::new();
        timeout(Duration::from_secs(10), stdout.read_to_end(&mut rest)).await.expect("all of them end").unwrap();
        assert!(grandchild > 0);
    }

    #[test]
    fn programs_are_looked_for_in_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, program) = (folder.path().join("plain"), folder.path().join("program"));
        std::fs::write(&plain, "").unwrap();
        std::fs::write(&program, "").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = env::join_paths([Path::new("/nowhere"), folder.path()]).unwrap();
        assert_eq!(find("program", Some(&path)).unwrap(), program);
        assert_eq!(find(program.to_str().unwrap(), None).unwrap(), program);
        let kind = |command: &str| find(command, Some(&path)).unwrap_err().kind();
        assert_eq!(kind("nothing"), io::ErrorKind::NotFound);
        assert_eq!(kind("/nowhere/program"), io::ErrorKind::NotFound);
        assert_eq!(kind("plain"), io::ErrorKind::PermissionDenied);
        assert_eq!(kind(folder.path().to_str().unwrap()), io::ErrorKind::PermissionDenied);
    }
}
