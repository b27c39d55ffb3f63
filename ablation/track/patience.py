"""Which troubles with the tracker pass by themselves, and waiting until they have."""

import errno
import logging
import re
import time
from collections.abc import Callable
from typing import TypeVar

import requests
from mlflow.exceptions import MlflowException

from ablation.errors import TrackingError

Answer = TypeVar("Answer")
PATIENCE = 300
"""Seconds that a question waits for a tracking server that has gone away."""
LONGEST_PAUSE = 15
LASTING = {
    "RESOURCE_DOES_NOT_EXIST",
    "RESOURCE_ALREADY_EXISTS",
    "INVALID_PARAMETER_VALUE",
    "INVALID_STATE",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "FEATURE_DISABLED",
    "NOT_IMPLEMENTED",
    "ENDPOINT_NOT_FOUND",
}
"""Not BAD_REQUEST: so it calls whatever its database says, such as that of a full connection pool."""
LASTING_WORDS = (
    "readonly database",
    "disk is full",
    "unable to open database file",
    "mlflow-artifacts URI",
    "registered artifact repository",
    "surrogates not allowed",
)
PASSING_ERRNOS = (errno.ESTALE, errno.EIO, errno.ETIMEDOUT)
"""Of artifacts on a disk of the network."""
CLOUDS = ("botocore.", "boto3.", "google.", "azure.")
"""Whose libraries, which hold the artifacts of some servers, have errors of their own."""
NO_STATUS = 503
CREDENTIALS = re.compile(r"://[^/\s@]+@")
TROUBLES = {
    "timed out": "no answer in time",
    "read timed": "no answer in time",
    "connection refused": "nobody listens there",
    "connection reset": "the connection broke",
    "failed to establish": "nobody listens there",
    "connection aborted": "the connection broke",
    "remote end closed": "the connection broke",
    "too many 5": "it answers with errors of its own",
}
OUTRUN = ("IntegrityError", "UniqueViolation")
"""Another process wrote the same new row, such as a data set's, at the same moment: now it is there to be found."""
logger = logging.getLogger("ablation")


def may_pass(error: Exception) -> bool:
    """Whether the same call may succeed later: no answer, a broken line, a locked database; not a refusal."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code >= 500 or error.response.status_code in (408, 429)
    if isinstance(error, MlflowException):
        return error.error_code not in LASTING and not any(words in str(error) for words in LASTING_WORDS)
    if isinstance(error, OSError) and error.errno in PASSING_ERRNOS:
        return True
    if type(error).__module__.startswith(CLOUDS):
        return _cloud_may_pass(error)
    return isinstance(error, requests.RequestException | ConnectionError | TimeoutError)


def _cloud_may_pass(error: Exception) -> bool:
    """Not where it refuses: by a status as HTTP has it, wherever the library keeps that, or for want of credentials."""
    answer = getattr(error, "response", None)
    told = answer.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(answer, dict) else None
    named = (getattr(error, name, None) for name in ("status_code", "code"))
    status = next((each for each in (told, *named) if isinstance(each, int)), NO_STATUS)
    return "Credentials" not in type(error).__name__ and (status >= 500 or status in (408, 429))


def was_outrun(error: Exception) -> bool:
    """Whether another process was quicker to write the same thing."""
    return any(words in str(error) for words in OUTRUN)


def pauses():
    """Seconds between one try and the next: 1, 2, 4 … 15, 15."""
    pause = 1.0
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)


def patiently(ask: Callable[[], Answer], patience: float | None = None) -> Answer:
    """What the tracker answers, asked again while it does not. Raises TrackingError after `patience` seconds,
    `PATIENCE` if not given.
    """
    until, told = time.monotonic() + (PATIENCE if patience is None else patience), False
    for pause in pauses():
        try:
            return ask()
        except Exception as error:
            if not may_pass(error):
                raise
            if time.monotonic() + pause > until:
                raise TrackingError(
                    f"the tracking server does not answer any more: {in_short(error)}"
                ) from error
            if not told:
                logger.warning("the tracking server does not answer, waiting for it: %s", in_short(error))
                told = True
        time.sleep(pause)
    raise AssertionError


def in_short(error: Exception) -> str:
    """What an error says, in a line of at most 300 characters, without passwords; of a line that broke, no more than
    that.
    """
    told = CREDENTIALS.sub("://", str(error).strip()) or type(error).__name__
    known = (short for sign, short in TROUBLES.items() if sign in told.lower())
    return next(known, told.splitlines()[0][:300])
