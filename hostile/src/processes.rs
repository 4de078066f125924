//! What the kernel says of a server's process and of its children (proc(5)).

use std::{fs, path::PathBuf};

/// Returns the descendants of a process, and the process itself first.
pub(crate) fn family(pid: i32) -> Vec<i32> {
    let parents: Vec<(i32, i32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent(pid)?)))
        .collect();
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(of) = family.get(next).copied() {
        family.extend(parents.iter().filter(|(_, parent)| *parent == of).map(|(child, _)| *child));
        next += 1;
    }
    family
}

/// Returns the resident memory of a server in KiB: all of its own, and the anonymous memory of its children, which share
/// the program's pages with it.
pub(crate) fn memory_kib(pid: i32) -> u64 {
    let children = family(pid).into_iter().skip(1).filter_map(|child| status(child, "RssAnon"));
    let kib = |text: String| text.trim_end_matches("kB").trim().parse::<u64>().unwrap_or_default();
    status(pid, "VmRSS").into_iter().chain(children).map(kib).sum()
}

/// Returns a field of `/proc/<pid>/status`; none when the process has ended.
pub(crate) fn status(pid: i32, field: &str) -> Option<String> {
    let text = fs::read_to_string(path(pid, "status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(line.trim().to_owned())
}

/// Returns the soft limit of a resource as `/proc/<pid>/limits` shows it.
pub(crate) fn limit(pid: i32, resource: &str) -> Option<String> {
    let text = fs::read_to_string(path(pid, "limits")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(resource))?;
    line.split_whitespace().next().map(str::to_owned)
}

/// Returns the command line of a process; empty when it has ended.
pub(crate) fn command(pid: i32) -> String {
    let bytes = fs::read(path(pid, "cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// Whether the process runs: it exists and is no zombie.
pub(crate) fn is_alive(pid: i32) -> bool {
    status(pid, "State").is_some_and(|state| !state.starts_with(['Z', 'X']))
}

fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(path(pid, "stat")).ok()?;
    // The name before it may contain spaces and parentheses.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

fn path(pid: i32, file: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{file}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_belongs_to_the_family_until_it_has_ended() {
        let own = i32::try_from(std::process::id()).unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert!(family(own).contains(&pid) && is_alive(pid));
        assert!(memory_kib(own) > 0);
        assert!(limit(own, "Max open files").is_some());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!family(own).contains(&pid) && !is_alive(pid));
    }
}
