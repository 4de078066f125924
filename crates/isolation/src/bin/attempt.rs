//! Isolates itself and tries one operation, for the tests: `weir-isolation-attempt PROFILE WHAT [ARGUMENT]`.
//!
//! Prints `done`, or `refused: ` and the reason. A test starts it as root and as an ordinary user.

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        fs::{self, File},
        hint::black_box,
        io::{self, Read as _},
        net::{TcpStream, UdpSocket},
        os::unix::net::{UnixDatagram, UnixStream},
        path::PathBuf,
        process::Command,
        thread,
        time::{Duration, Instant},
    };

    use weir_isolation::{Isolation, restrict_program};

    /// System calls that no isolated process may make, whatever their arguments.
    const FORBIDDEN: &[(&str, libc::c_long)] = &[
        ("accept4", libc::SYS_accept4),
        ("add_key", libc::SYS_add_key),
        ("bind", libc::SYS_bind),
        ("bpf", libc::SYS_bpf),
        ("capset", libc::SYS_capset),
        ("chroot", libc::SYS_chroot),
        ("connect", libc::SYS_connect),
        ("execve", libc::SYS_execve),
        ("execveat", libc::SYS_execveat),
        ("finit_module", libc::SYS_finit_module),
        ("init_module", libc::SYS_init_module),
        ("io_uring_setup", libc::SYS_io_uring_setup),
        ("kcmp", libc::SYS_kcmp),
        ("kexec_load", libc::SYS_kexec_load),
        ("keyctl", libc::SYS_keyctl),
        ("kill", libc::SYS_kill),
        ("memfd_create", libc::SYS_memfd_create),
        ("mount", libc::SYS_mount),
        ("open_by_handle_at", libc::SYS_open_by_handle_at),
        ("openat2", libc::SYS_openat2),
        ("perf_event_open", libc::SYS_perf_event_open),
        ("personality", libc::SYS_personality),
        ("pidfd_open", libc::SYS_pidfd_open),
        ("process_vm_readv", libc::SYS_process_vm_readv),
        ("ptrace", libc::SYS_ptrace),
        ("request_key", libc::SYS_request_key),
        ("seccomp", libc::SYS_seccomp),
        ("sendto", libc::SYS_sendto),
        ("setns", libc::SYS_setns),
        ("setresuid", libc::SYS_setresuid),
        ("shmget", libc::SYS_shmget),
        ("socketpair", libc::SYS_socketpair),
        ("truncate", libc::SYS_truncate),
        ("unlinkat", libc::SYS_unlinkat),
        ("unshare", libc::SYS_unshare),
        ("userfaultfd", libc::SYS_userfaultfd),
    ];

    pub(crate) fn run(profile: &str, what: &str, argument: &str) -> Result<(), String> {
        let isolation = Isolation {
            memory: Some(256 * 1024 * 1024),
            cpu_time: Some(Duration::from_secs(1)),
            readable: if profile == "engine" { vec![PathBuf::from("/etc/hostname")] } else { vec![] },
            change_user: profile == "sandbox",
        };
        let report = match profile {
            "none" => None,
            "program" => Some(restrict_program()),
            _ => Some(isolation.apply()),
        };
        if what == "report" {
            let missing: Vec<_> =
                report.iter().flat_map(weir_isolation::Report::missing).map(ToString::to_string).collect();
            return if missing.is_empty() { Ok(()) } else { Err(missing.join("; ")) };
        }
        attempt(what, argument).map_err(|error| error.to_string())
    }

    fn attempt(what: &str, argument: &str) -> io::Result<()> {
        match what {
            "read" => File::open(argument)?.read(&mut [0]).map(drop),
            "list" => fs::read_dir(argument).map(drop),
            "create" => File::create(argument).map(drop),
            "tcp" => TcpStream::connect(argument).map(drop),
            "udp" => UdpSocket::bind("127.0.0.1:0")?.send_to(b"x", argument).map(drop),
            "unix" => UnixStream::connect(argument).map(drop),
            "unix-pair" => UnixDatagram::pair().map(drop),
            "program" => Command::new("/bin/true").status().map(drop),
            "thread" => thread::Builder::new().spawn(|| ())?.join().map_err(|_| io::Error::other("it panicked")),
            "memory" => {
                let mut large: Vec<u8> = Vec::new();
                large.try_reserve_exact(2 << 30)?;
                black_box(large.spare_capacity_mut())[0].write(1);
                Ok(())
            }
            "processor" => {
                let start = Instant::now();
                // The limit is of processor time; other work makes it longer.
                while start.elapsed() < Duration::from_mins(1) {
                    black_box(start);
                }
                Ok(())
            }
            "status" => {
                println!("{}", fs::read_to_string("/proc/self/status")?);
                println!("{}", fs::read_to_string("/proc/self/limits")?);
                Ok(())
            }
            "fork" => forbidden("clone", libc::SYS_clone),
            "syscalls" => FORBIDDEN.iter().try_for_each(|(name, number)| forbidden(name, *number)),
            _ => Err(io::Error::other("unknown attempt")),
        }
    }

    /// Makes a system call with zeros, which is harmless in every case. It succeeds only if the call fails with `EPERM`.
    #[expect(unsafe_code, reason = "no safe wrapper makes a call that is meant to be refused")]
    fn forbidden(name: &str, number: libc::c_long) -> io::Result<()> {
        // SAFETY: zeros are null pointers, no flags and the file descriptor 0; the kernel checks each of them.
        let result = unsafe { libc::syscall(number, 0, 0, 0, 0, 0, 0) };
        let error = io::Error::last_os_error();
        if number == libc::SYS_clone && result == 0 {
            std::process::exit(0);
        }
        if result == -1 && error.raw_os_error() == Some(libc::EPERM) {
            return Ok(());
        }
        Err(io::Error::other(format!("{name} gave {result} ({error})")))
    }
}

fn main() {
    #[cfg(target_os = "linux")]
    {
        let args: Vec<String> = std::env::args().collect();
        let [_, profile, what, rest @ ..] = args.as_slice() else { return };
        match linux::run(profile, what, rest.first().map_or("", String::as_str)) {
            Ok(()) => println!("done"),
            Err(error) => println!("refused: {error}"),
        }
    }
}
