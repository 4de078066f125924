//! The descendants of a process on Linux.
//!
//! A process that calls `setsid` leaves its group and its parent, but not the tree: a subreaper becomes the parent of every descendant
//! whose parent has ended. So a subreaper that kills its children again and again, until it has none, kills them all.

use std::{
    fs::{self, OpenOptions},
    io,
    os::fd::AsRawFd as _,
};

use rustix::{
    io::Errno,
    process::{
        Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, set_parent_process_death_signal, wait,
    },
};

pub(crate) fn adopt() -> io::Result<()> {
    set_child_subreaper(Some(getpid()))?;
    Ok(set_parent_process_death_signal(Some(Signal::HUP))?)
}

pub(crate) fn kill_all() {
    loop {
        for child in children() {
            // It may have ended by now.
            let _ = kill_process(child, Signal::KILL);
        }
        // The children of a killed child are ours in the next round.
        if wait(WaitOptions::empty()).err() == Some(Errno::CHILD) {
            return;
        }
    }
}

/// The processes whose parent is this one.
fn children() -> Vec<Pid> {
    let own = getpid();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = processes.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    processes.filter(|process| parent(*process) == Some(own)).collect()
}

/// The parent of a process: the fourth field of `stat`. The second one is a name in parentheses, which may contain any character.
fn parent(process: Pid) -> Option<Pid> {
    let stat = fs::read(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    Pid::from_raw(rest.split_ascii_whitespace().nth(1)?.parse().ok()?)
}

pub(crate) fn release_standard_streams() -> io::Result<()> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    for stream in 0..3 {
        replace(stream, null.as_raw_fd())?;
    }
    Ok(())
}

#[expect(unsafe_code, reason = "no safe wrapper replaces a standard stream")]
fn replace(stream: i32, by: i32) -> io::Result<()> {
    // SAFETY: `by` is open, and the standard streams are never owned by a value that closes them.
    if unsafe { libc::dup2(by, stream) } < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
