"""Kills of what a user starts besides a plain command: `mlflow run`, a study, a client of a server, two machines."""

import os
import random
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from ablation.track.query import find_runs
from ablation.train.checkpoint import load_checkpoint
from tests.killed_run import BEATS, HOST, KilledRun
from tests.servers import Server, wait_until
from tests.test_kills import FAST, GONE_ON, numbers, stopped_in, undisturbed  # noqa: F401
from tests.test_mlflow_run import COMMAND, environment, parameters, project  # noqa: F401
from tests.test_study import CELLS, cells_in_store, launch, study, values  # noqa: F401

pytestmark = pytest.mark.faults
SMALL = parameters("world_stories=20", "epochs=12", "text_pretraining=1", "latent_dim=20")


def trainings(folder) -> tuple[MlflowClient, list]:
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiments = [e.experiment_id for e in client.search_experiments()]
    return client, client.search_runs(
        experiments, "tags.kind = 'train'", order_by=["attributes.start_time ASC"]
    )


def start(project, *words) -> subprocess.Popen:  # noqa: F811
    """`mlflow run` and what it starts, as one group."""
    with (project / "told.txt").open("a") as told:
        return subprocess.Popen(
            [*COMMAND, *words],
            cwd=project,
            env=environment(),
            stdout=told,
            stderr=told,
            start_new_session=True,
        )


def losses(client, run) -> dict:
    names = ("train/total_loss", "val/image_loss", "val/text_loss", "test/total_loss")
    return {n: [(p.step, p.value) for p in client.get_metric_history(run.info.run_id, n)] for n in names}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_a_killed_mlflow_run_goes_on_by_the_same_command(project, how):  # noqa: F811
    process = start(project, *SMALL)
    wait_until(lambda: "epoch 2 of 12" in (project / "told.txt").read_text(), 300)
    os.killpg(process.pid, how)
    process.wait(30)
    told = (project / "told.txt").read_text()
    assert start(project, *SMALL).wait(300) == 0
    said = (project / "told.txt").read_text()[len(told) :]
    client, (stopped, ended) = trainings(project)
    assert ended.info.status == "FINISHED" and stopped.info.status != "RUNNING"
    if how == signal.SIGKILL:
        assert stopped.info.status == "KILLED"
    else:  # MLflow itself calls it FAILED
        assert "stopped from outside" in stopped.data.tags["failure"]
        assert f"going on from the unfinished run {stopped.info.run_id}" in said and GONE_ON in said
    assert start(project, *SMALL).wait(300) == 0
    *_, whole = trainings(project)[1]
    assert whole.info.run_id != ended.info.run_id and losses(client, whole) == losses(client, ended)


def test_a_client_that_is_killed_while_it_uploads_to_a_server(world, tmp_path, undisturbed):  # noqa: F811
    expected, seconds = undisturbed("main", FAST)
    (tmp_path / "server").mkdir()
    server = Server(tmp_path / "server")
    try:
        run = KilledRun(tmp_path / "run", ["main", "--dataset", world, *FAST], MLFLOW_TRACKING_URI=server.uri)
        draws, hits = random.Random(0), []
        for phase in ("training", "uploading", "uploading", "uploading"):
            hits.append(stopped_in(run, phase, draws.uniform(0, 0.3 * seconds[phase]), signal.SIGKILL))
            if hits[-1] is None:
                break
        assert "uploading" in hits
        assert hits[-1] is None or run.whole()[0] == 0, run.last_line()
        assert numbers(None, server.uri) == expected
        client = MlflowClient(server.uri)
        (tracked,) = client.search_runs(["0", "1"], "tags.kind = 'train'")
        for name in ("best", "last"):
            load_checkpoint(
                Path(client.download_artifacts(tracked.info.run_id, f"checkpoints/{name}.pt", str(tmp_path)))
            )
    finally:
        server.kill()


