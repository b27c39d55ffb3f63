"""Files that are added to a run which has ended."""

from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from ablation.errors import TrackingError
from ablation.track.patience import in_short, patiently


def attach(run_id: str, file: Path, folder: str) -> None:
    """Puts the file among the run's artifacts, in place of one of the same name. Raises TrackingError."""
    try:
        patiently(lambda: MlflowClient().log_artifact(run_id, str(file), folder))
    except (MlflowException, OSError) as error:
        raise TrackingError(f"run {run_id} does not take {folder}/{file.name}: {in_short(error)}") from error
