"""The tracking store that this process writes to: whether it is there, and which experiment of it is ours."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.utils.rest_utils import http_request

from ablation.config.config import DEFAULT_EXPERIMENT, short_hash
from ablation.errors import AblationError, TrackingError, without_password
from ablation.ownership import held
from ablation.places import cache_folder
from ablation.track.endings import FAILURE_TAG
from ablation.track.given_run import RUN_ID_VARIABLE, own_given_run, tell_given_run
from ablation.track.patience import in_short

EXPERIMENT_VARIABLE = "MLFLOW_EXPERIMENT_ID"
SHORT_TRIES = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
"""The library's own are seven tries in four minutes; ours are repeated for as long as a run lasts."""
SECONDS_TO_ANSWER = 10
QUESTION = "/api/2.0/mlflow/experiments/search"
HALF_MADE = "A process was killed while it made the file; if it holds no runs yet, remove it and begin anew. "
REFUSED = {
    401: "it asks for a name and a password: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    403: "it does not let this user in: ask its keeper for permission",
}


def open_store() -> None:
    """Makes a database that does not exist yet, one process at a time; asks a server whether it is there.

    Raises TrackingError, within about ten seconds, with what to do.
    """
    quiet_mlflow()
    uri = tracking_uri()
    if uri.startswith(("http://", "https://")):
        _ask_server(uri)
    else:
        _open_database(uri)
    own_given_run()


def _open_database(uri: str) -> None:
    with held(cache_folder() / "locks" / f"store-{short_hash({'uri': uri})}", wait=True):
        try:
            _make_file(uri)
            MlflowClient().search_experiments(max_results=1)
        except Exception as error:
            half = HALF_MADE if "already exists" in str(error) else ""
            raise TrackingError(
                f"the tracking store {without_password(uri)} cannot be opened: {in_short(error)}. {half}"
                "MLFLOW_TRACKING_URI names another"
            ) from error


def _make_file(uri: str) -> None:
    """A new SQLite file appears whole: MLflow cannot open one whose making was killed."""
    path = uri.removeprefix("sqlite:///")
    if path == uri or os.path.exists(path):
        return
    place = Path(os.path.realpath(path))
    place.parent.mkdir(parents=True, exist_ok=True)
    for left in place.parent.glob(f".{place.name}.making*"):
        left.unlink()
    making = place.with_name(f".{place.name}.making")
    MlflowClient(f"sqlite:///{making}").search_experiments(max_results=1)
    os.replace(making, place)


def _ask_server(uri: str) -> None:
    """One question that needs the server's database and our permission."""
    place = without_password(uri)
    credentials = MlflowClient()._tracking_client.store.get_host_creds()
    question = {"json": {"max_results": 1}, "timeout": SECONDS_TO_ANSWER, "max_retries": 0}
    until = time.monotonic() + SECONDS_TO_ANSWER
    try:
        while True:
            answer = http_request(credentials, QUESTION, "POST", raise_on_status=False, **question)
            if answer.status_code < 500 or time.monotonic() > until:
                break
            time.sleep(1)  # its database is just being started, perhaps
    except Exception as error:
        raise TrackingError(
            f"the tracking server {place} does not answer ({in_short(error)}). Start it, or set "
            "MLFLOW_TRACKING_URI to where one is (unset, runs are kept in mlflow.db of this folder)"
        ) from error
    if answer.status_code != 200:
        told = REFUSED.get(answer.status_code, f"it answers with status {answer.status_code}")
        raise TrackingError(f"the tracking server {place} is there, but {told}")


def quiet_mlflow() -> None:
    """Keeps database migrations, tracebacks, run links and progress bars of the library off the console."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    for name, value in SHORT_TRIES.items():
        os.environ.setdefault(name, value)
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db").setLevel(logging.CRITICAL)  # the errors themselves are told by us


def tracking_uri() -> str:
    """Where runs are written to."""
    return mlflow.get_tracking_uri()


def ui_address() -> str:
    """Where the UI answers: on the tracking server, else where `mlflow ui` opens."""
    uri = tracking_uri()
    return without_password(uri).rstrip("/") if uri.startswith("http") else "http://127.0.0.1:5000"


def use_tracking_uri(uri: str) -> None:
    """Has this process write to that store."""
    mlflow.set_tracking_uri(uri)


def use_store(uri: str, experiment_id: str) -> None:
    """Has this process write to that store and experiment, and to no run that `mlflow run` has opened."""
    use_tracking_uri(uri)
    os.environ[EXPERIMENT_VARIABLE] = experiment_id
    os.environ.pop(RUN_ID_VARIABLE, None)


def mlflow_version() -> str:
    """The version of MLflow that writes."""
    return mlflow.__version__


def opened_by_mlflow_run() -> bool:
    """Whether `mlflow run` has opened a run for this command."""
    return bool(os.environ.get(RUN_ID_VARIABLE))


@contextmanager
def telling_mlflow_run() -> Iterator[None]:
    """What ends the block before a run of ours is open becomes the reason in the run of `mlflow run`."""
    try:
        yield
    except AblationError as error:
        told = str(error)[:4000]
        tell_given_run(lambda client, given: client.set_tag(given, FAILURE_TAG, told))
        raise


def label_bystander(name: str, kind: str) -> None:
    """Names the run that `mlflow run` opened for a command that trains nothing itself."""
    own_given_run()
    tell_given_run(lambda client, given: client.update_run(given, name=name))
    tell_given_run(lambda client, given: client.set_tag(given, "kind", kind))


def experiment_to_use(client: MlflowClient) -> str:
    """The id of the experiment that MLflow is given, else of ours; made when missing. Raises TrackingError."""
    if os.environ.get(EXPERIMENT_VARIABLE):
        return os.environ[EXPERIMENT_VARIABLE]
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or DEFAULT_EXPERIMENT
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return client.create_experiment(name)
        except MlflowException:
            found = client.get_experiment_by_name(name)
    if found is None or found.lifecycle_stage != "active":
        raise TrackingError(f"experiment {name} was deleted: restore it or give another name")
    return found.experiment_id
