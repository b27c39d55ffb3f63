"""Time as machines with different clocks agree on it: that of the tracking server, where one tells it."""

import logging
import time
from email.utils import parsedate_to_datetime

import mlflow
from mlflow import MlflowClient
from mlflow.utils.rest_utils import http_request

SECONDS_TO_ANSWER = 10
QUESTION = "/health"
logger = logging.getLogger("ablation")
_boots: dict[str, float] = {}
"""By server, its time when this machine's `steady` clock stood at 0."""


def steady() -> float:
    """Seconds by a clock that nobody sets; it counts the time that a machine sleeps, where the system has such a one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def now() -> int:
    """Milliseconds since 1970 by this machine's clock."""
    return int(time.time() * 1000)


def server_now() -> int:
    """Milliseconds since 1970 by the clock of the tracking server; by this machine's where the store is a file or a
    database.
    """
    uri = mlflow.get_tracking_uri()
    if not uri.startswith(("http://", "https://")):
        return now()
    if uri not in _boots:
        told = _asked()
        if told is None:
            return now()
        _boots[uri] = told - steady()
    return int((_boots[uri] + steady()) * 1000)


def _asked() -> float | None:
    try:
        credentials = MlflowClient()._tracking_client.store.get_host_creds()
        limits = {"timeout": SECONDS_TO_ANSWER, "max_retries": 0, "raise_on_status": False}
        answer = http_request(credentials, QUESTION, "GET", **limits)
        return parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except Exception as error:
        logger.debug("the tracking server does not tell the time: %s", error)
        return None
