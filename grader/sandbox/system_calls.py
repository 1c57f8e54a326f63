"""A filter of system calls (seccomp): what no backpropagation needs, the kernel refuses.

Namespaces keep a submission from files and networks; limits keep it from eating up the machine, each process on its
own. What is left over, the filter closes: new processes, memory that no limit counts (System V and anonymous files),
other processes, keys, new namespaces, and the parts of the kernel where its past holes were. Refused is refused by an
error (EPERM), which in Python is an exception like any other.
"""

from __future__ import annotations

import errno
import platform
import struct
from typing import NamedTuple


class Machine(NamedTuple):
    """The kernel's number of an architecture (AUDIT_ARCH), and which system calls begin another calling convention."""

    audit: int
    foreign: int | None


MACHINES = {"x86_64": Machine(0xC000003E, 0x40000000), "aarch64": Machine(0xC00000B7, None)}

# System calls by number, on x86_64 and on aarch64 (asm/unistd_64.h, asm-generic/unistd.h); None: it has none.
REFUSED: dict[str, tuple[int | None, int | None]] = {
    # Processes and programs.
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    # Other processes: signals, memory, priorities.
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "setpriority": (141, 140),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "ioprio_set": (251, 30),
    "setsid": (112, 157),
    "setpgid": (109, 154),
    # Memory outside of all limits.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Networks.
    "socket": (41, 198),
    "socketpair": (53, 199),
    "bind": (49, 200),
    "connect": (42, 203),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    # Namespaces and mounts.
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # What others do with their files.
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262),
    # What is noted down of files, whoever may change it.
    "truncate": (76, 45),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    # Machinery of the kernel.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "personality": (135, 92),
}
CLONE, CLONE3, PRLIMIT = (56, 220), (435, 435), (302, 261)
PRCTL, FCNTL, IOCTL = (157, 167), (72, 25), (16, 29)

# clone(2): a new thread, and any of the flags that ask for new namespaces.
CLONE_THREAD, CLONE_NEW = 0x00010000, 0x7E020080

# Classic BPF: load a word of the call's description; jump where it is equal, not less, or has common bits; return.
LOAD, EQUAL, NOT_LESS, COMMON, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, SECOND_ARGUMENT = 0, 4, 16, 24
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
ABSENT = 0x00050000 | errno.ENOSYS

# System calls that are refused for some commands, and by which argument those are known.
COMMANDS = (
    (PRCTL, FIRST_ARGUMENT, (1,)),  # PR_SET_PDEATHSIG: no worker outlives the grader
    # To whom a file sends signals, and which; leases and notifications, which send some as well:
    (FCNTL, SECOND_ARGUMENT, (8, 10, 15, 1024, 1026)),  # F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY
    (IOCTL, SECOND_ARGUMENT, (0x8901, 0x8902, 0x5452)),  # FIOSETOWN, SIOCSPGRP, FIOASYNC
)


def filter_program(machine: str | None = None) -> bytes:
    """The filter as a classic BPF program for an architecture, this one by default; empty where none is known."""
    machine = machine or platform.machine()
    if machine not in MACHINES:
        return b""
    known, column = MACHINES[machine], list(MACHINES).index(machine)
    program = [*_unless(EQUAL, known.audit, KILL, load=ARCHITECTURE), _step(LOAD, NUMBER)]
    if known.foreign is not None:
        program += _where(NOT_LESS, known.foreign, REFUSE)
    for numbers in REFUSED.values():
        number = numbers[column]
        if number is not None:
            program += _where(EQUAL, number, REFUSE)
    # The C library takes clone3 for absent, and makes its threads by clone, whose flags can be looked at.
    program += _where(EQUAL, CLONE3[column], ABSENT)
    only_threads = [
        _step(LOAD, FIRST_ARGUMENT),
        *_where(COMMON, CLONE_NEW, REFUSE),
        *_where(COMMON, CLONE_THREAD, ALLOW),
        _step(RETURN, REFUSE),
    ]
    only_itself = [_step(LOAD, FIRST_ARGUMENT), *_unless(EQUAL, 0, REFUSE), _step(RETURN, ALLOW)]
    program += [_step(EQUAL, CLONE[column], 0, len(only_threads)), *only_threads]
    program += [_step(EQUAL, PRLIMIT[column], 0, len(only_itself)), *only_itself]
    for numbers, argument, commands in COMMANDS:
        refused = [step for command in commands for step in _where(EQUAL, command, REFUSE)]
        looked_at = [_step(LOAD, argument), *refused, _step(RETURN, ALLOW)]
        program += [_step(EQUAL, numbers[column], 0, len(looked_at)), *looked_at]
    return b"".join([*program, _step(RETURN, ALLOW)])


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction: what to do, with what, and how many instructions to skip."""
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _where(test: int, value: int, verdict: int) -> list[bytes]:
    """Return the verdict where the loaded word passes the test."""
    return [_step(test, value, 0, 1), _step(RETURN, verdict)]


def _unless(test: int, value: int, verdict: int, load: int | None = None) -> list[bytes]:
    """Return the verdict where it does not; first load a word, where one is named."""
    loaded = [] if load is None else [_step(LOAD, load)]
    return [*loaded, _step(test, value, 1, 0), _step(RETURN, verdict)]
