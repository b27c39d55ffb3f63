"""A run's last and best checkpoint, on disk and in the tracker."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ablation.console import Console
from ablation.errors import AblationError, TrackingError
from ablation.track.mlflow_run import MlflowRun
from ablation.track.query import download
from ablation.track.run_folder import run_folder
from ablation.train.checkpoint import copy_checkpoint, load_checkpoint, save_checkpoint

LAST, BEST, BEFORE = "last.pt", "best.pt", "before-last.pt"
PLACE = "checkpoints"
SHARE = 0.01
SECONDS_BETWEEN = 30


class Checkpoints:
    """Written so often that it takes about 1 % of the time, and every half minute at most. Until then they are
    kept in memory; `write` puts them down at the end, also of a run that was stopped.
    """

    def __init__(self, run: MlflowRun, folder: Path):
        self.run, self.folder = run, folder
        self.unwritten: dict[str, dict[str, Any]] = {}
        self.due = time.monotonic() + SECONDS_BETWEEN

    @property
    def are_due(self) -> bool:
        """Whether so much time has gone by that one should be written."""
        return time.monotonic() >= self.due

    def keep(self, contents: dict[str, Any], is_best: bool) -> None:
        """The contents of a checkpoint; `is_best` at the end of the best epoch so far."""
        self.unwritten[LAST] = contents
        if is_best:
            self.unwritten[BEST] = contents
        if self.are_due:
            self.write()

    def write(self) -> None:
        """What is not on disk yet; all of it before any of it is uploaded, which may fail. The checkpoint before
        the last stays on disk.
        """
        started = time.monotonic()
        names, best = [name for name in (BEST, LAST) if name in self.unwritten], self.unwritten.get(BEST)
        self._keep_before()
        for name in names:
            contents = self.unwritten.pop(name)
            if name == LAST and contents is best:
                copy_checkpoint(self.folder / BEST, self.folder / LAST)
            else:
                save_checkpoint(self.folder / name, contents)
        for name in names:
            self.run.log_file(self.folder / name, PLACE)
        now = time.monotonic()
        self.due = now + max(SECONDS_BETWEEN, (now - started) / SHARE)

    def _keep_before(self) -> None:
        with suppress(OSError):  # there is none yet, or this disk has no links
            (self.folder / BEFORE).unlink(missing_ok=True)
            os.link(self.folder / LAST, self.folder / BEFORE)


def starting_point(run: MlflowRun, identity: dict[str, str], console: Console) -> dict[str, Any] | None:
    """The contents of the newest whole checkpoint that a run has, on this machine or in the tracker; None when it
    has none, or has lost its best one. Raises TrackingError when they are another configuration's.
    """
    for file in _candidates(run):
        try:
            contents = load_checkpoint(file)
            if contents["state"]["best_epoch"]:
                load_checkpoint(find_checkpoint(run, BEST))
        except AblationError as error:
            console.say(f"{error}; looking for an earlier one")
            continue
        _require(identity, contents["identity"], run)
        return contents
    return None


def find_checkpoint(run: MlflowRun, name: str) -> Path:
    """The file on this machine; fetched from the tracker when it is not here. Raises TrackingError."""
    return run.folder / name if (run.folder / name).exists() else _fetch(run.run_id, name, run.folder)


def inherit(run: MlflowRun, earlier: str) -> None:
    """Gives a run the checkpoints of an unfinished one of the same cell, which it goes on from."""
    there = run_folder(earlier)
    for name in (BEST, LAST):
        with suppress(TrackingError):
            file = there / name if (there / name).exists() else _fetch(earlier, name, there)
            copy_checkpoint(file, run.folder / name)
            run.log_file(run.folder / name, PLACE)


def _candidates(run: MlflowRun) -> Iterator[Path]:
    yield from (run.folder / name for name in (LAST, BEFORE) if (run.folder / name).exists())
    with tempfile.TemporaryDirectory() as folder, suppress(TrackingError):
        yield _fetch(run.run_id, LAST, Path(folder))


def _fetch(run_id: str, name: str, folder: Path) -> Path:
    with tempfile.TemporaryDirectory(dir=folder) as beside:
        return Path(shutil.move(download(run_id, f"{PLACE}/{name}", Path(beside)), folder / name))


def _require(identity: dict[str, str], found: dict[str, str], run: MlflowRun) -> None:
    differing = sorted(name for name, text in identity.items() if found.get(name) != text)
    if differing:
        told = ", ".join(f"{name}={found.get(name)} there, {identity[name]} here" for name in differing)
        raise TrackingError(f"run {run.run_id} cannot go on with another configuration: {told}")
