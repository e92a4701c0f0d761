//! The system calls that a command cannot use (seccomp(2)).

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter,
};

use crate::Method;

/// System calls that only an administrator requires, or that provide access to other processes.
const REJECTED: [c_long; 52] = [
    // File systems.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    OPEN_TREE_ATTR,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Namespaces.
    libc::SYS_unshare,
    libc::SYS_setns,
    // Interfaces of the kernel that are large or not restricted by other rules.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_lookup_dcookie,
    libc::SYS_vhangup,
    // The machine.
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
];

/// `open_tree_attr(2)`, which the crate `libc` does not define. It has the same number on all
/// architectures of the crate `seccompiler`.
const OPEN_TREE_ATTR: c_long = 467;

/// System calls that change a process or thread, with the position of its ID in the arguments. ID 0
/// is the calling process or thread; glibc uses it in setrlimit(3) and nice(3). Other IDs are
/// rejected, because without a process namespace they include processes of the same user outside
/// the sandbox. A limit of open files would prevent the launcher from killing the processes of the
/// command.
const OTHER_PROCESS: [(c_long, u8); 9] = [
    (libc::SYS_prlimit64, 0),
    (libc::SYS_sched_setaffinity, 0),
    (libc::SYS_sched_setattr, 0),
    (libc::SYS_sched_setparam, 0),
    (libc::SYS_sched_setscheduler, 0),
    (libc::SYS_migrate_pages, 0),
    (libc::SYS_move_pages, 0),
    (libc::SYS_setpriority, 1),
    (libc::SYS_ioprio_set, 1),
];

/// System calls of [`OTHER_PROCESS`] that can also change a process group or all processes of a
/// user, with the first argument that selects a single process.
const SINGLE_PROCESS: [(c_long, libc::c_int); 2] =
    [(libc::SYS_setpriority, 0), (libc::SYS_ioprio_set, 1)];

/// System calls for objects of System V IPC and for POSIX message queues. Such an object is shared
/// by all processes of an IPC namespace, and remains when its creator exits. POSIX semaphores and
/// shared memory are files in `/dev/shm`.
const IPC: [c_long; 18] = [
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_shmdt,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    libc::SYS_mq_timedsend,
    libc::SYS_mq_timedreceive,
    libc::SYS_mq_notify,
    libc::SYS_mq_getsetattr,
];

/// The flags of clone(2) that create a namespace.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
];

/// The socket families of commands with network access.
const FAMILIES: [libc::c_int; 4] = [
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
];

/// The bit in the numbers of system calls of the x32 ABI, which has the architecture of x86-64.
#[cfg(target_arch = "x86_64")]
const X32: i64 = 0x4000_0000;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Rejects system calls with EPERM. Programs of another ABI, such as 32-bit programs, are killed.
///
/// clone3(2) and openat2(2) have their flags in memory, where a filter cannot read them. They fail
/// with ENOSYS, so that programs use older system calls.
pub(super) fn restrict(method: Method, network: bool) -> Result<(), String> {
    let rules = rules(method, network).map_err(|error| error.to_string())?;
    let unsupported = [libc::SYS_clone3, libc::SYS_openat2];
    let unsupported = unsupported.map(|call| (call, vec![])).into();
    for (rules, errno) in [(unsupported, libc::ENOSYS), (rules, libc::EPERM)] {
        apply(rules, errno).map_err(|error| format!("could not use seccomp: {error}"))?;
    }
    Ok(())
}

fn apply(rules: Rules, errno: libc::c_int) -> Result<(), seccompiler::Error> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let action = SeccompAction::Errno(errno.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, architecture)?;
    apply_filter(&seccompiler::BpfProgram::try_from(filter)?)
}

