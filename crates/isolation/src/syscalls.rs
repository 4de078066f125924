//! The system calls that an isolated process may make. Every other one fails with `EPERM`.

use std::{collections::BTreeMap, process};

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter,
};

/// Allowed with any arguments: memory, threads' synchronisation, signals of its own, clocks, random numbers and the end.
const ALWAYS: &[c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_time,
];

/// Allowed in addition to a process that reads files. Landlock decides which files.
const READING: &[c_long] = &[
    libc::SYS_faccessat,
    libc::SYS_fadvise64,
    libc::SYS_fcntl,
    libc::SYS_getcpu,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_lseek,
    libc::SYS_newfstatat,
    libc::SYS_pread64,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_sched_setaffinity,
    libc::SYS_statx,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_write,
    libc::SYS_writev,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
];

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// Installs the filter for this thread and those that it starts.
pub(crate) fn filter(reads_files: bool) -> Result<(), String> {
    install(reads_files).map_err(|error| error.to_string())
}

fn install(reads_files: bool) -> Result<(), seccompiler::Error> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let refused = SeccompAction::Errno(errno(libc::EPERM));
    let allowed = SeccompFilter::new(rules(reads_files)?, refused, SeccompAction::Allow, arch)?;
    // The C library falls back to `clone`, whose arguments a filter can see, on this error only.
    let unknown = SeccompAction::Errno(errno(libc::ENOSYS));
    let clone3 = Rules::from([(libc::SYS_clone3, vec![])]);
    let clone3 = SeccompFilter::new(clone3, SeccompAction::Allow, unknown, arch)?;
    // Of the actions of two filters the kernel takes the more severe one. The stricter filter forbids further ones.
    apply_filter(&BpfProgram::try_from(clone3)?)?;
    apply_filter(&BpfProgram::try_from(allowed)?)
}

fn rules(reads_files: bool) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = ALWAYS.iter().map(|number| (*number, vec![])).collect();
    // The other filter answers it.
    rules.insert(libc::SYS_clone3, vec![]);
    // Threads only, no processes.
    let thread = bits(libc::CLONE_THREAD);
    rules.insert(libc::SYS_clone, vec![when(&[(0, SeccompCmpOp::MaskedEq(thread), thread)])?]);
    // Its own threads only; `abort` needs it.
    let own = u64::from(process::id());
    rules.insert(libc::SYS_tgkill, vec![when(&[(0, SeccompCmpOp::Eq, own)])?]);
    rules.insert(libc::SYS_prlimit64, vec![when(&[(0, SeccompCmpOp::Eq, 0)])?]);
    rules.insert(libc::SYS_prctl, vec![when(&[(0, SeccompCmpOp::Eq, bits(libc::PR_SET_NAME))])?]);
    // No new code.
    let data = (2, SeccompCmpOp::MaskedEq(bits(libc::PROT_EXEC)), 0);
    rules.insert(libc::SYS_mprotect, vec![when(std::slice::from_ref(&data))?]);
    if reads_files {
        rules.extend(READING.iter().map(|number| (*number, vec![])));
        rules.insert(libc::SYS_mmap, vec![when(&[data])?]);
        let writing = bits(libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC);
        rules.insert(libc::SYS_openat, vec![when(&[(2, SeccompCmpOp::MaskedEq(writing), 0)])?]);
        #[cfg(target_arch = "x86_64")]
        rules.insert(libc::SYS_open, vec![when(&[(1, SeccompCmpOp::MaskedEq(writing), 0)])?]);
    } else {
        // Shared memory would escape the limit of memory.
        let private = (3, SeccompCmpOp::MaskedEq(bits(libc::MAP_SHARED)), 0);
        rules.insert(libc::SYS_mmap, vec![when(&[data, private])?]);
        // A descriptor that was left open by mistake is of no use.
        rules.insert(libc::SYS_read, vec![when(&[(0, SeccompCmpOp::Eq, 0)])?]);
        for number in [libc::SYS_write, libc::SYS_writev] {
            let output = [1, 2].map(|stream| when(&[(0, SeccompCmpOp::Eq, stream)]));
            rules.insert(number, output.into_iter().collect::<Result<_, _>>()?);
        }
    }
    Ok(rules)
}

/// All of these conditions: the argument's place, the comparison, the value. Arguments count as 32 bits.
fn when(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, seccompiler::BackendError> {
    let condition = |(place, operation, value): &(u8, SeccompCmpOp, u64)| {
        SeccompCondition::new(*place, SeccompCmpArgLen::Dword, operation.clone(), *value)
    };
    SeccompRule::new(conditions.iter().map(condition).collect::<Result<_, _>>()?)
}

/// The bits of a flag of the C library.
fn bits(flag: libc::c_int) -> u64 {
    u64::from(flag.cast_unsigned())
}

fn errno(number: libc::c_int) -> u32 {
    number.cast_unsigned()
}
