"""A run's last and best checkpoint, on disk and in the tracker."""

import time
from pathlib import Path
from typing import Any

from ablation.track.mlflow_run import MlflowRun
from ablation.train.checkpoint import copy_checkpoint, save_checkpoint

LAST, BEST = "last.pt", "best.pt"
PLACE = "checkpoints"
SHARE = 0.01
FIRST_SECONDS = 30


class Checkpoints:
    """Written so often that it takes about 1 % of the time, first after some seconds. Until then they are
    kept in memory; `write` puts them down at the end, also of a run that was stopped.
    """

    def __init__(self, run: MlflowRun, folder: Path):
        self.run, self.folder = run, folder
        self.unwritten: dict[str, dict[str, Any]] = {}
        self.due = time.monotonic() + FIRST_SECONDS

    def keep(self, contents: dict[str, Any], is_best: bool) -> None:
        """The contents of an epoch's checkpoint."""
        self.unwritten[LAST] = contents
        if is_best:
            self.unwritten[BEST] = contents
        if time.monotonic() >= self.due:
            self.write()

    def write(self) -> None:
        """What is not on disk yet; all of it before any of it is uploaded, which may fail."""
        started = time.monotonic()
        names, best = [name for name in (BEST, LAST) if name in self.unwritten], self.unwritten.get(BEST)
        for name in names:
            contents = self.unwritten.pop(name)
            if name == LAST and contents is best:
                copy_checkpoint(self.folder / BEST, self.folder / LAST)
            else:
                save_checkpoint(self.folder / name, contents)
        for name in names:
            self.run.log_file(self.folder / name, PLACE)
        now = time.monotonic()
        self.due = now + (now - started) / SHARE