/// Returns the rejected system calls. A call without rules is always rejected.
fn rules(method: Method, network: bool) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = REJECTED.map(|call| (call, vec![])).into();
    // bubblewrap creates an IPC namespace, in which commands such as fakeroot(1) can use IPC.
    if method == Method::Landlock {
        rules.extend(IPC.map(|call| (call, vec![])));
    }
    let bits =
        |argument, bits: libc::c_int| condition(argument, SeccompCmpOp::MaskedEq(mask(bits)), bits);
    let namespaces = NAMESPACES.map(|flag| SeccompRule::new(vec![bits(0, flag)?]));
    rules.insert(
        libc::SYS_clone,
        namespaces.into_iter().collect::<Result<_, _>>()?,
    );
    for (call, id) in OTHER_PROCESS {
        let others = SeccompRule::new(vec![condition(id, SeccompCmpOp::Ne, 0)?])?;
        rules.insert(call, vec![others]);
    }
    for (call, process) in SINGLE_PROCESS {
        let sets = SeccompRule::new(vec![condition(0, SeccompCmpOp::Ne, process)?])?;
        rules.entry(call).or_default().push(sets);
    }
    // A terminal of the caller must not receive input.
    let inputs = [libc::TIOCSTI, libc::TIOCLINUX].map(|request| {
        let request = i32::try_from(request).unwrap_or(i32::MAX);
        SeccompRule::new(vec![condition(1, SeccompCmpOp::Eq, request)?])
    });
    rules.insert(
        libc::SYS_ioctl,
        inputs.into_iter().collect::<Result<_, _>>()?,
    );
    // Another user must not be able to execute a file as the user of the command.
    for SetId { call, mode, flags } in set_id_calls() {
        let modes = [libc::S_ISUID, libc::S_ISGID].map(|bit| {
            let bit = i32::try_from(bit).unwrap_or(i32::MAX);
            let mut conditions = vec![bits(mode, bit)?];
            // Without O_CREAT, the mode is not initialized.
            if let Some(flags) = flags {
                conditions.push(bits(flags, libc::O_CREAT)?);
            }
            SeccompRule::new(conditions)
        });
        rules.insert(call, modes.into_iter().collect::<Result<_, _>>()?);
    }
    if network {
        let others = FAMILIES.map(|family| condition(0, SeccompCmpOp::Ne, family));
        let others = others.into_iter().collect::<Result<_, _>>()?;
        rules.insert(libc::SYS_socket, vec![SeccompRule::new(others)?]);
    } else {
        rules.insert(libc::SYS_socket, vec![]);
        let others = condition(0, SeccompCmpOp::Ne, libc::AF_UNIX)?;
        rules.insert(libc::SYS_socketpair, vec![SeccompRule::new(vec![others])?]);
    }
    #[cfg(target_arch = "x86_64")]
    {
        let calls: Vec<i64> = rules.keys().map(|call| call | X32).collect();
        // The numbers of the calls that are different in the x32 ABI.
        let different = (512..=547).map(|call| call | X32);
        rules.extend(
            calls
                .into_iter()
                .chain(different)
                .map(|call| (call, vec![])),
        );
    }
    Ok(rules)
}

/// A system call that sets the mode of a file.
struct SetId {
    call: c_long,
    /// The position of the mode in the arguments.
    mode: u8,
    /// The position of the flags, for calls that open a file.
    flags: Option<u8>,
}

/// Returns the system calls that set the mode of a file.
fn set_id_calls() -> Vec<SetId> {
    let mut calls = vec![
        (libc::SYS_fchmod, 1, None),
        (libc::SYS_fchmodat, 2, None),
        (libc::SYS_fchmodat2, 2, None),
        (libc::SYS_mknodat, 2, None),
        (libc::SYS_openat, 3, Some(2)),
    ];
    #[cfg(target_arch = "x86_64")]
    calls.extend([
        (libc::SYS_chmod, 1, None),
        (libc::SYS_creat, 1, None),
        (libc::SYS_mknod, 1, None),
        (libc::SYS_open, 2, Some(1)),
    ]);
    let calls = calls.into_iter();
    calls
        .map(|(call, mode, flags)| SetId { call, mode, flags })
        .collect()
}

fn mask(bits: libc::c_int) -> u64 {
    u64::from(bits.unsigned_abs())
}

fn condition(
    argument: u8,
    operator: SeccompCmpOp,
    value: libc::c_int,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, mask(value))
}
