"""A run that did not exist before, made once whatever is lost on the way."""

import uuid

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking.context.registry import resolve_tags

from ablation.errors import TrackingError
from ablation.track.patience import in_short, patiently
from ablation.track.store import experiment_to_use

OPENED_TAG = "opened"


def created(client: MlflowClient, name: str, tags: dict[str, str]) -> str:
    """The id of a new run, made once, also when the first answer was lost on its way. Raises TrackingError."""
    mark, tries = uuid.uuid4().hex, []

    def create() -> Run:
        experiment = experiment_to_use(client)
        made = client.search_runs([experiment], f"tags.{OPENED_TAG} = '{mark}'") if tries else []
        tries.append(mark)
        about = resolve_tags() | tags | {OPENED_TAG: mark}
        return made[0] if made else client.create_run(experiment, run_name=name, tags=about)

    try:
        return patiently(create).info.run_id
    except MlflowException as error:
        raise TrackingError(f"the tracker does not let a run begin: {in_short(error)}") from error
