"""Who is at work on something: locks between processes of a machine, and marks that tell whether an owner lives."""

import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from ablation.places import cache_folder, write_whole

UNKNOWN, HERE = "unknown", "here"


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
    """A mark of this process that no other one will ever have: host, boot, process, its start, among which processes its
    number is the only one (containers of a machine may share all but that), and whose cache it works with.
    """
    began = _started(os.getpid())
    return f"{socket.gethostname()} {_boot()} {os.getpid()} {began} {_numbered_by()} {_cache_mark()}"


def is_alive(owner: str) -> bool | None:
    """Whether the process with that mark still runs; None when it is of another machine or container. An earlier
    version's marks end with the start. Of another boot is a process of this machine before it started anew, where it
    worked with the same cache: dead; or one of another machine of the same name.
    """
    host, boot, process, started, numbered_by, cache_mark = (owner.split() + [UNKNOWN] * 6)[:6]
    if host != socket.gethostname():
        return None
    if boot != _boot():
        return False if cache_mark == _cache_mark() != UNKNOWN else None
    if numbered_by not in (UNKNOWN, _numbered_by()):
        return None
    return process.isdigit() and _started(int(process)) == started != UNKNOWN


@cache
def _cache_mark() -> str:
    """Made once for a cache folder, which another machine of the same name does not have."""
    file = cache_folder() / HERE
    try:
        with held(cache_folder() / "locks" / HERE, wait=True):
            if not file.exists():
                write_whole(file, uuid.uuid4().hex[:12])
            return file.read_text().strip() or UNKNOWN
    except OSError:
        return UNKNOWN


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
