"""Whether a process of this machine runs, is suspended or has ended, as the Linux kernel says.

Unlike a missing message, that is no matter of time: a process that waits for a busy core runs.
"""

from __future__ import annotations

import os
import re
from enum import Enum
from functools import cache
from pathlib import Path

PROC = Path("/proc")
PF_EXITING = 0x4  # linux/sched.h: the process is being taken down
STATE, FLAGS, START_TIME = 0, 6, 19
"""Fields of /proc/PID/stat after the name: fields 3, 9 and 22 of proc_pid_stat(5)."""


class ProcessState(Enum):
    """What the kernel says of a process."""

    RUNNING = "runs"
    SUSPENDED = "is suspended"
    ENDED = "has ended"
    UNKNOWN = "is on another machine or in another container"


@cache
def own_process() -> str:
    """Return the name of this process, unlike that of any other process of any machine.

    It consists of boot id, PID namespace, process id and start time; empty where /proc is none of
    Linux.
    """
    try:
        pid = os.getpid()
        return f"{_machine()}/{pid}/{_stat(pid)[START_TIME]}"
    except OSError:
        return ""


def process_state(process: str) -> ProcessState:
    """Return the state of a process by the name that `own_process` gave it there."""
    machine, _, rest = process.partition("/")
    pid, _, start = rest.partition("/")
    try:
        if machine != _machine() or not re.fullmatch("[0-9]{1,10}", pid):
            return ProcessState.UNKNOWN
        stat = _stat(int(pid))
    except (FileNotFoundError, ProcessLookupError):
        return ProcessState.ENDED
    except OSError:  # not readable
        return ProcessState.UNKNOWN
    if stat[START_TIME] != start or stat[STATE] in "ZX" or int(stat[FLAGS]) & PF_EXITING:
        return ProcessState.ENDED
    return ProcessState.SUSPENDED if stat[STATE] in "Tt" else ProcessState.RUNNING


@cache
def _machine() -> str:
    boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}-{(PROC / 'self/ns/pid').stat().st_ino}"


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name, which may hold spaces."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
