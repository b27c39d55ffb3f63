"""Once a cell is finished, what its earlier tries keep on this machine goes; what the tracker lacks stays."""

import multiprocessing
import os

import mlflow
import pytest

from ablation.ownership import held
from ablation.places import runs_folder
from ablation.track import run_folder
from ablation.track.left_folders import remove_left_folders
from ablation.track.mlflow_run import MlflowRun
from ablation.track.run_folder import TRACKER, lock_of

CELL = {"kind": "train", "cell_hash": "abc"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ABLATION_CACHE", str(tmp_path / "cache"))


def die_untold(uri, told):
    """A run whose process ends before the tracker has heard of its loss."""
    mlflow.set_tracking_uri(uri)
    run = MlflowRun.start("untold", CELL)
    run.settle()
    run.delivery.send = lambda entry: time_out()
    run.log_metrics({"train/total_loss": 1.0}, step=1)
    told.send(run.run_id)
    os._exit(1)


def time_out():
    raise TimeoutError


def test_only_what_is_delivered_and_at_rest_goes(store):
    ended, other, at_work = (
        MlflowRun.start("run", tags) for tags in (CELL, CELL | {"cell_hash": "other"}, CELL)
    )
    for run in (ended, other, at_work):
        (run.folder / "last.pt").write_bytes(b"a checkpoint")
    for run in (ended, other):
        run.fail("stopped", "KILLED")
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=die_untold, args=(mlflow.get_tracking_uri(), theirs))
    process.start()
    untold = ours.recv()
    process.join()
    remove_left_folders("abc")
    assert (at_work.folder / "last.pt").exists()
    at_work.finish()
    left = {run_id for run_id in (ended.run_id, other.run_id, untold) if (runs_folder() / run_id).exists()}
    assert left == {other.run_id, untold}


def test_what_another_process_delivers_or_nobody_can_read_stays(store, monkeypatch):
    monkeypatch.setattr(run_folder, "SECONDS_TO_LET_GO", 0)
    delivered, damaged = (MlflowRun.start("run", CELL) for _ in range(2))
    for run in (delivered, damaged):
        run.fail("stopped", "KILLED")
    damaged.delivery.thread.join()
    damaged.delivery.journal.append("batch", {"metrics": [["late", 7.0, 1, 3]]})
    (damaged.folder / TRACKER).write_text("")
    with held(lock_of(delivered.run_id), wait=False):
        remove_left_folders("abc")
        assert delivered.folder.exists()
    remove_left_folders("abc")
    assert damaged.folder.exists() and not delivered.folder.exists()
