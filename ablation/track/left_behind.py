"""What dead processes left: runs that still read RUNNING, and journals that the tracker has not taken."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient

from ablation.errors import AblationError, TrackingError
from ablation.ownership import held, is_alive
from ablation.places import cache_folder, runs_folder
from ablation.track.delivery import Delivery
from ablation.track.journal import Journal
from ablation.track.mlflow_run import (
    CONTINUES_TAG,
    FAILURE_TAG,
    JOURNAL,
    NOTE_TAG,
    OWNER_TAG,
    PARENT_TAG,
    TRACKER,
    ended_early,
    now,
)
from ablation.track.query import RunRecord, find_runs, get_record
from ablation.track.sending import Sender
from ablation.track.store import use_tracking_uri

KINDS = ("train", "pretrain", "study")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Waiting:
    """A run's journal on this machine, whose process is gone."""

    folder: Path
    run_id: str
    tracking_uri: str
    owner: str
    entries: int


def mark_dead_runs(say: Say) -> list[RunRecord]:
    """Runs that read RUNNING while no process is at them become KILLED, once what they left here is delivered; those
    that this has brought to their end are returned.
    """
    finished = []
    for run in (run for kind in KINDS for run in find_runs(kind, extra="attributes.status = 'RUNNING'")):
        if run.is_alive:
            continue
        if any(waiting.run_id == run.run_id for waiting in undelivered()):
            say(f"run {run.run_id} ({run.name}): {_try_to_deliver(run.run_id)}")
        run = get_record(run.run_id)
        if run.status == "FINISHED":
            finished.append(run)
        if run.status != "RUNNING" or run.is_alive:  # it was delivered to its end, or someone goes on with it
            continue
        reason = "its process died or was killed; the same command goes on where it was"
        MlflowClient().set_tag(run.run_id, FAILURE_TAG, reason)
        MlflowClient().set_tag(
            run.run_id, NOTE_TAG, ended_early("KILLED", reason, run.tags.get(NOTE_TAG, ""))
        )
        MlflowClient().set_terminated(run.run_id, "KILLED", int(run.tags.get("heartbeat", now())))
        say(f"run {run.run_id} ({run.name}) read RUNNING, but {reason}: now KILLED")
    return finished


def _try_to_deliver(run_id: str) -> str:
    try:
        return deliver(run_id)
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
        about = json.loads(place.read_text())
        if is_alive(about[OWNER_TAG]):
            continue
        entries = len(Journal(place.parent / JOURNAL).waiting())
        if entries:
            yield Waiting(place.parent, about["run_id"], about["tracking_uri"], about[OWNER_TAG], entries)


def deliver(run_id: str, patience: float = 0) -> str:
    """Tells the tracker what the run's dead process left here; how that went. Raises Undelivered or
    TrackingError.
    """
    with held(cache_folder() / "locks" / f"deliver-{run_id}", wait=True):
        waiting = next((each for each in undelivered() if each.run_id == run_id), None)
        return _deliver(waiting, patience) if waiting else "another process has delivered what was left"


def _deliver(waiting: Waiting, patience: float) -> str:
    run_id = waiting.run_id
    use_tracking_uri(waiting.tracking_uri)
    client = MlflowClient()
    owner = client.get_run(run_id).data.tags.get(OWNER_TAG, waiting.owner)
    if owner not in ("", waiting.owner):
        raise TrackingError(
            f"run {run_id} has gone on elsewhere meanwhile ({owner.split()[0]}): what is left here in "
            f"{waiting.folder} stays untold"
        )
    sender = Sender(client, run_id)
    delivery = Delivery(Journal(waiting.folder / JOURNAL), sender.send, sender.beat)
    try:
        delivery.flush(patience)
    finally:
        delivery.close()
    return f"{waiting.entries} entries delivered that its process had left in {waiting.folder}"
