"""Models that runs have left, found in the tracker or in a folder and brought to this machine."""

import re
from dataclasses import dataclass
from pathlib import Path

import mlflow.artifacts
import yaml
from mlflow import MlflowClient
from mlflow.entities import LoggedModel, Run

from ablation.config.entries import RUN_ID
from ablation.errors import LONGEST_PATH, TrackingError, reason, shown, without_password
from ablation.track.model_sending import whole_model
from ablation.track.patience import may_pass, patiently
from ablation.track.query import MODEL_NAME, find_runs
from ablation.track.store import quiet_mlflow, tracking_uri

MODEL_ID = re.compile(r"m-[0-9a-f]{32}")
FORMS = "a run id, models:/NAME@ALIAS, models:/NAME/VERSION, models:/ID or a folder with a model"
LOADER_FLAVOUR = "python_function"


@dataclass(frozen=True)
class FoundModel:
    """What `predict.packing` has packed, on this machine, and whose it is."""

    packed: Path
    told: str


def find_model(wanted: str | None, beside: Path) -> FoundModel:
    """The model of a run, a registered one, or one in a folder; the newest finished run's if none is wanted. Fetched into
    `beside` where it is not a folder. Raises TrackingError where there is none.
    """
    quiet_mlflow()
    if not wanted:
        return _newest(beside)
    if Path(wanted).expanduser().is_dir():
        return FoundModel(_packed(Path(wanted).expanduser()), f"the model in {wanted}")
    if wanted.startswith(("models:/", "runs:/")):
        return FoundModel(_fetched(wanted, beside), f"the model {wanted}")
    if MODEL_ID.fullmatch(wanted):
        return FoundModel(_fetched(f"models:/{wanted}", beside), f"the model {wanted}")
    if not RUN_ID.fullmatch(wanted):
        raise TrackingError(f"model={shown(wanted, LONGEST_PATH)} names no model: give {FORMS}")
    return FoundModel(_fetched(f"models:/{_of_run(wanted)}", beside), f"the model of run {wanted}")


def _newest(beside: Path) -> FoundModel:
    """That of the finished run that ended last, of those that have one."""
    runs = find_runs("train", extra="attributes.status = 'FINISHED'")
    for passed, run in enumerate(sorted(runs, key=lambda run: run.ended, reverse=True)):
        _, model = _model_of(run.run_id)
        if model:
            newest = "the newest finished one" + (
                f" with a model; {passed} newer have none" if passed else ""
            )
            told = f"the model of run {run.run_id} ({run.name}, {newest})"
            return FoundModel(_fetched(f"models:/{model.model_id}", beside), told)
    lacking = f"none of the {len(runs)} finished runs has a model" if runs else "there is no finished run"
    raise TrackingError(
        f"{lacking} in {without_password(tracking_uri())}: train one with  python -m ablation cured  or give model: {FORMS}"
    )


def _model_of(run_id: str) -> tuple[Run, LoggedModel | None]:
    """A run and its model. Raises TrackingError where the tracker cannot tell."""
    client = MlflowClient()
    try:
        run = patiently(lambda: client.get_run(run_id))
        return run, patiently(lambda: whole_model(client, run, MODEL_NAME))
    except Exception as error:
        raise TrackingError(f"model={run_id}: {reason(error)}") from error


def _of_run(run_id: str) -> str:
    """The id of a run's model."""
    run, found = _model_of(run_id)
    if found is None:
        raise TrackingError(
            f"run {run_id} ({run.info.run_name}, {run.info.status}) has no model {MODEL_NAME}: one is made where training "
            "ends; give another run, or train it anew"
        )
    return found.model_id


def _fetched(uri: str, beside: Path) -> Path:
    try:
        place = patiently(lambda: mlflow.artifacts.download_artifacts(uri, dst_path=str(beside)), patience=30)
    except Exception as error:
        gone = "the tracking server does not give it" if may_pass(error) else "there is no such model"
        raise TrackingError(f"model={shown(uri, LONGEST_PATH)}: {gone} ({reason(error)})") from error
    return _packed(Path(place))


def _packed(folder: Path) -> Path:
    """The part of a model folder that we read. Raises TrackingError where it is none of ours."""
    try:
        about = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
        flavour = about["flavors"][LOADER_FLAVOUR]
        place = folder / flavour["data"] if flavour["loader_module"].startswith("ablation.") else None
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError):
        place = None
    if place is None or not place.resolve().is_relative_to(folder.resolve()):
        raise TrackingError(f"{folder} is no folder with a model of this project: give {FORMS}")
    return place
