"""One run in MLflow: params, tags, metrics, files, and an end that tells success from failure."""

import json
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking.context.registry import resolve_tags
from PIL import Image

from ablation.config.config import DEFAULT_EXPERIMENT
from ablation.config.declare import Key, parse, to_text
from ablation.errors import AblationError, TrackingError
from ablation.ownership import this_process

LONGEST_TAG = 4000
RUN_ID_VARIABLE = "MLFLOW_RUN_ID"
EXPERIMENT_VARIABLE = "MLFLOW_EXPERIMENT_ID"
PARENT_TAG, OWNER_TAG, HEARTBEAT_TAG = "mlflow.parentRunId", "owner", "heartbeat"


class MlflowRun:
    """A run that is open for writing. End it with `finish` or `fail`."""

    def __init__(self, client: MlflowClient, run_id: str, experiment_id: str):
        self.client, self.run_id, self.experiment_id = client, run_id, experiment_id

    @classmethod
    def start(
        cls, name: str, tags: dict[str, str], adopt: bool = True, parent: str | None = None
    ) -> "MlflowRun":
        """A new run, a child of `parent` where there is one; or, with `adopt`, the one that `mlflow run`
        has opened for this command.
        """
        quiet_mlflow()
        client = MlflowClient()
        given = os.environ.get(RUN_ID_VARIABLE) if adopt else None
        if given:
            run = client.get_run(given)
            client.update_run(given, name=name)
        else:
            experiment = _experiment(client)
            run = client.create_run(experiment, run_name=name, tags=resolve_tags())
        opened = cls(client, run.info.run_id, run.info.experiment_id)
        opened.set_tags(tags | _owned() | ({PARENT_TAG: parent} if parent else {}))
        return opened

    @classmethod
    def reopen(cls, run_id: str, tags: dict[str, str] | None = None) -> "MlflowRun":
        """A run that was left unfinished, running again, now owned by this process."""
        quiet_mlflow()
        client = MlflowClient()
        run = client.get_run(run_id)
        client.update_run(run_id, status="RUNNING")
        if "failure" in run.data.tags:
            client.delete_tag(run_id, "failure")
        opened = cls(client, run_id, run.info.experiment_id)
        opened.set_tags((tags or {}) | _owned())
        return opened

    def log_params(self, texts: dict[str, str], declared: dict[str, Key]) -> None:
        """Logs what is not there yet; what `mlflow run` logged as raw text must mean the same.

        Raises TrackingError where it does not.
        """
        there = self.client.get_run(self.run_id).data.params
        for name in texts.keys() & there.keys():
            if _canonical(there[name], declared.get(name)) != texts[name]:
                raise TrackingError(
                    f"run {self.run_id} has {name}={there[name]}, not {texts[name]}: params of a "
                    "run cannot change; start a new run"
                )
        new = [Param(name, text) for name, text in texts.items() if name not in there]
        self.client.log_batch(self.run_id, params=new)

    def set_tags(self, tags: dict[str, str]) -> None:
        """Sets or overwrites tags."""
        made = [RunTag(name, str(text)[:LONGEST_TAG]) for name, text in tags.items()]
        self.client.log_batch(self.run_id, tags=made)

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        """One value for each name at this step, in one call, which is a sign of life too."""
        now = int(time.time() * 1000)
        metrics = [Metric(name, float(value), now, step) for name, value in values.items()]
        self.client.log_batch(self.run_id, metrics=metrics, tags=[RunTag(HEARTBEAT_TAG, str(now))])

    def log_file(self, file: Path, folder: str | None = None) -> None:
        """A file among the artifacts, under its own name."""
        self.client.log_artifact(self.run_id, str(file), folder)

    def log_text(self, text: str, place: str) -> None:
        """A text file among the artifacts."""
        self.client.log_text(self.run_id, text, place)

    def log_picture(self, picture: Image.Image, place: str) -> None:
        """A PNG among the artifacts, packed quickly rather than tightly."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / Path(place).name
            picture.save(file, compress_level=1)
            self.log_file(file, str(Path(place).parent))

    def log_dataset(self, name: str, digest: str, location: str, profile: dict[str, int]) -> None:
        """The data set as an input of the run."""
        source = CodeDatasetSource(tags={"dataset": name, "location": location})
        dataset = Dataset(
            name, digest, source._get_source_type(), source.to_json(), profile=json.dumps(profile)
        )
        self.client.log_inputs(self.run_id, datasets=[DatasetInput(dataset=dataset, tags=[])])

    def logged_steps(self, name: str) -> set[int]:
        """Steps at which a metric has a value already."""
        return {m.step for m in self.client.get_metric_history(self.run_id, name)}

    def finish(self) -> None:
        """Ends the run as FINISHED."""
        self.client.set_terminated(self.run_id, "FINISHED")

    def fail(self, reason: str, status: str = "FAILED") -> None:
        """Ends the run as FAILED (or KILLED) with the reason in the tag `failure`."""
        self.set_tags({"failure": reason})
        self.client.set_terminated(self.run_id, status)

    @property
    def page(self) -> str:
        """The run's place in the MLflow UI, after the address."""
        return f"#/experiments/{self.experiment_id}/runs/{self.run_id}"


@contextmanager
def closing(run: MlflowRun, again: str | None = None) -> Iterator[MlflowRun]:
    """Ends the run with the block: as FINISHED, or FAILED or KILLED with the reason in a tag, where
    `again` tells how it goes on (`resume=` with its id, if not given).
    """
    try:
        yield run
    except KeyboardInterrupt:
        again = again or f"go on with resume={run.run_id}"
        run.fail(f"stopped from outside (Ctrl-C or SIGTERM); {again}", "KILLED")
        raise
    except AblationError as error:
        run.fail(str(error))
        raise
    except Exception as error:
        run.fail(f"{type(error).__name__}: {error}")
        raise
    run.finish()


def _owned() -> dict[str, str]:
    return {OWNER_TAG: this_process(), HEARTBEAT_TAG: str(int(time.time() * 1000))}


def quiet_mlflow() -> None:
    """Keeps database migrations, run links and progress bars of the library off the console."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)


def tracking_uri() -> str:
    """Where runs are written to."""
    return mlflow.get_tracking_uri()


def use_store(uri: str, experiment_id: str) -> None:
    """Has this process write to that store and experiment, and to no run that `mlflow run` has opened."""
    mlflow.set_tracking_uri(uri)
    os.environ[EXPERIMENT_VARIABLE] = experiment_id
    os.environ.pop(RUN_ID_VARIABLE, None)


def mlflow_version() -> str:
    """The version of MLflow that writes."""
    return mlflow.__version__


def label_bystander(name: str, kind: str) -> None:
    """Names the run that `mlflow run` opened for a command that trains nothing itself."""
    given = os.environ.get(RUN_ID_VARIABLE)
    if given:
        client = MlflowClient()
        client.update_run(given, name=name)
        client.set_tag(given, "kind", kind)


def _experiment(client: MlflowClient) -> str:
    """The experiment that MLflow is given, else ours; made when missing."""
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


def _canonical(text: str, declared: Key | None) -> str:
    try:
        return to_text(parse(declared, text)) if declared else text
    except ValueError:
        return text
