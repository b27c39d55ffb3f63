"""A study on a real Ray cluster of two nodes on loopback, over a real tracking server; one node is killed.

Run with `pytest -m ray` where Ray is installed (`pip install .[cluster]`).
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import mlflow
import pytest
import yaml
from mlflow import MlflowClient

from ablation.engines.task import FAILED, Busy, Reporter, Task, Unfit
from ablation.stopping import listen, whole
from ablation.track.query import find_runs
from tests.servers import Server, wait_until
from tests.test_study import ROOT, STUDY, cells_in_store

pytestmark = pytest.mark.ray
EPOCHS = 200
CELLS = [(arm, seed) for arm in ("Basecase", "norm") for seed in (0, 1)]


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A tracking server that also carries the artifacts, on a port of loopback."""
    started = Server(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", started.uri)
    mlflow.set_tracking_uri(started.uri)
    yield started.uri
    mlflow.set_tracking_uri(None)
    started.kill()


@pytest.fixture
def cluster(server, tmp_path, monkeypatch):
    """A head and a second node of one core each, with caches of their own."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed")
    import ray

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    caches = [{"ABLATION_CACHE": str(tmp_path / f"cache{node}")} for node in (1, 2)]
    made = cluster_utils.Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "env_vars": caches[0], "include_dashboard": False},
    )
    made.second = made.add_node(num_cpus=1, env_vars=caches[1])
    made.wait_for_nodes()
    yield made
    ray.shutdown()
    made.shutdown()


def test_a_node_that_dies_loses_and_doubles_nothing(cluster, world, tmp_path):
    study = STUDY | {"arms": {"norm": {"latent_norm": "layernorm"}}}
    study["baseline"] = study["baseline"] | {"epochs": EPOCHS}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    words = ["--study", "small.yaml", "--seeds", "2", "--dataset", str(world), "--engine", "ray"]
    with (tmp_path / "out.txt").open("w") as out:
        driver = subprocess.Popen(
            [sys.executable, "-m", "ablation", "study", *words, "--address", cluster.address],
            cwd=tmp_path,
            env=os.environ | {"ABLATION_CACHE": str(tmp_path / "cache1")},
            stdout=out,
            stderr=out,
        )
    second = cluster.second
    wait_until(lambda: checkpointed_on(tmp_path / "cache2"), seconds=300)
    stopped = [run for run in find_runs("train") if run.run_id in checkpointed_on(tmp_path / "cache2")]
    cluster.remove_node(second, allow_graceful=False)
    killed = time.time()
    assert driver.wait(timeout=500) == 0, (tmp_path / "out.txt").read_text()
    assert cells_in_store() == Counter(CELLS)
    runs = find_runs("train")
    assert len(runs) == 4 and {run.status for run in runs} == {"FINISHED"}
    for run in runs:
        steps = Counter(m.step for m in MlflowClient().get_metric_history(run.run_id, "train/total_loss"))
        assert steps == Counter(range(1, EPOCHS + 1)), run.name
    assert {run.tags["code_commit"] for run in runs} == {find_runs("study")[0].tags["code_commit"]}
    (moved,) = [run for run in runs if run.run_id in {run.run_id for run in stopped}]
    fetched = rf"GET \S+{moved.run_id}/artifacts/checkpoints/last\.pt \S+ 200"
    assert re.search(fetched, (tmp_path / "server.log").read_text()), "it began anew"
    assert moved.ended / 1000 > killed
    print((tmp_path / "out.txt").read_text())


def test_a_busy_task_is_asked_for_again_after_seconds_however_many_others_there_are(tmp_path, monkeypatch):
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    from ablation.engines.ray_cluster import RayEngine

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    ray.init(num_cpus=1, include_dashboard=False, logging_level="warning")
    tasks = [task("busy", busy_for_two_seconds, mark=str(tmp_path / "tried"))]
    tasks += [task(f"square {n}", square, number=n) for n in range(40)]
    with closing(RayEngine(None, cpus=1, gpus=0.0)) as engine:
        outcomes = engine.run(tasks, lambda event: None)
    assert outcomes["busy"].result == {"tries": 2}
    assert [outcomes[f"square {n}"].result["value"] for n in range(40)] == [n * n for n in range(40)]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_does_not_break_into_what_must_stay_whole(tmp_path, monkeypatch, sent):
    """`start` joins Ray, which has a SIGTERM of its own."""
    pytest.importorskip("ray", reason="Ray is not installed")
    from ablation.engines.ray_cluster import RayEngine

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    begun, ended = tmp_path / "begun", tmp_path / "ended"

    def stop():
        wait_until(begun.exists, 60)
        os.kill(os.getpid(), sent)

    handler, stopping = signal.getsignal(sent), threading.Thread(target=stop)
    listen(sent)
    with closing(RayEngine(None, cpus=1, gpus=0.0)) as engine, pytest.raises(KeyboardInterrupt):
        stopping.start()
        engine.run([task("step", step_of_seconds, begun=str(begun), ended=str(ended))], lambda event: None)
    signal.signal(sent, handler)
    stopping.join()
    assert ended.read_text() == "whole"


def test_a_node_with_other_packages_gets_no_more_work(cluster, tmp_path):
    from ablation.engines.ray_cluster import RayEngine

    events = []
    tasks = [task(f"square {n}", square_on_one_node, number=n, cache="cache2") for n in range(6)]
    with closing(RayEngine(cluster.address, cpus=1, gpus=0.0)) as engine:
        outcomes = engine.run(tasks, events.append)
        assert [outcomes[f"square {n}"].result for n in range(6)] == [{"value": n * n} for n in range(6)]
        (note,) = [event.text for event in events if event.kind == "note"]
        assert "gets no more work: other packages" in note
        nowhere = engine.run([task("nowhere", square_on_one_node, number=1, cache="none")], events.append)
    assert (nowhere["nowhere"].status, nowhere["nowhere"].message) == (FAILED, "other packages")


def square_on_one_node(work: dict, console: Reporter) -> dict:
    if not os.environ["ABLATION_CACHE"].endswith(work["cache"]):
        raise Unfit("other packages")
    return square(work, console)


def step_of_seconds(work: dict, console: Reporter) -> dict:
    """Writes down whether a stop came into the middle of it."""
    try:
        with whole():
            Path(work["begun"]).touch()
            for _ in range(20):
                time.sleep(0.1)
            Path(work["ended"]).write_text("whole")
    finally:
        if not Path(work["ended"]).exists():
            Path(work["ended"]).write_text("broken")
    return {}


def busy_for_two_seconds(work: dict, console: Reporter) -> dict:
    """From the first try on."""
    mark = Path(work["mark"])
    with mark.open("a") as file:
        file.write(f"{time.time()}\n")
    tries = mark.read_text().split()
    if time.time() < float(tries[0]) + 2:
        raise Busy("someone else is at it")
    return {"tries": len(tries)}


def square(work: dict, console: Reporter) -> dict:
    return {"value": work["number"] ** 2}


def task(name: str, function, **work) -> Task:
    return Task(name, f"tests.test_ray:{function.__name__}", work)


def checkpointed_on(cache: Path) -> list[str]:
    """Runs of a node that have written a checkpoint and still train."""
    return [file.parent.name for file in cache.glob("runs/*/last.pt") if is_training(file.parent.name)]


def is_training(run_id: str) -> bool:
    record = next((run for run in find_runs("train") if run.run_id == run_id), None)
    return record is not None and record.status == "RUNNING"
