"""What a run has to tell the tracker, on disk, in order, until the tracker has taken it."""

import fcntl
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from ablation.places import write_whole
from ablation.stopping import whole

MOST_AT_ONCE, MOST_IN_ALL = {"metrics": 1000, "params": 100, "tags": 100}, 1000
"""In one of MLflow's batches."""
LINES, TAKEN, FILES, TELLING = "journal.jsonl", "taken", "files", "telling"
logger = logging.getLogger("ablation")


@dataclass(frozen=True)
class Entry:
    """One thing to tell: its place in the order, from 0, and plain values."""

    number: int
    call: str
    arguments: dict[str, Any]


def together(entries: Sequence[Entry]) -> Entry:
    """The first entry and those right after it that can be told with it in one call, under the number of the last:
    of `batch` entries, as many as MLflow takes at once; later tags win.
    """
    held: dict[str, Any] = {"metrics": [], "params": {}, "tags": {}}
    last = None
    for entry in takewhile(lambda each: each.call == "batch", entries):
        more = {
            "metrics": held["metrics"] + list(entry.arguments.get("metrics", ())),
            "params": held["params"] | entry.arguments.get("params", {}),
            "tags": held["tags"] | entry.arguments.get("tags", {}),
        }
        if last is not None and not _fits(more):
            break
        held, last = more, entry
    return entries[0] if last is None else Entry(last.number, "batch", held)


def _fits(batch: dict[str, Any]) -> bool:
    counts = {name: len(batch[name]) for name in MOST_AT_ONCE}
    return sum(counts.values()) <= MOST_IN_ALL and all(counts[n] <= most for n, most in MOST_AT_ONCE.items())


class Journal:
    """Entries are on disk before `append` returns. One process at a time writes to a folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.entries, self.size = read(folder / LINES)
        self.done = min(number_taken(folder), len(self.entries))

    def append(self, call: str, arguments: dict[str, Any]) -> Entry:
        """Raises OSError where the disk refuses it, and is then as it was before."""
        entry = Entry(len(self.entries), call, arguments)
        line = (json.dumps([entry.call, entry.arguments]) + "\n").encode()
        with whole():
            self._write(line)
            self.entries.append(entry)
            self.size += len(line)
        return entry

    def _write(self, line: bytes) -> None:
        """Behind the whole lines, in place of what a write that broke off has left there."""
        file = os.open(self.folder / LINES, os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            os.ftruncate(file, self.size)
            os.lseek(file, self.size, os.SEEK_SET)
            written = 0
            while written < len(line):
                written += os.write(file, line[written:])
            os.fsync(file)
        except BaseException:
            with suppress(OSError):
                os.ftruncate(file, self.size)
            raise
        finally:
            os.close(file)

    def waiting(self) -> list[Entry]:
        """What was not taken yet."""
        return self.entries[self.done :]

    def take(self, entry: Entry) -> None:
        """The tracker has it. A process killed just before this tells it twice, with the same time stamps."""
        write_whole(self.folder / TAKEN, str(entry.number + 1))
        self.done = entry.number + 1
        file = Path(entry.arguments.get("file", ""))
        if file.is_relative_to(self.folder / FILES):
            shutil.rmtree(file.parent, ignore_errors=True)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Within the block nobody else does: waits for what one that has let go of the folder still sends."""
        file = os.open(self.folder / TELLING, os.O_RDWR | os.O_CREAT, 0o666)  # NFS locks no file for reading
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def new_folder(self) -> Path:
        """For the file of one entry, which goes when that is taken."""
        (self.folder / FILES).mkdir(exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self.folder / FILES))


def read(file: Path) -> tuple[list[Entry], int]:
    """The whole lines and their bytes; one that was torn when its process was killed was never told of."""
    written = file.read_bytes() if file.exists() else b""
    size = written.rfind(b"\n") + 1
    return [_entry(file, n, line) for n, line in enumerate(written[:size].split(b"\n")[:-1])], size


def number_taken(folder: Path) -> int:
    """How many entries of the journal in that folder the tracker has."""
    file = folder / TAKEN
    text = file.read_text() if file.exists() else ""
    return int(text) if text.isdecimal() else 0


def _entry(file: Path, number: int, line: bytes) -> Entry:
    """One that the disk has damaged keeps its place and tells nothing."""
    try:
        return Entry(number, *json.loads(line))
    except (ValueError, TypeError):
        logger.warning("line %d of %s is damaged: what it told is lost", number + 1, file)
        return Entry(number, "batch", {})
