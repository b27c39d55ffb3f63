"""Many writers at once: a store that does not exist yet, one that does, a server on PostgreSQL that is restarted.

The PostgreSQL is pip-installed (`pip install pgserver 'psycopg[binary]'`); run with `pytest -m faults`.
"""

import threading
import time

import mlflow
import pytest
from mlflow import MlflowClient

from ablation.track.mlflow_run import MlflowRun
from tests.killed_run import KilledRun
from tests.servers import Server, wait_until

pytestmark = pytest.mark.faults
WRITERS = 16
EPOCHS = 6
STEPS = list(range(1, EPOCHS + 1))
SMALL = ("--epochs", EPOCHS, "--text_pretraining", 1, "--batch_size", 8, "--latent_dim", 16)


@pytest.fixture
def postgres(tmp_path):
    """A PostgreSQL of our own, and how to restart it the hard way."""
    pgserver = pytest.importorskip("pgserver", reason="pip install pgserver 'psycopg[binary]'")
    from pgserver._commands import pg_ctl

    started = pgserver.get_server(tmp_path / "postgres")
    started.crash = lambda: pg_ctl(
        ["-w", "-m", "immediate", "restart"], pgdata=started.pgdata, user=started.system_user
    )
    yield started
    started.cleanup()


@pytest.fixture
def server(tmp_path, postgres):
    """A tracking server on it; gone at the end, whatever the test has found."""
    (tmp_path / "server").mkdir()
    started = Server(tmp_path / "server", postgres.get_uri())
    yield started
    started.kill()


def finished_runs(uri):
    client = MlflowClient(uri)
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()], "tags.kind = 'train'")
    for run in runs:
        for name in ("train/total_loss", "val/text_loss"):
            assert [m.step for m in client.get_metric_history(run.info.run_id, name)] == STEPS, run.info
        assert len(client.get_metric_history(run.info.run_id, "test/image_loss")) == 1
    return [run.info.status for run in runs]


def all_at_once(world, folder, uri, begun=lambda: None):
    """Sixteen seeds, started at the same moment; the exit codes of those that failed. `begun` is called when all have a
    run.
    """
    runs = [
        KilledRun(
            folder / str(seed),
            ["main", "--dataset", world, *SMALL, "--seed", seed],
            often=False,
            MLFLOW_TRACKING_URI=uri,
            ABLATION_CACHE=str(folder / "cache"),
        )
        for seed in range(WRITERS)
    ]
    processes = [run.start() for run in runs]
    wait_until(lambda: all("run: " in run.told() for run in runs), 300)
    begun()
    for process in processes:
        process.join(500)
    return {
        run.last_line(): process.exitcode
        for run, process in zip(runs, processes, strict=True)
        if process.exitcode
    }


@pytest.mark.parametrize("there", [False, True], ids=["new store", "old store"])
def test_sixteen_processes_on_a_file(world, tmp_path, there):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    if there:
        MlflowClient(uri).search_experiments()
    assert all_at_once(world, tmp_path, uri) == {}
    assert finished_runs(uri) == ["FINISHED"] * WRITERS


def test_sixteen_processes_on_a_server_that_is_restarted_with_its_database(world, tmp_path, postgres, server):
    over = threading.Event()

    def disturb():
        while not over.wait(5):
            postgres.crash()
            if over.wait(5):
                return
            server.kill()
            over.wait(5)
            server.start()

    trouble = threading.Thread(target=disturb)
    try:
        wrong = all_at_once(world, tmp_path, server.uri, begun=trouble.start)
    finally:
        over.set()
        trouble.join()
    assert wrong == {}
    assert finished_runs(server.uri) == ["FINISHED"] * WRITERS


def test_ten_thousand_metrics_under_restarts(tmp_path, postgres, server, monkeypatch):
    """Twenty runs that log 500 values each, while the database and the server die again and again."""
    monkeypatch.setenv("ABLATION_CACHE", str(tmp_path / "cache"))
    mlflow.set_tracking_uri(server.uri)
    runs = [MlflowRun.start(f"writer {n}", {"kind": "train"}) for n in range(20)]

    def write(run):
        for step in range(500):
            run.log_metrics({"value": step / 7}, step)
            time.sleep(0.05)

    writers = [threading.Thread(target=write, args=(run,)) for run in runs]
    for writer in writers:
        writer.start()
    for _ in range(3):
        time.sleep(4)
        postgres.crash()
        server.kill()
        time.sleep(2)
        server.start()
    for writer in writers:
        writer.join()
    for run in runs:
        run.finish()
    client = MlflowClient(server.uri)
    for run in runs:
        points = client.get_metric_history(run.run_id, "value")
        assert [(p.step, p.value) for p in points] == [(step, step / 7) for step in range(500)]
        assert client.get_run(run.run_id).info.status == "FINISHED"
    mlflow.set_tracking_uri(None)
    wait_until(
        lambda: (
            not (tmp_path / "cache" / "runs").exists() or not list((tmp_path / "cache" / "runs").iterdir())
        )
    )
