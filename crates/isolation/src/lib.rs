//! Isolation of child processes.
//!
//! [`Isolation::apply`] takes rights away from the calling process and never gives any back. Two processes use it: the one
//! that works on hostile input (`weir sandbox`) and the embedded engine (`weir engine`). [`restrict_program`] does the part
//! that a program with its own needs can live with; the launcher of MCP servers uses it.
//!
//! On Linux the kernel enforces resource limits, an unprivileged user, no capabilities, no new privileges, a Landlock rule set
//! and a seccomp filter. What the kernel does not offer is named in the [`Report`], and the process runs without it. On other
//! systems nothing is enforced, and the report says so.

#[cfg(target_os = "linux")]
mod descendants;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod syscalls;

use std::{fmt, path::PathBuf, time::Duration};

/// What a process keeps after [`Isolation::apply`]. The default keeps the least.
#[derive(Clone, Debug, Default)]
pub struct Isolation {
    /// Limit of private writable memory in bytes (`RLIMIT_DATA`): heaps and the stacks of threads. None: unlimited.
    pub memory: Option<u64>,
    /// Limit of processor time. The kernel counts whole seconds, so it is rounded up; the process is killed at the limit.
    pub cpu_time: Option<Duration>,
    /// Files and directories that stay readable. With an empty list, no file can be opened, and only the standard streams can
    /// be read and written.
    pub readable: Vec<PathBuf>,
    /// Whether a process that runs as root becomes the user and group 65534. Leave it off if `readable` names files that only
    /// root can read.
    pub change_user: bool,
}

/// A kind of protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Limits of memory, processor time, file size and open files.
    ResourceLimits,
    /// An unprivileged user instead of root.
    User,
    /// Empty capability sets.
    Capabilities,
    /// No setuid programs, no file capabilities (`no_new_privs`).
    NoNewPrivileges,
    /// No access to files (Landlock).
    FileSystem,
    /// No sockets, processes, tracing or other system calls that the work does not need (seccomp).
    SystemCalls,
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ResourceLimits => "resource limits",
            Self::User => "an unprivileged user",
            Self::Capabilities => "dropped capabilities",
            Self::NoNewPrivileges => "no new privileges",
            Self::FileSystem => "file access control (Landlock)",
            Self::SystemCalls => "the system call filter (seccomp)",
        })
    }
}

/// A protection that could not be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which one.
    pub protection: Protection,
    /// The system's reason.
    pub reason: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.protection, self.reason)
    }
}

/// The result of [`Isolation::apply`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Report {
    missing: Vec<Missing>,
}

impl Report {
    /// The protections that could not be applied. Empty: all of them are in force.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    #[cfg(target_os = "linux")]
    fn note<T, E: fmt::Display>(&mut self, protection: Protection, result: Result<T, E>) {
        if let Err(error) = result {
            self.missing.push(Missing { protection, reason: error.to_string() });
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn unsupported() -> Self {
        let all = [
            Protection::ResourceLimits,
            Protection::User,
            Protection::Capabilities,
            Protection::NoNewPrivileges,
            Protection::FileSystem,
            Protection::SystemCalls,
        ];
        let reason = "only Linux is supported".to_owned();
        Self { missing: all.map(|protection| Missing { protection, reason: reason.clone() }).to_vec() }
    }
}

impl Isolation {
    /// Isolates the calling process, as far as the kernel can.
    ///
    /// Call it on the main thread before any other thread starts and before the process reads foreign input: Landlock and
    /// seccomp apply to the calling thread and to the threads that it starts later. It cannot be undone.
    pub fn apply(&self) -> Report {
        #[cfg(target_os = "linux")]
        {
            linux::apply(self)
        }
        #[cfg(not(target_os = "linux"))]
        {
            Report::unsupported()
        }
    }
}

/// Forbids further threads and processes (`RLIMIT_NPROC`). Call it when all threads run. It has no effect for root.
pub fn forbid_new_threads() {
    #[cfg(target_os = "linux")]
    linux::forbid_new_threads();
}

/// Restricts the calling process before it executes a program that needs files, network and child processes.
///
/// It sets `no_new_privs`, forbids core dumps, restores the usual limit of open files, and drops the capabilities that
/// administer the machine. A program of root keeps those that concern files and users, such as `CAP_DAC_OVERRIDE`.
pub fn restrict_program() -> Report {
    #[cfg(target_os = "linux")]
    {
        linux::restrict_program()
    }
    #[cfg(not(target_os = "linux"))]
    {
        Report::unsupported()
    }
}

/// Makes the calling process the parent of its orphaned descendants (Linux), and has the kernel send it SIGHUP when its own parent ends.
///
/// # Errors
/// When the kernel refuses.
pub fn adopt_descendants() -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    descendants::adopt()?;
    Ok(())
}

/// Kills every descendant of the calling process and waits for their ends. Needs [`adopt_descendants`] and `/proc`; on other systems
/// than Linux it does nothing.
pub fn kill_descendants() {
    #[cfg(target_os = "linux")]
    descendants::kill_all();
}

/// Replaces standard input, output and error with `/dev/null`, so that only a child process holds those of the caller.
///
/// # Errors
/// When `/dev/null` cannot be opened.
pub fn release_standard_streams() -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    descendants::release_standard_streams()?;
    Ok(())
}
