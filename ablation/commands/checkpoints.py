"""A run's last and best checkpoint, on disk and in the tracker."""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ablation.console import Console
from ablation.errors import AblationError, TrackingError
from ablation.places import runs_folder
from ablation.track.mlflow_run import MlflowRun
from ablation.track.query import RunRecord, download, has_artifact
from ablation.track.run_folder import run_folder
from ablation.train.checkpoint import copy_checkpoint, damage_told, load_checkpoint, save_checkpoint

LAST, BEST, BEFORE = "last.pt", "best.pt", "before-last.pt"
PLACE = "checkpoints"
SHARE = 0.01
SECONDS_BETWEEN = 30


class Checkpoints:
    """Written so often that it takes about 1 % of the time, and every half minute at most. Until then they are
    kept in memory; `write` puts them down at the end, also of a run that was stopped. Any thread may call.
    """

    def __init__(self, run: MlflowRun, folder: Path):
        self.run, self.folder = run, folder
        self.unwritten: dict[str, dict[str, Any]] = {}
        self.one_at_a_time = threading.Lock()
        self.due = time.monotonic() + SECONDS_BETWEEN

    @property
    def are_due(self) -> bool:
        """Whether so much time has gone by that one should be written."""
        return time.monotonic() >= self.due

    def keep(self, contents: dict[str, Any], is_best: bool) -> None:
        """The contents of a checkpoint; `is_best` at the end of the best epoch so far."""
        with self.one_at_a_time:
            self.unwritten[LAST] = contents
            if is_best:
                self.unwritten[BEST] = contents
            if self.are_due:
                self._write()

    def write(self) -> None:
        """What is not on disk yet; all of it before any of it is uploaded, which may fail. The checkpoint before
        the last stays on disk.
        """
        with self.one_at_a_time:
            self._write()

    def _write(self) -> None:
        started = time.monotonic()
        names, best = [name for name in (BEST, LAST) if name in self.unwritten], self.unwritten.get(BEST)
        if LAST in names:
            self._keep_before()
        for name in names:
            contents = self.unwritten[name]
            if name == LAST and contents is best:
                copy_checkpoint(self.folder / BEST, self.folder / LAST)
            else:
                save_checkpoint(self.folder / name, contents)
        self.unwritten.clear()
        for name in names:
            self.run.log_file(self.folder / name, PLACE)
        now = time.monotonic()
        self.due = now + max(SECONDS_BETWEEN, (now - started) / SHARE)

    def _keep_before(self) -> None:
        with suppress(OSError):  # there is none yet, or this disk has no links
            (self.folder / BEFORE).unlink(missing_ok=True)
            os.link(self.folder / LAST, self.folder / BEFORE)


@dataclass(frozen=True)
class Point:
    """Where a run can go on: its last checkpoint, loaded, and the best one that goes with it, if any."""

    last: Path
    best: Path | None
    contents: dict[str, Any]


def starting_point(run: MlflowRun, identity: dict[str, str], console: Console) -> dict[str, Any] | None:
    """The contents of the newest whole checkpoint that a run has, on this machine or in the tracker; None when it
    has none, or has lost its best one. Raises TrackingError when they are another configuration's, or when one that
    the tracker has cannot be fetched.
    """
    point = _newest_whole(run.run_id, console)
    if point is None:
        return None
    _require(identity, point.contents["identity"], run)
    return point.contents


def find_checkpoint(run: MlflowRun, name: str) -> Path:
    """The file on this machine; fetched from the tracker when it is not here. Raises TrackingError."""
    for file in _files(run.run_id, name):
        return file
    raise TrackingError(f"run {run.run_id} has no checkpoint {name}")


def inherit(run: MlflowRun, earlier: str, console: Console) -> None:
    """Gives a run the checkpoints of an unfinished one of the same cell, which it goes on from. Raises TrackingError
    when they cannot be fetched.
    """
    point = _newest_whole(earlier, console)
    for name, file in ((BEST, point.best), (LAST, point.last)) if point else ():
        if file is not None:
            copy_checkpoint(file, run.folder / name)
            run.log_file(run.folder / name, PLACE)


def furthest(runs: Sequence[RunRecord]) -> RunRecord | None:
    """Of unfinished runs of the same work, oldest first, the newest that has a checkpoint here or in the tracker; the
    newest where none has.
    """
    trained = (run for run in reversed(runs) if _has_checkpoint(run.run_id))
    return next(trained, runs[-1] if runs else None)


def _has_checkpoint(run_id: str) -> bool:
    return (runs_folder() / run_id / LAST).exists() or has_artifact(run_id, f"{PLACE}/{LAST}")


def _newest_whole(run_id: str, console: Console) -> Point | None:
    damaged = False
    for file in _files(run_id, LAST, BEFORE):
        try:
            contents = load_checkpoint(file)
            return Point(file, _best_for(run_id, contents["state"]), contents)
        except TrackingError:  # it may be whole: to begin anew would overwrite it
            raise
        except AblationError as error:
            damaged = True
            console.say(f"{damage_told(error)}; looking for an earlier one")
    if damaged:
        console.say(f"run {run_id}: no whole checkpoint is left: the training begins anew")
    return None


def _best_for(run_id: str, state: dict[str, Any]) -> Path | None:
    """The best weights that go with a last checkpoint, None where it has none yet. Those of a later epoch do too: it
    will come again. Raises AblationError when they are lost.
    """
    wanted, problem = state.get("best_epoch"), f"run {run_id} has lost its best checkpoint"
    for file in _files(run_id, BEST) if wanted else ():
        try:
            epoch = load_checkpoint(file)["state"].get("epoch", 0)
        except AblationError as error:
            problem = damage_told(error)
            continue
        if epoch == wanted or epoch > state["epoch"]:
            return file
        problem = f"{file} is of epoch {epoch}, not {wanted}"
    if wanted:
        raise AblationError(problem)
    return None


def _files(run_id: str, *names: str) -> Iterator[Path]:
    """Those of that name on this machine, then the tracker's copy of the first, which takes the place of the one here.
    Raises TrackingError when there is one that cannot be fetched.
    """
    folder = run_folder(run_id)
    yield from (folder / name for name in names if (folder / name).exists())
    if has_artifact(run_id, f"{PLACE}/{names[0]}"):
        with tempfile.TemporaryDirectory(dir=folder) as beside:
            fetched = download(run_id, f"{PLACE}/{names[0]}", Path(beside))
            shutil.move(fetched, folder / names[0])
        yield folder / names[0]


def _require(identity: dict[str, str], found: dict[str, str], run: MlflowRun) -> None:
    differing = sorted(name for name, text in identity.items() if found.get(name) != text)
    if differing:
        told = ", ".join(f"{name}={found.get(name)} there, {identity[name]} here" for name in differing)
        raise TrackingError(f"run {run.run_id} cannot go on with another configuration: {told}")
