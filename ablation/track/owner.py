"""Whose a run is, as its tags say: one process at a time writes to it, and gives signs of life while it does."""

from collections.abc import Collection, Mapping

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from ablation.errors import TrackingError
from ablation.ownership import is_alive, this_process
from ablation.track.clock import server_now
from ablation.track.patience import in_short, patiently

OWNER_TAG, HEARTBEAT_TAG, CLAIM_TAG = "owner", "heartbeat", "claim"
SECONDS_BETWEEN_BEATS, SECONDS_OF_SILENCE = 60, 900


class AtWork(TrackingError):
    """Another process is at the run: `who` says where."""

    def __init__(self, message: str, run_id: str, who: str = ""):
        super().__init__(message)
        self.run_id, self.who = run_id, who


def readable_run(client: MlflowClient, run_id: str, patience: float | None = None) -> Run:
    """The run, to be written to. Raises TrackingError where there is none, or only one that was deleted."""
    try:
        run = patiently(lambda: client.get_run(run_id), patience)
    except MlflowException as error:
        raise TrackingError(f"run {run_id} cannot be opened: {in_short(error)}") from error
    if run.info.lifecycle_stage != "active":
        raise TrackingError(
            f"run {run_id} was deleted: restore it with  mlflow runs restore --run-id {run_id}"
        )
    return run


def signs_of_life() -> dict[str, str]:
    """Tags of a run that this process is at."""
    return {OWNER_TAG: this_process(), HEARTBEAT_TAG: str(server_now())}


def silence(tags: Mapping[str, str]) -> float:
    """Seconds since a run's last sign of life; infinite where it never gave one."""
    beat = tags.get(HEARTBEAT_TAG, "")
    return (server_now() - int(beat)) / 1000 if beat.isdecimal() else float("inf")


def is_at_work(status: str, tags: Mapping[str, str]) -> bool:
    """Whether someone is at a run: its process lives, or, on another machine, gave a sign lately."""
    if status != "RUNNING":
        return False
    known = is_alive(tags.get(OWNER_TAG, ""))
    return silence(tags) < SECONDS_OF_SILENCE if known is None else known


def require_free(run: Run, claim: str | None = None) -> None:
    """Raises AtWork where another process is at the run, unless it is there for the same claim: then its machine was
    given up.
    """
    tags = run.data.tags
    owner = tags.get(OWNER_TAG, "")
    ours = owner == this_process() or (claim is not None and tags.get(CLAIM_TAG) == claim)
    if not ours and is_at_work(run.info.status, tags):
        raise at_work(run.info.run_id, owner)


def at_work(run_id: str, owner: str) -> AtWork:
    """An error that says where."""
    host, _, process = ([*owner.split(), "", "", ""])[:3]
    where = f" in process {process} on {host}" if process else ""
    far = f". If that process is gone, the run counts as dead {SECONDS_OF_SILENCE // 60} minutes after its last sign of life"
    hint = far if owner and is_alive(owner) is None else ""
    who = f"run {run_id} is at work{where}"
    return AtWork(f"{who}: let it end, or stop it there; then the same command goes on{hint}", run_id, who)


def require_owner(run: Run, owners: Collection[str], left: object) -> None:
    """Raises AtWork where the run is none of theirs any more; what they have `left` is then nobody's."""
    owner = run.data.tags.get(OWNER_TAG, "")
    if owner and owner not in owners:
        raise AtWork(
            f"run {run.info.run_id} has gone on elsewhere meanwhile ({owner.split()[0]}): what is left here in "
            f"{left} stays untold; remove that folder to discard it",
            run.info.run_id,
        )
