"""`mlflow run .` as a user types it, on a copy of the project with a store of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

ROOT = Path(__file__).parents[1]
SMALL = ("world_stories=20", "epochs=1", "text_pretraining=1", "latent_dim=20")


@pytest.fixture
def project(tmp_path):
    """The files that the program needs, as a fresh checkout has them."""
    shutil.copytree(ROOT / "ablation", tmp_path / "ablation", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("MLproject", "conda.yaml", "requirements.txt"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / "mlruns").mkdir()
    shutil.copyfile(ROOT / "mlruns" / "README.md", tmp_path / "mlruns" / "README.md")
    (tmp_path / "mlflow.db").symlink_to("mlruns/mlflow.db")
    return tmp_path


COMMAND = (sys.executable, "-m", "mlflow", "run", ".", "--env-manager", "local")


def environment() -> dict[str, str]:
    """That of a fresh shell."""
    found = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    return found | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{found['PATH']}"}


def mlflow_run(project: Path, *words: str) -> subprocess.CompletedProcess:
    command = [*COMMAND, *words]
    return subprocess.run(
        command, cwd=project, env=environment(), capture_output=True, text=True, timeout=300
    )


def parameters(*pairs: str) -> list[str]:
    return [word for pair in pairs for word in ("-P", pair)]


def test_one_run_is_tracked_in_the_project_folder(project):
    done = mlflow_run(project, "--experiment-name", "visual-storytelling", *parameters(*SMALL))
    assert done.returncode == 0, done.stderr
    assert (project / "mlruns" / "mlflow.db").is_file() and (project / "mlflow.db").is_symlink()
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    experiment = client.get_experiment_by_name("visual-storytelling")
    runs = client.search_runs([experiment.experiment_id], "tags.kind = 'train'")
    assert [run.info.status for run in runs] == ["FINISHED"]
    assert runs[0].data.params["latent_dim"] == "20" and runs[0].data.params["text_target"] == "frame4"
    assert f"#/experiments/{experiment.experiment_id}/runs/{runs[0].info.run_id}" in done.stdout
    everything = client.search_runs([experiment.experiment_id])
    assert sorted(run.data.tags["kind"] for run in everything) == ["pretrain", "train"]
    artifacts = {f.path for f in client.list_artifacts(runs[0].info.run_id)}
    assert {"checkpoints", "predictions", "scores", "loss_summary_resnet20.csv"} <= artifacts
    best_answers = ("image_oracle", "image_oracle_error", "text_oracle", "text_oracle_error")
    known = {f"floor/{part}{name}" for name in best_answers for part in ("", "test_")}
    assert known <= runs[0].data.metrics.keys()


def test_a_bad_parameter_ends_with_1_and_no_run_stays_running(project):
    done = mlflow_run(project, *parameters("latent_dim=0", "epohcs=3"))
    assert done.returncode == 1
    assert "latent_dim=0 is not allowed" in done.stderr and "did you mean epochs?" in done.stderr
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert {run.info.status for run in runs} <= {"FAILED"}
