"""Runs read back from the tracking server, as plain values."""

import gc
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Experiment, ViewType
from mlflow.exceptions import MlflowException
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.uri import is_local_uri

from ablation.errors import TrackingError
from ablation.track.mlflow_run import PARENT_TAG
from ablation.track.owner import is_at_work
from ablation.track.patience import in_short, patiently
from ablation.track.store import quiet_mlflow

MODEL_NAME = "storyteller"
PAGE = 1000
MOST_NAMED = 20
RUNS_AT_ONCE, REQUESTS_AT_ONCE = 500, 8
MOST_POINTS = 10_000_000


@dataclass(frozen=True)
class RunRecord:
    """A run as the server knows it. `metrics` holds last values; times are milliseconds, `ended` is 0 while
    it runs.
    """

    run_id: str
    name: str
    status: str
    started: int
    params: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, float]
    ended: int = 0
    experiment_id: str = ""
    artifact_uri: str = ""

    @property
    def is_alive(self) -> bool:
        """Whether someone is at it: its process lives, or, on another machine, gave a sign lately."""
        return is_at_work(self.status, self.tags)


@contextmanager
def without_collecting() -> Iterator[None]:
    """No garbage collection in the block: among the many small objects of a database's answer it takes most
    of the time (1.2 of 1.8 s for 1,000 runs).
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def find_runs(kind: str | None, experiment: str | None = None, extra: str = "") -> list[RunRecord]:
    """Our runs of a kind, or of any, oldest first, in the named experiment or in all.

    `extra` is a further condition in MLflow's filter language. Raises TrackingError when the named
    experiment does not exist.
    """
    with without_collecting():
        return _find_runs(kind, experiment, extra)


def _find_runs(kind: str | None, experiment: str | None, extra: str) -> list[RunRecord]:
    quiet_mlflow()
    client = MlflowClient()
    condition = " and ".join(filter(None, (kind and f"tags.kind = '{kind}'", extra)))
    found, token = [], None
    while True:
        page = patiently(
            partial(
                client.search_runs,
                _experiment_ids(client, experiment),
                condition,
                ViewType.ACTIVE_ONLY,
                PAGE,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
        )
        found += page
        token = page.token
        if not token:
            return [_record(run) for run in found]


def find_children(parent_id: str) -> list[RunRecord]:
    """Training runs under a parent run, in its experiment or another, oldest first."""
    return find_runs("train", extra=f"tags.`{PARENT_TAG}` = '{parent_id}'")


def find_by_ids(run_ids: Sequence[str]) -> list[RunRecord]:
    """Training runs by their ids, oldest first; what is not there any more is left out."""
    listed = ", ".join(f"'{run_id}'" for run_id in run_ids)
    return find_runs("train", extra=f"attributes.run_id IN ({listed})") if run_ids else []


def _experiment_ids(client: MlflowClient, name: str | None) -> list[str]:
    """Of the named experiment, or of all, however many a server has."""
    if name is None:
        return [e.experiment_id for e in _experiments(client)]
    found = patiently(lambda: client.get_experiment_by_name(name))
    if found is None or found.lifecycle_stage != "active":
        names = sorted(e.name for e in _experiments(client))
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        gone = "does not exist" if found is None else "was deleted"
        raise TrackingError(f"experiment {name} {gone}; there are {', '.join(names[:MOST_NAMED])}{more}")
    return [found.experiment_id]


def _experiments(client: MlflowClient) -> list[Experiment]:
    found, token = [], None
    while True:
        page = patiently(partial(client.search_experiments, max_results=PAGE, page_token=token))
        found, token = found + page, page.token
        if not token:
            return found


def _record(run) -> RunRecord:
    return RunRecord(
        run_id=run.info.run_id,
        name=run.info.run_name,
        status=run.info.status,
        started=run.info.start_time,
        params=dict(run.data.params),
        tags=dict(run.data.tags),
        metrics=dict(run.data.metrics),
        ended=run.info.end_time or 0,
        experiment_id=run.info.experiment_id,
        artifact_uri=run.info.artifact_uri,
    )


def get_record(run_id: str) -> RunRecord:
    """One run. Raises TrackingError when the server has none of that id, or does not show it."""
    quiet_mlflow()
    try:
        return _record(patiently(lambda: MlflowClient().get_run(run_id)))
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise TrackingError(f"there is no run {run_id} on the tracking server") from error
        raise TrackingError(f"run {run_id} cannot be read: {in_short(error)}") from error


def metric_history(run_id: str, name: str) -> dict[int, float]:
    """Step to value; of a step logged twice, the later value."""
    points = patiently(lambda: MlflowClient().get_metric_history(run_id, name))
    return {p.step: p.value for p in sorted(points, key=lambda p: p.timestamp)}


def metric_histories(run_ids: Sequence[str], names: Sequence[str]) -> dict[tuple[str, str], dict[int, float]]:
    """(run, metric) to step to value, of many runs: few queries on a database, many at once on a server."""
    in_bulk = getattr(MlflowClient()._tracking_client.store, "get_metric_history_bulk", None)
    if in_bulk is None:
        wanted = [(run_id, name) for run_id in run_ids for name in names]
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            return dict(zip(wanted, pool.map(lambda each: metric_history(*each), wanted), strict=True))
    found: dict[tuple[str, str], dict[int, float]] = {(run, name): {} for run in run_ids for name in names}
    with without_collecting():
        for start, name in product(range(0, len(run_ids), RUNS_AT_ONCE), names):
            some = run_ids[start : start + RUNS_AT_ONCE]
            points = patiently(partial(in_bulk, some, name, MOST_POINTS))
            for point in sorted(points, key=lambda p: p.timestamp):
                found[point.run_id, name][point.step] = point.value
    return found


def has_artifact(run_id: str, place: str) -> bool:
    """Whether a run has that file. Raises TrackingError when the server cannot tell."""
    folder = place.rpartition("/")[0]
    try:
        listed = patiently(lambda: MlflowClient().list_artifacts(run_id, folder))
    except Exception as error:
        raise TrackingError(f"run {run_id}: its artifacts cannot be listed: {in_short(error)}") from error
    return place in {file.path for file in listed}


def download(run_id: str, place: str, folder: Path) -> Path:
    """An artifact of a run as a local file. Raises TrackingError when the run lacks it or it cannot be fetched."""
    try:
        return Path(patiently(lambda: MlflowClient().download_artifacts(run_id, place, str(folder))))
    except Exception as error:
        raise TrackingError(
            f"run {run_id}: its artifact {place} cannot be fetched: {in_short(error)}"
        ) from error


def local_artifact(run: RunRecord, place: str, folder: Path) -> Path | None:
    """As `download`, straight from the disk where the artifacts lie here; None when the run lacks it. Raises TrackingError
    when it cannot be fetched.
    """
    if is_local_uri(run.artifact_uri):
        file = Path(local_file_uri_to_path(run.artifact_uri)) / place
        return file if file.exists() else None
    if not has_artifact(run.run_id, place):
        return None
    (folder / run.run_id).mkdir(parents=True, exist_ok=True)
    return download(run.run_id, place, folder / run.run_id)
