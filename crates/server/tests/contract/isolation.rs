//! Processes that Weir starts run isolated: the real binary, looked at from outside. `crates/isolation` tries what they must not do.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::{io::AsyncReadExt as _, time::timeout};

use crate::app::{Options, TestApp};

/// A process of the real binary that waits for its input, and is killed at the end of the test.
struct Started {
    child: Child,
    stdin: ChildStdin,
}

impl Started {
    fn new(args: &[&str], home: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_weir"))
            .args(args)
            .env("HOME", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        Self { child, stdin }
    }

    fn proc(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.child.id()))
    }

    /// The value of a line of `/proc/PID/status`.
    fn status(&self, name: &str) -> String {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').trim().to_owned()
    }

    /// Waits until the system call filter, which is applied last, is in force.
    fn isolated(self) -> Self {
        let start = Instant::now();
        while self.status("Seccomp") != "2" {
            assert!(start.elapsed() < Duration::from_secs(30), "no filter: {}", self.status("Seccomp"));
            std::thread::sleep(Duration::from_millis(5));
        }
        self
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn iso_1_the_processes_of_the_server_isolate_themselves() {
    let sandbox = Started::new(&["sandbox"], "/").isolated();
    assert_eq!(sandbox.status("NoNewPrivs"), "1");
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(sandbox.status(set), "0000000000000000", "{set}");
    }
    let own = fs::read_to_string("/proc/self/status").unwrap();
    if own.contains("\nUid:\t0\t") {
        assert_eq!(sandbox.status("Uid"), "65534\t65534\t65534\t65534");
        assert_eq!(sandbox.status("Gid"), "65534\t65534\t65534\t65534");
    }
    let limits = fs::read_to_string(sandbox.proc("limits")).unwrap();
    for limit in ["Max data size", "Max cpu time", "Max file size", "Max open files", "Max core file size"] {
        let line = limits.lines().find(|line| line.starts_with(limit)).unwrap();
        assert!(!line.contains("unlimited"), "{line}");
    }
    #[cfg(feature = "embedded-model")]
    {
        let mut engine = Started::new(&["engine"], "/");
        let missing = std::env::temp_dir().join("weir-no-such-model.gguf");
        writeln!(engine.stdin, "{}", json!({ "type": "load", "model": missing, "threads": 1 })).unwrap();
        let output = engine.child.wait().unwrap();
        assert!(!output.success(), "a model that is not there ends the engine");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn iso_3_missing_protections_are_named_by_the_real_binary() {
    let checked = Command::new(env!("CARGO_BIN_EXE_weir")).args(["sandbox", "--check"]).output().unwrap();
    assert!(checked.status.success());
    let missing = String::from_utf8(checked.stdout).unwrap();
    // One line for each, with a reason; none where the kernel has them all.
    assert!(missing.lines().all(|line| line.contains(": ")), "{missing}");
}

#[test]
#[cfg(target_os = "linux")]
fn iso_4_programs_of_mcp_servers_are_launched_with_fewer_rights() {
    let launch =
        |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_weir")).args(["launch-mcp", "--"]).args(args).output();
    let looked = launch(&["sh", "-c", "cat /proc/self/status; ulimit -Sn; ulimit -c"]).unwrap();
    assert!(looked.status.success(), "{looked:?}");
    let text = String::from_utf8(looked.stdout).unwrap();
    assert!(text.contains("NoNewPrivs:\t1\n"), "{text}");
    let limits: Vec<_> = text.lines().rev().take(2).collect();
    assert_eq!(limits[0], "0", "no core dumps");
    assert!(limits[1].parse::<u64>().unwrap() <= 1024, "{limits:?}");
    // What only administers a machine is gone, even for root: CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_SYS_PTRACE.
    let effective = text.lines().find_map(|line| line.strip_prefix("CapEff:\t")).unwrap();
    let effective = u64::from_str_radix(effective, 16).unwrap();
    assert_eq!(effective & 0x28_1000, 0, "{effective:x}");
    assert_eq!(launch(&["no-such-program"]).unwrap().status.code(), Some(127));
    // Arguments that look like ours are the program's.
    let told = launch(&["echo", "--help", "--", "-x"]).unwrap();
    assert_eq!(String::from_utf8(told.stdout).unwrap(), "--help -- -x\n");
}

#[tokio::test]
async fn iso_5_hostile_work_is_an_error_of_its_job_and_of_nothing_else() {
    let app = TestApp::with(Options { sandbox_time: Duration::from_secs(4), ..Options::default() }).await;
    let deep = format!("{}1{}", "(".repeat(300), ")".repeat(300));
    let powers = format!("2{}", "^2".repeat(1900));
    for (expression, code) in [
        (deep.as_str(), "invalid_expression"),
        (powers.as_str(), "invalid_expression"),
        ("1000d1000", "too_long"),
        ("5^(sqrt 2)^(sqrt 2)^(sqrt 2)", "too_long"),
    ] {
        let answered = app.done("calculate", json!({ "expression": expression })).await;
        let failed = answered["error"]["code"].as_str();
        // Some of them have an end on a fast machine.
        assert!(failed == Some(code) || (code == "too_long" && answered["status"] == "done"), "{answered}");
    }
    let sum = app.output("calculate", json!({ "expression": "1 + 1" })).await;
    assert_eq!(sum["result"], "2");
    let memory = "let all = []; for (;;) all.push('x'.repeat(1e6) + all.length)";
    assert_eq!(app.error_code("run_code", json!({ "code": memory })).await, "out_of_memory");
}

#[tokio::test]
async fn iso_6_tables_and_their_queries_take_bounded_memory() {
    let app = TestApp::new().await;
    let finding = format!("{}\n{}", ",".repeat(7999), "1\n".repeat(8000));
    let short_rows = format!("{}\n{}", ",".repeat(499), "1\n".repeat(2001));
    let keys: Vec<_> = (0..2000).map(|row| json!({ format!("k{row}"): 1 })).collect();
    for table in [json!(finding), json!(short_rows), json!(keys)] {
        let code = app.error_code("query_table", json!({ "sql": "SELECT 1 FROM t", "table": table })).await;
        assert_eq!(code, "invalid_table");
    }
    let endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)";
    for (sql, codes) in [
        ("SELECT zeroblob(1000000000)".to_owned(), &["invalid_sql"][..]),
        ("SELECT replace(printf('%.*c', 4000000, 'x'), 'x', 'xxxxxxxx')".to_owned(), &["invalid_sql"]),
        (format!("{endless} SELECT group_concat(n || zeroblob(100000)) FROM c"), &["invalid_sql", "too_long"]),
        (format!("{endless} SELECT json_group_array(n) FROM c"), &["invalid_sql", "too_long", "out_of_memory"]),
        (
            format!("{endless} SELECT count(*) FROM (SELECT n || zeroblob(100000) AS x FROM c ORDER BY x)"),
            &["out_of_memory", "too_long"],
        ),
    ] {
        let code = app.error_code("query_table", json!({ "sql": sql })).await;
        assert!(codes.contains(&code.as_str()), "{sql}: {code}");
    }
}

/// A program that leaves processes in sessions of their own, which ignore SIGTERM and whose parents have ended. It says `ready`.
#[cfg(target_os = "linux")]
const LEAVES_DAEMONS: &str = "trap '' TERM; setsid sh -c '(setsid sleep 600 &); (setsid sleep 600 &); echo ready'";

/// Reads what a launched program says, from `ready` to the end of the last process that has its output.
#[cfg(target_os = "linux")]
async fn ends(mut output: tokio::process::ChildStdout, end: impl FnOnce()) {
    let mut ready = [0; 6];
    output.read_exact(&mut ready).await.unwrap();
    assert_eq!(&ready, b"ready\n");
    end();
    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(20), output.read_to_end(&mut rest)).await;
    ended.expect("every process of the program ends").unwrap();
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn mcp_29_every_process_of_a_program_ends_with_it_with_its_server_and_with_weir() {
    let weir = env!("CARGO_BIN_EXE_weir");
    let launch = |program: &str| {
        let mut launch = tokio::process::Command::new(weir);
        launch.args(["launch-mcp", "--", "sh", "-c", program]);
        launch.stdin(Stdio::piped()).stdout(Stdio::piped());
        launch
    };
    let mut launched = launch(&format!("{LEAVES_DAEMONS}; exit 3")).spawn().unwrap();
    ends(launched.stdout.take().unwrap(), || ()).await;
    assert_eq!(launched.wait().await.unwrap().code(), Some(3));

    let mut launched = launch(&format!("{LEAVES_DAEMONS}; sleep 600")).spawn().unwrap();
    let pid = Pid::from_raw(launched.id().unwrap().try_into().unwrap()).unwrap();
    ends(launched.stdout.take().unwrap(), || kill_process(pid, Signal::HUP).unwrap()).await;
    launched.wait().await.unwrap();

    // The launcher's parent is killed, as Weir is by `kill -9`.
    let script = r#""$0" launch-mcp -- sh -c "$1" & wait"#;
    let program = format!("{LEAVES_DAEMONS}; sleep 600");
    let mut parent = tokio::process::Command::new("sh");
    let mut parent = parent.args(["-c", script, weir, &program]).stdout(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_raw(parent.id().unwrap().try_into().unwrap()).unwrap();
    ends(parent.stdout.take().unwrap(), || kill_process(pid, Signal::KILL).unwrap()).await;
    parent.wait().await.unwrap();
}
