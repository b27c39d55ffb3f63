"""What unfinished runs keep on this machine, and when it is of no use any more."""

import shutil

from ablation.places import runs_folder
from ablation.track.left_behind import undelivered
from ablation.track.query import find_runs


def remove_left_folders(cell: str) -> None:
    """Of a cell that is finished now: the checkpoints of the tries before go, unless someone is at such a run or the
    tracker lacks some of it.
    """
    kept = {waiting.run_id for waiting in undelivered()}
    for run in find_runs("train", extra=f"tags.cell_hash = '{cell}'"):
        if not run.is_alive and run.run_id not in kept:
            shutil.rmtree(runs_folder() / run.run_id, ignore_errors=True)
