"""Once a cell is finished, what its earlier tries keep on this machine goes; what the tracker lacks stays."""

import multiprocessing
import os

import mlflow

from ablation.places import runs_folder
from ablation.track.left_folders import remove_left_folders
from ablation.track.mlflow_run import MlflowRun

CELL = {"kind": "train", "cell_hash": "abc"}


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
