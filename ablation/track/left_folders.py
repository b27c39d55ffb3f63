"""What unfinished runs keep on this machine, and when it is of no use any more."""

import shutil
from contextlib import suppress

from ablation.places import runs_folder
from ablation.track.left_behind import is_told
from ablation.track.owner import AtWork
from ablation.track.query import find_runs
from ablation.track.run_folder import alone


def remove_left_folders(cell: str) -> None:
    """Of a cell that is finished now: the checkpoints of the tries before go, unless someone is at such a run or the
    tracker lacks some of it.
    """
    for run in find_runs("train", extra=f"tags.cell_hash = '{cell}'"):
        folder = runs_folder() / run.run_id
        if folder.exists() and not run.is_alive:
            with suppress(AtWork), alone(run.run_id):
                if is_told(folder):
                    shutil.rmtree(folder, ignore_errors=True)
