"""One journal entry told to MLflow. Told again it changes nothing: metrics keep their time stamps, which MLflow's
stores hold once, and all else overwrites itself.
"""

import logging
import time
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from ablation.track.journal import Entry
from ablation.track.model_sending import send_model

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
