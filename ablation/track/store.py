"""The tracking store that this process writes to: whether it is there, and which experiment of it is ours."""

import logging
import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException
from mlflow.utils.rest_utils import http_request
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from ablation.config.config import DEFAULT_EXPERIMENT, short_hash
from ablation.errors import AblationError, TrackingError, without_password
from ablation.ownership import held
from ablation.places import cache_folder
from ablation.track.endings import FAILURE_TAG
from ablation.track.given_run import RUN_ID_VARIABLE, own_given_run, tell_given_run
from ablation.track.patience import in_short, patiently

EXPERIMENT_VARIABLE = "MLFLOW_EXPERIMENT_ID"
SHORT_TRIES = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
"""The library's own are seven tries in four minutes; ours are repeated for as long as a run lasts."""
AT_ONCE = {"MLFLOW_ENABLE_ASYNC_LOGGING": "false"}
"""Else what the tracker refuses would be lost without a word: what waits, waits in our own journal."""
SECONDS_TO_ANSWER = 10
QUESTION = "/api/2.0/mlflow/experiments/search"
HALF_MADE = "A process was killed while it made the file; if it holds no runs yet, remove it and begin anew. "
REFUSED = {
    401: "it asks for a name and a password: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    403: "it does not let this user in: ask its keeper for permission",
}
logger = logging.getLogger("ablation")


def open_store() -> None:
    """Makes a database that does not exist yet, one process at a time; asks a server whether it is there, and for the
    experiment that MLFLOW_EXPERIMENT_ID names.

    Raises TrackingError, within about ten seconds, with what to do.
    """
    quiet_mlflow()
    uri = tracking_uri()
    if uri.startswith(("http://", "https://")):
        _ask_server(uri)
    else:
        _open_database(uri)
    if os.environ.get(EXPERIMENT_VARIABLE):
        patiently(lambda: _named_by_id(MlflowClient(), os.environ[EXPERIMENT_VARIABLE]))
    own_given_run()


def open_existing_store(error: type[AblationError] = TrackingError) -> None:
    """As `open_store`, for a command that only reads: where there is no database yet it makes none, and raises `error`."""
    url = _sqlite(tracking_uri())
    if url is not None and not os.path.exists(url.database):
        raise error(
            f"there is no tracking store {url.database}: go to the folder that has it, or let MLFLOW_TRACKING_URI name it; "
            "one is made with the first run:  python -m ablation main"
        )
    open_store()


def is_elsewhere(uri: str) -> bool:
    """Whether that is another file than the one that this process writes to, and is there: not the same under a new
    name, or a server by another of its addresses.
    """
    there, here = _sqlite(uri), _sqlite(tracking_uri())
    if there is None or not os.path.exists(there.database):
        return False
    return here is None or not os.path.samefile(there.database, here.database)


def use_existing_store(uri: str) -> None:
    """Has this process write to that store. Raises TrackingError where it is a file that is gone."""
    url = _sqlite(uri)
    if url is not None and not os.path.exists(url.database):
        raise TrackingError(f"its tracking store {url.database} is gone: bring the file back to there")
    use_tracking_uri(uri)


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
    url = _sqlite(uri)
    if url is None or os.path.exists(url.database):
        return
    place = Path(os.path.realpath(url.database))
    place.parent.mkdir(parents=True, exist_ok=True)
    for left in place.parent.glob(f".{place.name}.making*"):
        left.unlink()
    making = place.with_name(f".{place.name}.making")
    MlflowClient(
        url.set(database=str(making), query={}).render_as_string(hide_password=False)
    ).search_experiments(max_results=1)
    os.replace(making, place)


def _sqlite(uri: str) -> URL | None:
    """The address of a SQLite file; None of anything else."""
    try:
        url = make_url(uri)
    except (ArgumentError, ValueError):
        return None
    return url if url.get_backend_name() == "sqlite" and url.database not in (None, ":memory:") else None


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
    os.environ.update(AT_ONCE)
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db").setLevel(logging.CRITICAL)  # the errors themselves are told by us


def tracking_uri() -> str:
    """Where runs are written to; of a file, the same from whatever folder it is read."""
    uri = mlflow.get_tracking_uri()
    url = _sqlite(uri)
    if url is None or os.path.isabs(url.database):
        return uri
    return url.set(database=os.path.abspath(url.database)).render_as_string(hide_password=False)


def ui_address() -> str:
    """Where the UI answers: on the tracking server, else where `mlflow ui` opens."""
    uri = tracking_uri()
    return without_password(uri).rstrip("/") if uri.startswith("http") else "http://127.0.0.1:5000"


def ui_options() -> str:
    """What `mlflow ui` must be told to open this store: of itself it opens the mlflow.db of the folder it is called in,
    whatever MLFLOW_TRACKING_URI says.
    """
    uri = tracking_uri()
    url = _sqlite(uri)
    if url is not None and url.database == os.path.abspath("mlflow.db"):
        return ""
    shown = shlex.quote(uri) if without_password(uri) == uri else '"$MLFLOW_TRACKING_URI"'
    return f" --backend-store-uri {shown}"


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
    """Names the run that `mlflow run` opened for a command that trains nothing itself, which can do without."""
    try:
        own_given_run()
    except TrackingError as error:
        logger.warning("the run of `mlflow run` cannot be told about: %s", error)
        return
    tell_given_run(lambda client, given: client.update_run(given, name=name))
    tell_given_run(lambda client, given: client.set_tag(given, "kind", kind))


def experiment_to_use(client: MlflowClient) -> str:
    """The id of the experiment that MLflow is given, else of ours; made when missing. Raises TrackingError."""
    if os.environ.get(EXPERIMENT_VARIABLE):
        return _usable(_named_by_id(client, os.environ[EXPERIMENT_VARIABLE]))
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or DEFAULT_EXPERIMENT
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return client.create_experiment(name)
        except MlflowException as error:
            found = client.get_experiment_by_name(name)  # another process may have been quicker
            if found is None:
                raise error
    return _usable(found)


def _named_by_id(client: MlflowClient, number: str) -> Experiment:
    try:
        return client.get_experiment(number)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise TrackingError(
            f"{EXPERIMENT_VARIABLE}={number} names no experiment of {without_password(tracking_uri())}: unset it, or name "
            "another"
        ) from error


def _usable(experiment: Experiment) -> str:
    """Its id. Raises TrackingError where runs cannot be kept in it."""
    if experiment.lifecycle_stage != "active":
        raise TrackingError(f"experiment {experiment.name} was deleted: restore it or give another name")
    served = experiment.artifact_location.startswith("mlflow-artifacts:")
    if served and not tracking_uri().startswith(("http://", "https://")):
        raise TrackingError(
            f"experiment {experiment.name} was made by a running MLflow server, which alone can reach its files: set "
            "MLFLOW_TRACKING_URI to the server's address (that of `mlflow ui` is http://127.0.0.1:5000), or "
            "MLFLOW_EXPERIMENT_NAME to another experiment"
        )
    return experiment.experiment_id
