"""Who is at work on something: locks between processes of a machine, and marks that tell whether an owner lives."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNKNOWN = "unknown"


@contextmanager
def held(file: Path, wait: bool) -> Iterator[bool]:
    """Holds the lock of that file within the block; False when another process has it and `wait` is not
    asked for. The lock of a process that dies is free at once.
    """
    import fcntl  # a model takes this module along, to machines that lack it

    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


def this_process() -> str:
    """A mark of this process that no other one will ever have: host, boot, process, its start, and among which processes
    its number is the only one (containers of a machine may share all but that).
    """
    return f"{socket.gethostname()} {_boot()} {os.getpid()} {_started(os.getpid())} {_numbered_by()}"


def is_alive(owner: str) -> bool | None:
    """Whether the process with that mark still runs; None when it is of another machine or container. An earlier
    version's marks end with the start.
    """
    host, boot, process, started, numbered_by = (owner.split() + [UNKNOWN] * 5)[:5]
    if (host, boot) != (socket.gethostname(), _boot()) or numbered_by not in (UNKNOWN, _numbered_by()):
        return None
    return process.isdigit() and _started(int(process)) == started != UNKNOWN


def _boot() -> str:
    return _read(Path("/proc/sys/kernel/random/boot_id"))[:13]


def _numbered_by() -> str:
    """The kernel's number of the space of process numbers that this process is in."""
    try:
        return os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return UNKNOWN


def _started(process: int) -> str:
    """When a process began, in the kernel's ticks since boot; `unknown` when there is none (or a zombie)."""
    after_name = _read(Path(f"/proc/{process}/stat")).rpartition(")")[2].split()
    return after_name[19] if len(after_name) > 19 and after_name[0] != "Z" else UNKNOWN


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return UNKNOWN
