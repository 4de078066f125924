//! Isolation, proved by trying: `weir-isolation-attempt` isolates itself and then does what it must not be able to do.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail as it does")]

use std::{
    fs,
    net::{TcpListener, UdpSocket},
    os::unix::{
        fs::PermissionsExt as _,
        net::UnixListener,
        process::{CommandExt as _, ExitStatusExt as _},
    },
    path::PathBuf,
    process::{Command, Output},
};

use tempfile::TempDir;

/// An ordinary user that owns nothing.
const ORDINARY: u32 = 65_533;
const SIGXCPU: i32 = 24;

/// The program, where any user can start it, and what it is to try.
struct Attempts {
    folder: TempDir,
    program: PathBuf,
    tcp: TcpListener,
    udp: UdpSocket,
    _unix: UnixListener,
}

impl Attempts {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Writable for all, so that only isolation refuses what follows.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let program = folder.path().join("attempt");
        fs::copy(env!("CARGO_BIN_EXE_weir-isolation-attempt"), &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let unix = folder.path().join("socket");
        let listener = UnixListener::bind(&unix).unwrap();
        fs::set_permissions(&unix, fs::Permissions::from_mode(0o777)).unwrap();
        Self { program, tcp, udp, _unix: listener, folder }
    }

    /// Everything that an isolated process must not do, with an argument.
    fn all(&self) -> Vec<(&'static str, String)> {
        let folder = self.folder.path().display();
        vec![
            ("read", "/etc/passwd".to_owned()),
            ("list", "/".to_owned()),
            ("create", format!("{folder}/created")),
            ("tcp", self.tcp.local_addr().unwrap().to_string()),
            ("udp", self.udp.local_addr().unwrap().to_string()),
            ("unix", format!("{folder}/socket")),
            ("unix-pair", String::new()),
            ("program", String::new()),
        ]
    }

    fn start(&self, user: Option<u32>, profile: &str, what: &str, argument: &str) -> Output {
        let mut command = Command::new(&self.program);
        command.args([profile, what, argument]).current_dir("/");
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        command.output().unwrap()
    }

    fn try_it(&self, user: Option<u32>, profile: &str, what: &str, argument: &str) -> String {
        let output = self.start(user, profile, what, argument);
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }
}

/// The user of this test, and an ordinary one if this one may become it.
fn users() -> Vec<Option<u32>> {
    let is_root = fs::read_to_string("/proc/self/status").unwrap().contains("\nUid:\t0\t");
    if is_root { vec![None, Some(ORDINARY)] } else { vec![None] }
}

#[test]
fn iso_1_an_isolated_process_reaches_nothing() {
    let attempts = Attempts::new();
    for user in users() {
        for (what, argument) in attempts.all() {
            assert_eq!(attempts.try_it(user, "none", what, &argument), "done", "{what} fails without isolation");
            let _ = fs::remove_file(attempts.folder.path().join("created"));
            for profile in ["sandbox", "engine"] {
                let tried = attempts.try_it(user, profile, what, &argument);
                assert!(tried.starts_with("refused: "), "{user:?} {profile} {what}: {tried}");
            }
            assert!(!attempts.folder.path().join("created").exists());
        }
        for profile in ["sandbox", "engine"] {
            for what in ["fork", "syscalls", "thread"] {
                assert_eq!(attempts.try_it(user, profile, what, ""), "done", "{user:?} {profile} {what}");
            }
        }
        assert_eq!(attempts.try_it(user, "engine", "read", "/etc/hostname"), "done", "the one readable file");
    }
}

#[test]
fn iso_2_memory_and_processor_time_end_at_the_limit() {
    let attempts = Attempts::new();
    for user in users() {
        assert_eq!(attempts.try_it(user, "none", "memory", ""), "done");
        assert_eq!(attempts.try_it(user, "sandbox", "memory", ""), "refused: out of memory");
        let ended = attempts.start(user, "sandbox", "processor", "");
        assert_eq!(ended.status.signal(), Some(SIGXCPU), "{ended:?}");
    }
}

#[test]
fn iso_4_a_program_gets_no_privileges_that_it_has_no_use_for() {
    let attempts = Attempts::new();
    for user in users() {
        for (what, argument) in attempts.all() {
            assert_eq!(attempts.try_it(user, "program", what, &argument), "done", "{what}: programs do their work");
            let _ = fs::remove_file(attempts.folder.path().join("created"));
        }
        let status = attempts.try_it(user, "program", "status", "");
        let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
        assert_eq!(value("NoNewPrivs:"), "1");
        assert!(value("Max core file size").starts_with("0 "), "{status}");
        let effective = u64::from_str_radix(value("CapEff:"), 16).unwrap();
        // CAP_CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE.
        assert_eq!(effective & !0x4fb, 0, "{effective:x}");
    }
}

#[test]
fn iso_3_missing_protections_are_named() {
    let attempts = Attempts::new();
    for user in users() {
        let report = attempts.try_it(user, "sandbox", "report", "");
        // A kernel without one of them says why; this one has them all or the tests above fail.
        assert!(report == "done" || report.contains("Landlock") || report.contains("seccomp"), "{report}");
    }
}
