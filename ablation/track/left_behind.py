"""What dead processes left: runs that still read RUNNING, and journals that the tracker has not taken."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import RunTag
from mlflow.exceptions import MlflowException

from ablation.errors import AblationError, TrackingError
from ablation.ownership import held, is_alive
from ablation.places import runs_folder
from ablation.track.clock import now
from ablation.track.delivery import Delivery
from ablation.track.endings import FAILURE_TAG, LONGEST_TAG, NOTE_TAG, ended_early
from ablation.track.journal import LINES, Journal, number_taken, read
from ablation.track.mlflow_run import CONTINUES_TAG, PARENT_TAG
from ablation.track.owner import HEARTBEAT_TAG, OWNER_TAG, AtWork, silence
from ablation.track.patience import in_short, patiently
from ablation.track.query import RunRecord, find_runs, get_record
from ablation.track.run_folder import JOURNAL, TRACKER, about, alone, lock_of
from ablation.track.sending import Sender
from ablation.track.store import is_elsewhere

KINDS = ("train", "pretrain", "study")
"""Whose processes end them; what `mlflow run` opened for other commands it ends itself, a moment after their process."""
SECONDS_FOR_MLFLOW = 120
OURS = f"tags.{OWNER_TAG} LIKE '% % % %' and tags.{HEARTBEAT_TAG} LIKE '1%'"
REASON = "its process died or was killed; the same command goes on where it was"
logger = logging.getLogger("ablation")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Waiting:
    """A run's journal on this machine, whose process is gone."""

    folder: Path
    run_id: str
    tracking_uri: str
    owners: tuple[str, str]
    entries: int


def mark_dead_runs(say: Say) -> list[RunRecord]:
    """Runs that read RUNNING while no process is at them become KILLED, once what they left here is delivered; those
    that this has brought to their end are returned.
    """
    finished = []
    for run in find_runs(None, extra=f"{OURS} and attributes.status = 'RUNNING'"):
        if run.is_alive or (run.tags.get("kind") not in KINDS and silence(run.tags) < SECONDS_FOR_MLFLOW):
            continue
        told = f"run {run.run_id} ({run.name})"
        try:
            with alone(run.run_id):
                ended = _brought_to_its_end(run, told, say)
        except AtWork:  # someone delivers it or goes on with it, just now
            continue
        except (AblationError, MlflowException) as error:
            say(f"{told} reads RUNNING, but no process is at it; it cannot be marked: {in_short(error)}")
            continue
        if ended.status == "FINISHED":
            finished.append(ended)
    return finished


def _brought_to_its_end(run: RunRecord, told: str, say: Say) -> RunRecord:
    """As it is now. Raises TrackingError or MlflowException where the tracker does not take its mark."""
    waiting = _left_in(runs_folder() / run.run_id)
    if waiting and is_elsewhere(waiting.tracking_uri):
        say(
            f"{told}: what its process left is another store's, which  python -m ablation deliver  brings there"
        )
    elif waiting:
        say(f"{told}: {_try_to_deliver(waiting)}")
    run = get_record(run.run_id)
    if run.status != "RUNNING" or run.is_alive:  # it was delivered to its end, or someone goes on with it
        return run
    page = ended_early("KILLED", REASON, run.tags.get(NOTE_TAG, ""))[:LONGEST_TAG]
    tags = [RunTag(FAILURE_TAG, REASON), RunTag(NOTE_TAG, page)]
    patiently(lambda: MlflowClient().log_batch(run.run_id, tags=tags))
    ended = max(run.started, int(run.tags.get(HEARTBEAT_TAG, now())))
    patiently(lambda: MlflowClient().set_terminated(run.run_id, "KILLED", ended))
    say(f"{told} read RUNNING, but {REASON}: now KILLED")
    return run


def _try_to_deliver(waiting: Waiting) -> str:
    try:
        return _deliver(waiting, 0)
    except AblationError as error:
        return str(error)


def left_unfinished(cell: str) -> list[RunRecord]:
    """Runs of a cell, oldest first, that are not finished, not at work and no part of a study, and that no run which is
    finished or at work has gone on from.
    """
    left, gone_on_from = [], set()
    for run in reversed(find_runs("train", extra=f"tags.cell_hash = '{cell}'")):
        if run.status == "FINISHED" or run.is_alive or run.run_id in gone_on_from:
            gone_on_from.add(run.tags.get(CONTINUES_TAG))
        elif PARENT_TAG not in run.tags:
            left.insert(0, run)
    return left


def undelivered() -> Iterator[Waiting]:
    """Journals of this machine that the tracker has not taken whole and that no process is at."""
    for place in sorted(runs_folder().glob(f"*/{TRACKER}")):
        waiting = _left_in(place.parent)
        if waiting:
            with held(lock_of(waiting.run_id), wait=False) as free:
                pass
            if free:
                yield waiting


def _left_in(folder: Path) -> Waiting | None:
    """What a process that is gone has left; None where that is nothing, or cannot be read, which is told."""
    try:
        known = about(folder)
        if known is None or is_alive(known.owner):
            return None
        entries = _entries_in(folder)
    except (OSError, ValueError) as error:
        logger.warning("%s cannot be read and stays as it is: %s", folder, in_short(error))
        return None
    if entries <= 0:
        return None
    return Waiting(folder, known.run_id, known.tracking_uri, known.owners, entries)


def is_told(folder: Path) -> bool:
    """Whether the tracker has all that a run has left there; not where that cannot be read."""
    try:
        return _entries_in(folder) <= 0
    except (OSError, ValueError):
        return False


def _entries_in(folder: Path) -> int:
    return len(read(folder / JOURNAL / LINES)[0]) - number_taken(folder / JOURNAL)


def deliver(run_id: str, patience: float = 0) -> str:
    """Tells the tracker what the run's dead process left here; how that went. Raises Undelivered or
    TrackingError.
    """
    with alone(run_id):
        waiting = _left_in(runs_folder() / run_id)
        return _deliver(waiting, patience) if waiting else "another process has delivered what was left"


def _deliver(waiting: Waiting, patience: float) -> str:
    sender = Sender(MlflowClient(), waiting.run_id, waiting.owners)
    try:
        patiently(sender.check, patience)
    except MlflowException as error:
        raise TrackingError(
            f"the tracking server does not take it: {in_short(error)}. What is left waits in {waiting.folder}; remove "
            "that folder to discard it"
        ) from error
    delivery = Delivery(Journal(waiting.folder / JOURNAL), sender.send, sender.check)
    try:
        delivery.flush(patience)
    finally:
        delivery.close()
    return f"{waiting.entries} entries delivered that its process had left in {waiting.folder}"
