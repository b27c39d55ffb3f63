"""One journal entry told to MLflow. Told again it changes nothing: metrics keep their time stamps, which MLflow's
stores hold once, and all else overwrites itself.
"""

import logging
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from ablation.ownership import this_process
from ablation.places import runs_folder
from ablation.track.endings import FAILURE_TAG, LONGEST_TAG, NOTE_TAG, without_end
from ablation.track.journal import Entry
from ablation.track.model_sending import send_model
from ablation.track.owner import HEARTBEAT_TAG, OWNER_TAG, require_owner, signs_of_life
from ablation.track.patience import in_short, may_pass
from ablation.track.views import View, was_edited

logger = logging.getLogger("ablation")


class Sender:
    """Tells the tracker about one run, as long as that belongs to one of `owners` (this process, if not given)."""

    def __init__(self, client: MlflowClient, run_id: str, owners: Collection[str] = ()):
        self.client, self.run_id, self.owners = client, run_id, owners or (this_process(),)
        self.ended = False

    def send(self, entry: Entry) -> None:
        """Raises what the client raises."""
        getattr(self, f"_{entry.call}")(**entry.arguments)

    def claim(self) -> None:
        """The run is this process's from now on."""
        self._set_tags(signs_of_life())

    def check(self) -> Run:
        """The run. Raises AtWork where it belongs to someone else by now."""
        run = self.client.get_run(self.run_id)
        require_owner(run, self.owners, runs_folder() / self.run_id)
        return run

    def beat(self) -> None:
        """A sign of life; a run that was taken for dead meanwhile runs again. Raises AtWork as `check` does."""
        run = self.check()
        self._set_tags({HEARTBEAT_TAG: signs_of_life()[HEARTBEAT_TAG]})
        if run.info.status != "RUNNING" and not self.ended:
            self._status("RUNNING")
            self._clear_end(run)

    def end(self, tags: dict[str, str], status: str, ended: int, seconds: float) -> None:
        """Tells the end past all that waits; what does not come through within so many seconds is left."""

        def tell() -> None:
            with suppress(Exception):
                self.check()
                self._batch(tags={name: text[:LONGEST_TAG] for name, text in tags.items()})
                self._status(status, ended)

        self.ended = True  # no sign of life makes it run again
        telling = threading.Thread(target=tell, daemon=True)
        telling.start()
        telling.join(seconds)

    def _set_tags(self, tags: dict[str, str]) -> None:
        self.client.log_batch(self.run_id, tags=[RunTag(*tag) for tag in tags.items()])

    def _batch(
        self,
        metrics: list[tuple[str, float, int, int]] = (),
        params: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        """Without the signs of life that journals of an earlier version hold: they are old."""
        new = {name: text for name, text in (tags or {}).items() if name not in (OWNER_TAG, HEARTBEAT_TAG)}
        self.client.log_batch(
            self.run_id,
            metrics=[Metric(*metric) for metric in metrics],
            params=[Param(*param) for param in (params or {}).items()],
            tags=[RunTag(*tag) for tag in new.items()],
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

    def _clear_end(self, run: Run) -> None:
        self._untag(FAILURE_TAG)
        self._set_tags({NOTE_TAG: without_end(run.data.tags.get(NOTE_TAG, ""))})

    def _status(self, status: str, ended: int | None = None) -> None:
        """One that is finished after all has no failure any more."""
        self.ended = ended is not None
        if status == "FINISHED":
            run = self.client.get_run(self.run_id)
            if FAILURE_TAG in run.data.tags:
                self._clear_end(run)
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
