//! Isolation on Linux.

use std::{fs, io, path::Path};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope,
};
use rustix::{
    process::{DumpableBehavior, Gid, Resource, Rlimit, Uid, geteuid, getrlimit, set_dumpable_behavior, setrlimit},
    thread::{
        CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set, clear_ambient_capability_set,
        remove_capability_from_bounding_set, set_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid,
        set_thread_res_uid,
    },
};

use super::{Isolation, Protection, Report};
use crate::syscalls;

/// User and group without any rights; usually called `nobody`.
const NOBODY: u32 = 65534;
/// Open files of an isolated process: the standard streams, the readable files, and what the kernel's interfaces need.
const MAX_OPEN_FILES: u64 = 64;
/// Open files of a program; the server raises its own limit, and `select` fails above the usual one.
const PROGRAM_OPEN_FILES: Rlimit = Rlimit { current: Some(1024), maximum: Some(65_536) };
/// Time between the signal that ends a process at its limit of processor time and the one that it cannot ignore, in seconds.
const CPU_GRACE: u64 = 1;
/// The first to end when the machine runs out of memory; from -1000 to 1000.
const OUT_OF_MEMORY_SCORE: &str = "1000";
/// What a program of root keeps.
const PROGRAM_CAPABILITIES: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::NET_BIND_SERVICE);

pub(crate) fn apply(isolation: &Isolation) -> Report {
    let mut report = Report::default();
    // Without it the process is chosen like any other; that is no protection of its own.
    let _ = fs::write("/proc/self/oom_score_adj", OUT_OF_MEMORY_SCORE);
    report.note(Protection::ResourceLimits, limit_resources(isolation));
    let bounded = drop_bounding_set(CapabilitySet::empty());
    if isolation.change_user && geteuid().is_root() {
        report.note(Protection::User, change_user());
    }
    report.note(Protection::Capabilities, bounded.and_then(|()| drop_capabilities(CapabilitySet::empty())));
    // A change of the user resets it. It closes the process's files in /proc and forbids others to trace it.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    report.note(Protection::NoNewPrivileges, set_no_new_privs(true));
    report.note(Protection::FileSystem, restrict_files(isolation));
    report.note(Protection::SystemCalls, syscalls::filter(!isolation.readable.is_empty()));
    report
}

pub(crate) fn forbid_new_threads() {
    // The system call filter is the protection; this one is for kernels without it.
    let _ = lower(Resource::Nproc, 0);
}

pub(crate) fn restrict_program() -> Report {
    let mut report = Report::default();
    let open_files = lower_to(Resource::Nofile, PROGRAM_OPEN_FILES);
    report.note(Protection::ResourceLimits, open_files.and_then(|()| lower(Resource::Core, 0)));
    let kept = if geteuid().is_root() { PROGRAM_CAPABILITIES } else { CapabilitySet::empty() };
    report.note(Protection::Capabilities, drop_bounding_set(kept).and_then(|()| drop_capabilities(kept)));
    report.note(Protection::NoNewPrivileges, set_no_new_privs(true));
    report
}

fn limit_resources(isolation: &Isolation) -> io::Result<()> {
    lower(Resource::Core, 0)?;
    if isolation.readable.is_empty() {
        // The engine's standard error may be a file; it cannot open another one for writing.
        lower(Resource::Fsize, 0)?;
    }
    lower(Resource::Nofile, MAX_OPEN_FILES)?;
    lower(Resource::Msgqueue, 0)?;
    lower(Resource::Memlock, 0)?;
    if let Some(bytes) = isolation.memory {
        lower(Resource::Data, bytes)?;
    }
    if let Some(time) = isolation.cpu_time {
        let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        let limit = Rlimit { current: Some(seconds), maximum: Some(seconds + CPU_GRACE) };
        lower_to(Resource::Cpu, limit)?;
    }
    Ok(())
}

fn lower(resource: Resource, limit: u64) -> io::Result<()> {
    lower_to(resource, Rlimit { current: Some(limit), maximum: Some(limit) })
}

/// Sets a limit, but never above the one in force.
fn lower_to(resource: Resource, wanted: Rlimit) -> io::Result<()> {
    let now = getrlimit(resource);
    let smaller = |wanted: Option<u64>, now: Option<u64>| wanted.into_iter().chain(now).min();
    let maximum = smaller(wanted.maximum, now.maximum);
    let current = smaller(wanted.current, maximum);
    Ok(setrlimit(resource, Rlimit { current, maximum })?)
}

fn change_user() -> io::Result<()> {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    Ok(set_thread_res_uid(user, user, user)?)
}

/// Removes all but `kept` from the bounding set, as far as this process may: without `CAP_SETPCAP` it has nothing to gain.
fn drop_bounding_set(kept: CapabilitySet) -> io::Result<()> {
    if !capabilities(None)?.effective.contains(CapabilitySet::SETPCAP) {
        return Ok(());
    }
    for capability in (0..u64::BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit)) {
        // The kernel knows fewer than there are bits.
        if !kept.contains(capability) && capability_is_in_bounding_set(capability).unwrap_or(false) {
            remove_capability_from_bounding_set(capability)?;
        }
    }
    Ok(())
}

fn drop_capabilities(kept: CapabilitySet) -> io::Result<()> {
    // Older than the ambient set: then there is none to clear.
    let _ = clear_ambient_capability_set();
    let now = capabilities(None)?;
    let sets = CapabilitySets {
        effective: now.effective & kept,
        permitted: now.permitted & kept,
        inheritable: CapabilitySet::empty(),
    };
    Ok(set_capabilities(None, sets)?)
}

/// Landlock: no file, no TCP port, no abstract socket and no signal outside this process, but reading what is named.
fn restrict_files(isolation: &Isolation) -> Result<(), String> {
    // Newer rights than the kernel knows are left out.
    let abi = ABI::V6;
    let told = |error: &dyn std::error::Error| error.to_string();
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(abi)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(abi)))
        .and_then(Ruleset::create);
    let mut ruleset = ruleset.map_err(|error| told(&error))?;
    for path in &isolation.readable {
        // A file that is not there cannot be read anyway; who opens it reports that.
        let Ok(file) = PathFd::new(path) else { continue };
        ruleset = ruleset.add_rule(PathBeneath::new(file, reading(path))).map_err(|error| told(&error))?;
    }
    match ruleset.restrict_self().map_err(|error| told(&error))?.ruleset {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
        RulesetStatus::NotEnforced => Err("the kernel has no Landlock, or it is switched off".to_owned()),
    }
}

fn reading(path: &Path) -> BitFlags<AccessFs> {
    if path.is_dir() { AccessFs::ReadFile | AccessFs::ReadDir } else { AccessFs::ReadFile.into() }
}
