"""The run that `mlflow run` has opened for this command, until it is ours or the command is over."""

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress

from mlflow import MlflowClient
from mlflow.entities import RunTag

from ablation.errors import TrackingError
from ablation.track.owner import (
    HEARTBEAT_TAG,
    SECONDS_BETWEEN_BEATS,
    readable_run,
    require_free,
    signs_of_life,
)
from ablation.track.patience import in_short, patiently

RUN_ID_VARIABLE, KIND_TAG = "MLFLOW_RUN_ID", "kind"
SECONDS_TO_TELL = 30
logger = logging.getLogger("ablation")
_left: dict[str, threading.Event] = {}
"""By run, whether its signs of life are to end."""


def tell_given_run(tell: Callable[[MlflowClient, str], object]) -> None:
    """Where there is such a run; a warning where the tracker does not take it: the command can do without."""
    given = os.environ.get(RUN_ID_VARIABLE)
    if given:
        try:
            patiently(lambda: tell(MlflowClient(), given), SECONDS_TO_TELL)
        except Exception as error:
            logger.warning("the run of `mlflow run`, %s, cannot be told about: %s", given, in_short(error))


def own_given_run() -> None:
    """Says whose it is, and every minute that its process lives: else one whose machine dies would run for ever.

    One that a command has used already, as where the variable outlived its `mlflow run`, stays as it is: this one does
    without. Raises AtWork where another process is at it, TrackingError where there is none.
    """
    given = os.environ.get(RUN_ID_VARIABLE)
    if not given or given in _left:
        return
    try:
        run = readable_run(MlflowClient(), given, SECONDS_TO_TELL)
    except TrackingError as error:
        raise TrackingError(f"{error}. {RUN_ID_VARIABLE} names it: unset that") from error
    require_free(run)
    if run.info.status != "RUNNING" or KIND_TAG in run.data.tags:
        logger.warning(
            "%s=%s names a run that a command has used already: it stays as it is", RUN_ID_VARIABLE, given
        )
        os.environ.pop(RUN_ID_VARIABLE)
        return
    _left[given] = threading.Event()
    signs = signs_of_life()
    tell_given_run(
        lambda client, run_id: client.log_batch(run_id, tags=[RunTag(*sign) for sign in signs.items()])
    )
    threading.Thread(target=_live, args=(MlflowClient(), given), name="signs of life", daemon=True).start()


def leave_given_run() -> None:
    """No more signs of life from here: it is open for writing, and gives its own."""
    _left.setdefault(os.environ[RUN_ID_VARIABLE], threading.Event()).set()


def _live(client: MlflowClient, run_id: str) -> None:
    while not _left[run_id].wait(SECONDS_BETWEEN_BEATS):
        with suppress(Exception):  # the next one may arrive
            client.set_tag(run_id, HEARTBEAT_TAG, signs_of_life()[HEARTBEAT_TAG])