def test_a_maker_of_the_world_that_is_killed_leaves_nothing_that_is_taken_for_a_world(tmp_path):
    words, draws = ["prepare", "--world_stories", 20], random.Random(0)
    whole = KilledRun(tmp_path / "whole", words)
    assert whole.whole()[0] == 0, whole.last_line()
    (digest,) = (whole.folder / "cache").glob("storyworld-*.digest")
    run, seen = KilledRun(tmp_path / "killed", words), set()
    cache = run.folder / "cache"

    def new():
        return set(cache.glob(".storyworld-*")) - seen

    for _ in range(3):
        process = run.start()
        wait_until(new)
        seen.update(new())
        time.sleep(draws.uniform(0, 1))
        assert not list(cache.glob("storyworld-*.digest")), "it was too quick to be killed"
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    assert run.whole()[0] == 0, run.last_line()
    assert (cache / digest.name).read_text() == digest.read_text()
    assert not list(cache.glob(".storyworld-*"))


def test_a_study_that_is_terminated_goes_on_by_the_same_command(study, world, store):  # noqa: F811
    words = ("--seeds", 2, "--jobs", 2)
    driver = launch(store, study, world, *words)
    wait_until(lambda: sum(cells_in_store().values()) >= 2, 400)
    os.kill(driver.pid, signal.SIGTERM)
    began = time.monotonic()
    assert driver.wait(60) == 130 and time.monotonic() - began < 10
    stopped = find_runs("train")
    assert {run.status for run in stopped} <= {"KILLED", "FINISHED"} and len(stopped) < 7
    assert find_runs("study")[0].status == "KILLED"
    done = {run.run_id: values(run.run_id) for run in stopped if run.status == "FINISHED"}
    again = launch(store, study, world, *words)
    assert again.wait(timeout=500) == 0, max(store.glob("out-*")).read_text()
    assert sorted(cells_in_store()) == sorted(CELLS) and {r.status for r in find_runs("train")} == {
        "FINISHED"
    }
    assert {run_id: values(run_id) for run_id in done} == done


def silent_for_long(uri):
    """As if the runs that read RUNNING had given no sign of life for twenty minutes."""
    client = MlflowClient(uri)
    for run in client.search_runs([e.experiment_id for e in client.search_experiments()]):
        if run.info.status == "RUNNING":
            client.set_tag(run.info.run_id, "heartbeat", str(int((time.time() - 1200) * 1000)))


def put_to_sleep(process, store: Path) -> None:
    """At a moment when it does not hold the store's lock."""
    while True:
        os.kill(process.pid, signal.SIGSTOP)
        try:
            with closing(sqlite3.connect(store, timeout=0)) as looked_at:
                looked_at.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError:
            os.kill(process.pid, signal.SIGCONT)
            time.sleep(0.05)


@pytest.fixture
def machines(world, tmp_path):
    """The same command on two machines, with caches of their own and one store. The first looks often whether its run is
    still its own, since its silence is made up.
    """
    uri = f"sqlite:///{tmp_path}/one/mlflow.db"
    words = ["main", "--dataset", world, *FAST]
    one = KilledRun(tmp_path / "one", words, **{BEATS: "0.1"})
    return one, KilledRun(tmp_path / "other", words, MLFLOW_TRACKING_URI=uri, **{HOST: "elsewhere"}), uri


def test_another_machine_goes_on_where_one_has_died(machines, undisturbed):  # noqa: F811
    one, other, uri = machines
    expected, seconds = undisturbed("main", FAST)
    assert one.killed("training", 0.7 * seconds["training"])[2] == "training"
    assert one.has_trained()
    silent_for_long(uri)
    assert other.whole()[0] == 0, other.last_line()
    assert "now KILLED" in other.told() and GONE_ON in other.told().rpartition("autoencoder: ")[2]
    assert numbers(one.folder) == expected


def test_a_machine_that_was_only_asleep_does_not_disturb_the_one_that_took_over(machines, undisturbed):  # noqa: F811
    one, other, uri = machines
    expected, seconds = undisturbed("main", FAST)
    process = one.start()
    wait_until(lambda: any(phase == "training" for phase, _ in one.phases()), 300)
    time.sleep(0.5 * seconds["training"])
    put_to_sleep(process, one.folder / "mlflow.db")
    silent_for_long(uri)
    assert other.whole()[0] == 0, other.last_line()
    os.kill(process.pid, signal.SIGCONT)
    process.join(300)
    assert process.exitcode == 1 and "Traceback" not in one.told(), one.last_line()
    assert numbers(one.folder) == expected
