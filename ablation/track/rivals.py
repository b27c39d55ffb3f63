"""Processes on several machines that begin the same thing at the same moment: one at most goes on."""

import time
from collections.abc import Callable, Sequence

from ablation.track.mlflow_run import AGAIN, STOPPED, MlflowRun
from ablation.track.owner import CLAIM_TAG, OWNER_TAG, at_work
from ablation.track.query import RunRecord

GAVE_WAY = "gave way"
"""The kind of a run that another one of its own goes on in place of: no table, and no later command, takes it for one."""
LOOKS, SECONDS_BETWEEN_LOOKS = 5, 1.0


def others_at(runs: Sequence[RunRecord], claim: str | None) -> list[RunRecord]:
    """Those of them that someone is at, but for what was begun under the same claim: its machine was given up."""
    return [run for run in runs if run.is_alive and not (claim and run.tags.get(CLAIM_TAG) == claim)]


def give_way(made: MlflowRun, find_others: Callable[[], Sequence[RunRecord]]) -> None:
    """Ends the new run where another one that does the same stays. Raises AtWork, which names that.

    Who sees no rival goes on. Of those that see each other, the one with the least run id stays, as soon as it sees the
    others gone; one that is still there then has seen none, and is at work.
    """
    try:
        stays = _stays(made, find_others)
    except KeyboardInterrupt:
        made.fail(f"{STOPPED}; {AGAIN}", "KILLED")
        raise
    except Exception as error:
        made.fail(str(error))
        raise
    if stays:
        made.set_tags({"kind": GAVE_WAY})
        made.fail(f"run {stays.run_id} does the same and goes on instead", "KILLED")
        raise at_work(stays.run_id, stays.tags.get(OWNER_TAG, ""))


def _stays(made: MlflowRun, find_others: Callable[[], Sequence[RunRecord]]) -> RunRecord | None:
    rivals: list[RunRecord] = []
    for look in range(LOOKS):
        if look:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        rivals = [run for run in find_others() if run.run_id != made.run_id]
        if not rivals:
            return None
        if min(run.run_id for run in rivals) < made.run_id:
            break
    return rivals[0]
