"""Runs read back from the tracking server, as plain values."""

from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException

from ablation.errors import TrackingError
from ablation.track.mlflow_run import quiet_mlflow

PAGE = 1000


@dataclass(frozen=True)
class RunRecord:
    """A run as the server knows it. `metrics` holds last values; times are milliseconds."""

    run_id: str
    name: str
    status: str
    started: int
    params: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, float]


def find_runs(kind: str, experiment: str | None = None, extra: str = "") -> list[RunRecord]:
    """Our runs of a kind, oldest first, in the named experiment or in all.

    `extra` is a further condition in MLflow's filter language. Raises TrackingError when the named
    experiment does not exist.
    """
    quiet_mlflow()
    client, condition = MlflowClient(), f"tags.kind = '{kind}'" + (f" and {extra}" if extra else "")
    found, token = [], None
    while True:
        page = client.search_runs(
            _experiment_ids(client, experiment),
            condition,
            ViewType.ACTIVE_ONLY,
            PAGE,
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
        found += page
        token = page.token
        if not token:
            return [_record(run) for run in found]


def _experiment_ids(client: MlflowClient, name: str | None) -> list[str]:
    known = client.search_experiments()
    if name is None:
        return [e.experiment_id for e in known]
    ids = [e.experiment_id for e in known if e.name == name]
    if not ids:
        names = ", ".join(sorted(e.name for e in known))
        raise TrackingError(f"experiment {name} does not exist; there are {names}")
    return ids


def _record(run) -> RunRecord:
    return RunRecord(
        run_id=run.info.run_id,
        name=run.info.run_name,
        status=run.info.status,
        started=run.info.start_time,
        params=dict(run.data.params),
        tags=dict(run.data.tags),
        metrics=dict(run.data.metrics),
    )


def get_record(run_id: str) -> RunRecord:
    """One run. Raises TrackingError when the server has none of that id."""
    quiet_mlflow()
    try:
        return _record(MlflowClient().get_run(run_id))
    except MlflowException as error:
        raise TrackingError(f"there is no run {run_id} on the tracking server") from error


def metric_history(run_id: str, name: str) -> dict[int, float]:
    """Step to value; of a step logged twice, the later value."""
    points = MlflowClient().get_metric_history(run_id, name)
    return {p.step: p.value for p in sorted(points, key=lambda p: p.timestamp)}


def download(run_id: str, place: str, folder: Path) -> Path:
    """An artifact of a run as a local file. Raises TrackingError when the run lacks it."""
    try:
        return Path(MlflowClient().download_artifacts(run_id, place, str(folder)))
    except Exception as error:
        raise TrackingError(f"run {run_id} has no artifact {place}: {error}") from error
