"""What a run has to tell the tracker, on disk, in order, until the tracker has taken it."""

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from ablation.places import write_whole

MOST_AT_ONCE = {"metrics": 1000, "params": 100, "tags": 100}
"""In one of MLflow's batches."""
LINES, TAKEN, FILES = "journal.jsonl", "taken", "files"


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
        if last is not None and any(len(more[name]) > most for name, most in MOST_AT_ONCE.items()):
            break
        held, last = more, entry
    return entries[0] if last is None else Entry(last.number, "batch", held)


class Journal:
    """Entries are on disk before `append` returns. One process at a time writes to a folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        _cut_torn_line(folder / LINES)
        self.entries = read(folder / LINES)
        self.done = _number(folder / TAKEN)

    def append(self, call: str, arguments: dict[str, Any]) -> Entry:
        """Raises OSError where the disk refuses it, and is then as it was before."""
        entry = Entry(len(self.entries), call, arguments)
        line = json.dumps([entry.call, entry.arguments]) + "\n"
        with (self.folder / LINES).open("ab") as file:
            start = file.tell()
            try:
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                file.truncate(start)
                raise
        self.entries.append(entry)
        return entry

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

    def new_folder(self) -> Path:
        """For the file of one entry, which goes when that is taken."""
        (self.folder / FILES).mkdir(exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self.folder / FILES))


def read(file: Path) -> list[Entry]:
    """The whole lines; one that was torn when its process was killed was never told of."""
    if not file.exists():
        return []
    lines = file.read_bytes().split(b"\n")[:-1]
    return [Entry(number, *json.loads(line)) for number, line in enumerate(lines)]


def _cut_torn_line(file: Path) -> None:
    """What a killed process began to write at the end."""
    written = file.read_bytes() if file.exists() else b""
    whole = written.rfind(b"\n") + 1
    if whole != len(written):
        os.truncate(file, whole)


def _number(file: Path) -> int:
    text = file.read_text() if file.exists() else ""
    return int(text) if text.isdigit() else 0
