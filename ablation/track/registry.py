"""The model registry."""

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from ablation.errors import TrackingError
from ablation.track.model_sending import whole_model
from ablation.track.patience import in_short, patiently
from ablation.track.query import MODEL_NAME, RunRecord


def register(name: str, alias: str, run: RunRecord, tags: dict[str, str], about: str) -> str | None:
    """The version that is the run's logged model, made where there is none yet, now under the alias; None for a run
    without a logged model. Raises TrackingError where the registry refuses.
    """
    client = MlflowClient()
    try:
        model = patiently(lambda: whole_model(client, client.get_run(run.run_id), MODEL_NAME))
        if model is None:
            return None
        patiently(lambda: _make(client, name))
        version = patiently(lambda: _version(client, name, model.model_id, run))
        for tag, text in tags.items():
            patiently(lambda tag=tag, text=text: client.set_model_version_tag(name, version, tag, text))
        patiently(lambda: client.update_model_version(name, version, about))
        patiently(lambda: client.set_registered_model_alias(name, alias, version))
    except MlflowException as error:
        raise TrackingError(f"the model registry refuses {name}: {in_short(error)}") from error
    return version


def _make(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _version(client: MlflowClient, name: str, model_id: str, run: RunRecord) -> str:
    source = f"models:/{model_id}"
    known = [v for v in client.search_model_versions(f"name = '{name}'") if v.source == source]
    made = known[0] if known else client.create_model_version(name, source, run.run_id, model_id=model_id)
    return str(made.version)
