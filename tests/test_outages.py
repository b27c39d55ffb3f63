"""A tracking server that is not there, goes away, or never comes back: nothing is lost, and it is said."""

import time

import mlflow
import pytest
from mlflow import MlflowClient

from ablation.__main__ import main
from ablation.track import store as store_module
from ablation.track.views import run_page
from tests.killed_run import KilledRun
from tests.servers import Server, Silent, free_port, wait_until

FAST = ("--text_pretraining", 2, "--batch_size", 4)


@pytest.fixture
def tracking(monkeypatch):
    """Has this process look at a server."""

    yield mlflow.set_tracking_uri
    mlflow.set_tracking_uri(None)


@pytest.fixture
def server(tmp_path):
    (tmp_path / "server").mkdir()
    started = Server(tmp_path / "server")
    yield started
    started.kill()


@pytest.fixture
def silent():
    opened = Silent()
    yield opened
    opened.close()


def steps_of(client, run, name):
    return [point.step for point in client.get_metric_history(run.info.run_id, name)]


def only_run(client, kind="train"):
    experiments = [e.experiment_id for e in client.search_experiments()]
    (run,) = client.search_runs(experiments, f"tags.kind = '{kind}'")
    return run


@pytest.mark.parametrize("name", ["main", "study", "summary", "plan", "pretrain"])
def test_a_server_that_is_not_there_is_told_at_once(command, tracking, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    tracking(f"http://127.0.0.1:{free_port()}")
    began = time.monotonic()
    code, _, err = command(name)
    assert code == 1 and "does not answer" in err and "MLFLOW_TRACKING_URI" in err and "Traceback" not in err
    assert time.monotonic() - began < 15


def test_a_server_that_never_answers_is_not_waited_for(command, tracking, silent, monkeypatch):
    monkeypatch.setattr(store_module, "SECONDS_TO_ANSWER", 1)
    tracking(silent.uri)
    code, _, err = command("main")
    assert code == 1 and "does not answer" in err and "no answer in time" in err


def test_a_password_is_not_shown_in_messages(command, tracking):
    tracking(f"http://me:secret@127.0.0.1:{free_port()}")
    assert "secret" not in "".join(map(str, command("main")))
    assert "secret" not in store_module.ui_address()


def test_a_store_that_cannot_be_opened_is_told(command, tmp_path, tracking):
    (tmp_path / "mlflow.db").write_bytes(b"not a database" * 1000)
    tracking(f"sqlite:///{tmp_path}/mlflow.db")
    code, _, err = command("main")
    assert code == 1 and "cannot be opened" in err and "Traceback" not in err


@pytest.mark.faults
def test_a_server_that_is_away_for_a_while_gets_everything_once(server, tracking, world, tmp_path):
    tracking(server.uri)
    client = MlflowClient()
    run = KilledRun(
        tmp_path / "run",
        ["main", "--dataset", world, *FAST, "--epochs", 40],
        MLFLOW_TRACKING_URI=server.uri,
    )
    process = run.start()
    wait_until(lambda: "epoch 3 of 40" in run.told(), 300)
    server.kill()
    wait_until(lambda: "does not answer" in run.told(), 300)
    before = run.told().count(": epoch ")
    time.sleep(30)
    assert run.told().count(": epoch ") > before, "the training stood still"
    server.start()
    process.join(300)
    assert process.exitcode == 0, run.last_line()
    tracked = only_run(client)
    assert tracked.info.status == "FINISHED"
    assert steps_of(client, tracked, "train/total_loss") == list(range(1, 41))
    assert len(steps_of(client, tracked, "test/total_loss")) == 1
    files = client.list_artifacts(tracked.info.run_id, "predictions")
    pictures = {f.path for f in files if f.path.startswith("predictions/epoch-")}
    assert len(pictures) == 80
    assert not list((run.folder / "cache" / "runs").iterdir())


@pytest.mark.faults
def test_a_server_that_never_comes_back_loses_nothing(server, tracking, world, tmp_path, capsys, monkeypatch):
    tracking(server.uri)
    client = MlflowClient()
    run = KilledRun(
        tmp_path / "run", ["main", "--dataset", world, *FAST, "--epochs", 4], MLFLOW_TRACKING_URI=server.uri
    )
    process = run.start()
    wait_until(lambda: "epoch 1 of 4" in run.told(), 300)
    server.kill()
    process.join(400)
    assert process.exitcode == 1
    assert "is finished, but" in run.last_line() and "python -m ablation deliver" in run.last_line()
    monkeypatch.setenv("ABLATION_CACHE", run.environment["ABLATION_CACHE"])
    assert main(["deliver"]) == 1
    assert "nothing is lost" in capsys.readouterr().err
    server.start()
    assert main(["deliver"]) == 0
    tracked = only_run(client)
    assert (
        f"{server.uri}/{run_page(tracked.info.experiment_id, tracked.info.run_id)}" in capsys.readouterr().out
    )
    assert tracked.info.status == "FINISHED"
    assert steps_of(client, tracked, "train/total_loss") == [1, 2, 3, 4]
    assert (
        main(["deliver"]) == 0 and "the tracker has everything that runs left here" in capsys.readouterr().out
    )


@pytest.mark.faults
def test_a_server_with_a_password_lets_only_those_in_who_have_it(tmp_path, tracking, command, monkeypatch):
    pytest.importorskip("flask_wtf", reason="a server with passwords needs mlflow[auth]")
    secrets = {
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "a key for this test",
        "MLFLOW_AUTH_ADMIN_PASSWORD": "a password for this test",
    }
    server = Server(tmp_path, None, "--app-name", "basic-auth", **secrets)
    try:
        tracking(server.uri)
        code, _, err = command("summary")
        assert code == 1 and "MLFLOW_TRACKING_USERNAME" in err
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", secrets["MLFLOW_AUTH_ADMIN_PASSWORD"])
        code, _, err = command("summary")
        assert code == 3 and "python -m ablation main" in err
    finally:
        server.kill()
