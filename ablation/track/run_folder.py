"""A run's folder on this machine: its journal, its checkpoints, and which processes have written there."""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ablation.ownership import held, this_process
from ablation.places import cache_folder, runs_folder, write_whole
from ablation.track.owner import OWNER_TAG, at_work

JOURNAL, TRACKER, BEFORE = "journal", "tracker.json", "before"
SECONDS_TO_LET_GO = 3
"""Waited for a process that only looks, or delivers what is left."""
logger = logging.getLogger("ablation")


@dataclass(frozen=True)
class About:
    """Who writes to the folder, or did so last, and whose the run was before."""

    run_id: str
    tracking_uri: str
    owner: str
    before: str

    @property
    def owners(self) -> tuple[str, str]:
        """The run is the second one's until the tracker knows of the first."""
        return self.owner, self.before


def run_folder(run_id: str) -> Path:
    """Where a run keeps its checkpoints and its journal until it is finished."""
    folder = runs_folder() / run_id
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def lock_of(run_id: str) -> Path:
    """Held by the process that writes to the folder."""
    return cache_folder() / "locks" / f"run-{run_id}"


def about(folder: Path) -> About | None:
    """None where no process has begun yet. Raises OSError or ValueError where it cannot be read."""
    file = folder / TRACKER
    if not file.exists():
        return None
    told = json.loads(file.read_text(encoding="utf-8"))
    try:
        return About(told["run_id"], told["tracking_uri"], told[OWNER_TAG], told.get(BEFORE, ""))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{TRACKER} does not tell whose it is") from error


@contextmanager
def alone(run_id: str) -> Iterator[None]:
    """Within the block no other process of this machine writes to the run's folder. Raises AtWork."""
    until = time.monotonic() + SECONDS_TO_LET_GO
    while True:
        with held(lock_of(run_id), wait=False) as ours:
            if ours:
                yield
                return
        if time.monotonic() > until:
            raise at_work(run_id, _owner_here(run_id))
        time.sleep(0.1)


def take_over(run_id: str, owner: str, tracking_uri: str) -> Path:
    """Has this process write to the folder. Where the run has gone on elsewhere since, as its `owner` on the tracker
    shows, what lies here is older and is set aside.
    """
    folder = run_folder(run_id)
    with suppress(ValueError):
        known = about(folder)
        if known and owner and owner not in known.owners:
            folder = _set_aside(folder, owner)
    told = {"tracking_uri": tracking_uri, "run_id": run_id, OWNER_TAG: this_process(), BEFORE: owner}
    write_whole(folder / TRACKER, json.dumps(told), mode=0o600)  # the address may hold a password
    return folder


def _set_aside(folder: Path, owner: str) -> Path:
    aside = cache_folder() / "set-aside" / f"{folder.name}-{time.time_ns()}"
    aside.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(aside)
    logger.warning(
        "run %s has gone on elsewhere (%s) since it was here: what it left here is older than what the tracker has "
        "and lies in %s, which may be removed",
        folder.name,
        owner.split()[0],
        aside,
    )
    return run_folder(folder.name)


def _owner_here(run_id: str) -> str:
    with suppress(OSError, ValueError):
        known = about(runs_folder() / run_id)
        return known.owner if known else ""
    return ""
