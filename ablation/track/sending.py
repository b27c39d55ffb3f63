"""One journal entry told to MLflow. Told again it changes nothing: metrics keep their time stamps, which MLflow's
stores hold once, and all else overwrites itself.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from ablation.track.journal import Entry
from ablation.track.model_sending import send_model
from ablation.track.patience import in_short, may_pass
from ablation.track.views import View, was_edited

logger = logging.getLogger("ablation")


class Sender:
    """Tells the tracker about one run."""

    def __init__(self, client: MlflowClient, run_id: str):
        self.client, self.run_id = client, run_id

    def send(self, entry: Entry) -> None:
        """Raises what the client raises."""
        getattr(self, f"_{entry.call}")(**entry.arguments)

    def beat(self) -> None:
        """A sign of life."""
        self._batch(tags={"heartbeat": str(int(time.time() * 1000))})

    def _batch(
        self,
        metrics: list[tuple[str, float, int, int]] = (),
        params: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        self.client.log_batch(
            self.run_id,
            metrics=[Metric(*metric) for metric in metrics],
            params=[Param(*param) for param in (params or {}).items()],
            tags=[RunTag(*tag) for tag in (tags or {}).items()],
        )

    def _tag_run(self, run_id: str, tags: dict[str, str]) -> None:
        with _unless_refused(f"run {run_id} does not get its tags"):
            self.client.log_batch(run_id, tags=[RunTag(*tag) for tag in tags.items()])

    def _view(self, experiment_id: str, view: dict[str, Any]) -> None:
        """One that someone has changed in the UI stays."""
        made = View(**view)
        with _unless_refused(f"the view {made.name} of the runs is not there in the UI"):
            experiment = self.client.get_experiment(experiment_id)
            text, there = made.text(experiment.creation_time or 0), experiment.tags.get(made.tag)
            if there != text and not was_edited(there):
                self.client.set_experiment_tag(experiment_id, made.tag, text)

    def _file(self, file: str, folder: str | None) -> None:
        if Path(file).exists():
            self.client.log_artifact(self.run_id, file, folder)
        else:
            logger.warning("%s is not there any more: it is not among the run's artifacts", file)

    def _model(self, file: str, digest: str, step: int) -> None:
        if Path(file).exists():
            send_model(self.client, self.run_id, Path(file), digest, step)
        else:
            logger.warning("%s is not there any more: the run has no such model", file)

    def _dataset(self, **about: Any) -> None:
        self.client.log_inputs(self.run_id, datasets=[DatasetInput(dataset=Dataset(**about), tags=[])])

    def _name(self, name: str) -> None:
        self.client.update_run(self.run_id, name=name)

    def _untag(self, name: str) -> None:
        try:
            self.client.delete_tag(self.run_id, name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise

    def _status(self, status: str, ended: int | None = None) -> None:
        if ended is None:
            self.client.update_run(self.run_id, status=status)
        else:
            self.client.set_terminated(self.run_id, status, ended)


@contextmanager
def _unless_refused(lost: str) -> Iterator[None]:
    """What a run can do without: a refusal is told of and the run goes on."""
    try:
        yield
    except Exception as error:
        if may_pass(error):
            raise
        logger.warning("%s: %s", lost, in_short(error))
