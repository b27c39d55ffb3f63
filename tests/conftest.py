"""Shared by all tests: a cache of their own, a small story world on disk, a fresh tracking store."""

import atexit
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

from ablation.__main__ import main

torch.set_num_threads(2)
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
os.environ["HF_HOME"] = tempfile.mkdtemp()  # `datasets` gives stale rows of a folder of the same name
atexit.register(shutil.rmtree, os.environ["HF_HOME"], ignore_errors=True)
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):  # processes that tests start share what they compile
    os.environ["PYTHONPYCACHEPREFIX"] = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, os.environ["PYTHONPYCACHEPREFIX"], ignore_errors=True)
WORLD = {"train": 24, "test": 8}


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=25, help="stops of each recipe in tests/test_kills.py")


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory):
    """Nothing is read from or left in the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["ABLATION_CACHE"] = str(folder)
    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"):
        os.environ.pop(name, None)
    return folder


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A folder of parquet files in the StoryReasoning schema: 24 train and 8 test stories."""
    from ablation.world.writer import write_world

    folder = tmp_path_factory.mktemp("world") / "stories"
    write_world(folder, **WORLD)
    return folder


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A tracking database with its tables and no run: making one takes seconds."""
    folder = tmp_path_factory.mktemp("store")
    from mlflow.tracking import MlflowClient

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # where files of its default experiment will lie
        MlflowClient(f"sqlite:///{folder}/mlflow.db").search_experiments()
    return folder / "mlflow.db"


@pytest.fixture(autouse=True)
def unknown_hub(monkeypatch):
    """Whether the hub answers is asked anew in every test."""
    monkeypatch.setattr("ablation.data.hub._unreachable", [])


@pytest.fixture
def store(empty_store, tmp_path, monkeypatch):
    """A working folder with an empty tracking store, as `mlflow ui` there would read it."""
    import mlflow

    monkeypatch.chdir(tmp_path)
    shutil.copyfile(empty_store, tmp_path / "mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    yield tmp_path
    mlflow.set_tracking_uri(None)


@dataclass(frozen=True)
class Trained:
    """A small run, trained to its end, and its model in a folder."""

    uri: str
    run_id: str
    folder: Path


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory, world, empty_store):
    """Trained once for all tests."""
    import mlflow

    from ablation.track.query import find_runs

    place = tmp_path_factory.mktemp("trained")
    shutil.copyfile(empty_store, place / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        mlflow.set_tracking_uri(f"sqlite:///{place}/mlflow.db")
        words = ("--epochs", 2, "--text_pretraining", 2, "--batch_size", 4, "--text_target", "frame5")
        assert main(["main", "--dataset", str(world), *map(str, words)]) == 0
        (run,) = find_runs("train")
        folder = mlflow.artifacts.download_artifacts(f"runs:/{run.run_id}/storyteller", dst_path=str(place))
        mlflow.set_tracking_uri(None)
    return Trained(f"sqlite:///{place}/mlflow.db", run.run_id, Path(folder))


@pytest.fixture
def trained(trained_run, tmp_path, monkeypatch):
    """That run, from an empty folder that knows its store."""
    import mlflow

    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(trained_run.uri)
    yield trained_run
    mlflow.set_tracking_uri(None)


@pytest.fixture
def command(capsys):
    """Runs a command line in this process: `(exit code, printed, complained)`."""

    def run(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
