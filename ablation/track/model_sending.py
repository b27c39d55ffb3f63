"""A model folder told to MLflow as the model of a run, as `log_model` there does it; told again it changes nothing."""

from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Metric, Run
from mlflow.models import Model

DIGEST_TAG = "digest"
SCORES = "test/"
"""The run's metrics that the model shows too."""


def send_model(client: MlflowClient, run_id: str, folder: Path, digest: str, step: int) -> None:
    """The folder's name is the model's; `step` is the epoch that its weights are of. One of the same name and run with
    another digest goes.
    """
    run = client.get_run(run_id)
    model = _found(client, run, folder.name, digest) or _created(client, run, folder.name, digest)
    if model.status != LoggedModelStatus.READY:
        _say_whose(folder, model)
        client.log_model_artifacts(model.model_id, str(folder))
    if model.model_id not in [output.model_id for output in run.outputs.model_outputs]:
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step)])
    client.log_batch(run_id, metrics=_scores(client, run, model.model_id))
    if model.status != LoggedModelStatus.READY:
        client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)


def models_of(client: MlflowClient, run: Run, name: str) -> list[LoggedModel]:
    """A run's models of that name, ready or not, newest first."""
    condition = f"source_run_id = '{run.info.run_id}' AND name = '{name}'"
    return list(client.search_logged_models([run.info.experiment_id], condition))


def whole_model(client: MlflowClient, run: Run, name: str) -> LoggedModel | None:
    """The newest of a run's models of that name that has arrived whole."""
    return next((m for m in models_of(client, run, name) if m.status == LoggedModelStatus.READY), None)


def _found(client: MlflowClient, run: Run, name: str, digest: str) -> LoggedModel | None:
    found = None
    for model in models_of(client, run, name):
        if found is None and model.tags.get(DIGEST_TAG) == digest:
            found = model
        else:
            client.delete_logged_model(model.model_id)
    return found


def _created(client: MlflowClient, run: Run, name: str, digest: str) -> LoggedModel:
    return client.create_logged_model(
        run.info.experiment_id,
        name=name,
        source_run_id=run.info.run_id,
        tags={DIGEST_TAG: digest},
        params=run.data.params,
    )


def _say_whose(folder: Path, model: LoggedModel) -> None:
    about = Model.load(str(folder / "MLmodel"))
    about.artifact_path, about.run_id = model.artifact_location, model.source_run_id
    about.model_id = about.model_uuid = model.model_id
    about.save(str(folder / "MLmodel"))


def _scores(client: MlflowClient, run: Run, model_id: str) -> list[Metric]:
    """As the run has them, to the time stamp: so the run does not get them twice."""
    names = [name for name in run.data.metrics if name.startswith(SCORES)]
    points = [client.get_metric_history(run.info.run_id, name)[-1] for name in names]
    return [
        Metric(p.key, p.value, p.timestamp, p.step, model_id=model_id, run_id=run.info.run_id) for p in points
    ]
