"""Which checkpoint a run goes on from: the newest whole one, here or in the tracker, and never none by mistake."""

import threading

import pytest
from mlflow import MlflowClient

from ablation.commands import checkpoints as module
from ablation.commands.checkpoints import BEFORE, BEST, LAST, Checkpoints, furthest, inherit, starting_point
from ablation.console import Console
from ablation.errors import AblationError, TrackingError
from ablation.track.left_behind import left_unfinished
from ablation.track.mlflow_run import CONTINUES_TAG, MlflowRun
from ablation.track.query import find_runs
from ablation.train.checkpoint import load_checkpoint, save_checkpoint, snapshot
from ablation.train.loop import LoopState, make_optimizer
from tests.test_loop import Line

IDENTITY = {"seed": "0"}


def contents_of(epoch, best=0, **state):
    task = Line()
    state = LoopState(epoch=epoch, best_epoch=best, **state)
    return snapshot(task.module, make_optimizer(task), state, IDENTITY)


@pytest.fixture
def run(store, monkeypatch):
    """A run with epochs 1 to 3 behind it, the second its best; all of it is in the tracker."""
    monkeypatch.setenv("ABLATION_CACHE", str(store / "cache"))
    started = MlflowRun.start("a run", {"kind": "train", "cell_hash": "c"})
    kept = Checkpoints(started, started.folder)
    for epoch in (1, 2, 3):
        kept.keep(contents_of(epoch, min(epoch, 2)), is_best=epoch < 3)
        kept.write()
    started.settle()
    return started


def flip(file, place=0.5):
    made = bytearray(file.read_bytes())
    made[int(place * len(made))] ^= 0x40
    file.write_bytes(made)


def goes_on_from(run):
    found = starting_point(run, IDENTITY, Console())
    return found and found["state"]["epoch"]


def test_the_checkpoint_before_the_last_serves_where_the_last_is_damaged(run, capsys):
    flip(run.folder / LAST)
    assert goes_on_from(run) == 2
    assert "last.pt is not a whole checkpoint" in capsys.readouterr().out


def test_a_stop_keeps_the_checkpoint_before_the_last(run):
    """A stop writes what is due, and leaving the recorder writes once more, though nothing is new."""
    kept = Checkpoints(run, run.folder)
    kept.due = 0
    kept.keep(contents_of(4, 2), is_best=False)
    kept.write()
    epochs = [load_checkpoint(run.folder / name)["state"]["epoch"] for name in (LAST, BEFORE)]
    assert epochs == [4, 3]
    flip(run.folder / LAST)
    assert goes_on_from(run) == 3


@pytest.mark.parametrize("damage", [flip, lambda file: file.write_bytes(b"half"), lambda file: file.unlink()])
def test_the_best_weights_come_from_the_tracker_where_they_are_damaged_here(run, damage):
    damage(run.folder / BEST)
    assert goes_on_from(run) == 3
    assert load_checkpoint(run.folder / BEST)["state"]["epoch"] == 2


def test_best_weights_of_an_earlier_epoch_do_not_pass_for_those_of_the_best(run, capsys):
    save_checkpoint(run.folder / LAST, contents_of(5, 4))
    (run.folder / BEST).unlink()
    assert goes_on_from(run) == 2
    assert "best.pt is of epoch 2, not 4" in capsys.readouterr().out
    save_checkpoint(run.folder / LAST, contents_of(3, 2))
    save_checkpoint(run.folder / BEST, contents_of(4, 4))  # killed between the two: epoch 4 will come again
    assert goes_on_from(run) == 3
    assert load_checkpoint(run.folder / BEST)["state"]["epoch"] == 4


def without_local_files(run):
    for file in run.folder.glob("*.pt"):
        file.unlink()


def test_a_checkpoint_that_cannot_be_fetched_is_no_reason_to_begin_anew(run, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device", "/tmp/x")

    def refuse_best(self, run_id, place, folder):
        return fetch(self, run_id, place, folder) if BEST not in place else refuse()

    fetch = MlflowClient.download_artifacts
    without_local_files(run)
    with monkeypatch.context() as changed:
        changed.setattr(MlflowClient, "download_artifacts", refuse_best)
        with pytest.raises(TrackingError, match=r"checkpoints/best.pt cannot be fetched"):
            goes_on_from(run)
    without_local_files(run)
    with monkeypatch.context() as changed:
        changed.setattr(MlflowClient, "download_artifacts", refuse)
        with pytest.raises(TrackingError, match=r"checkpoints/last.pt cannot be fetched: .*No space left"):
            goes_on_from(run)
        other = MlflowRun.start("another", {"kind": "train"})
        with pytest.raises(TrackingError, match="cannot be fetched"):
            inherit(other, run.run_id, Console())
        other.finish()
    with monkeypatch.context() as changed:
        changed.setattr(MlflowClient, "list_artifacts", refuse)
        with pytest.raises(TrackingError, match="cannot be listed"):
            goes_on_from(run)
    assert goes_on_from(run) == 3


def test_a_run_that_has_no_checkpoint_anywhere_begins_anew(store):
    started = MlflowRun.start("new", {"kind": "train"})
    assert goes_on_from(started) is None
    started.finish()


def test_where_no_whole_checkpoint_is_left_it_is_said(run, capsys):
    for name in (LAST, BEFORE):
        flip(run.folder / name)
    run.log_file(run.folder / LAST, "checkpoints")
    run.settle()
    assert goes_on_from(run) is None
    assert "no whole checkpoint is left: the training begins anew" in capsys.readouterr().out


@pytest.mark.parametrize("place", [0.3, 0.5, 0.7])
def test_a_flipped_bit_of_a_checkpoint_is_found(tmp_path, place):
    save_checkpoint(
        tmp_path / LAST, contents_of(1) | {"module": {"weight": Line().module.weight.repeat(99, 99)}}
    )
    load_checkpoint(tmp_path / LAST)
    flip(tmp_path / LAST, place)
    with pytest.raises(AblationError, match=r"last.pt is not a whole checkpoint"):
        load_checkpoint(tmp_path / LAST)


def test_what_is_inherited_is_the_newest_whole_one(run):
    flip(run.folder / LAST)
    (run.folder / BEST).write_bytes(b"half")
    other = MlflowRun.start("another", {"kind": "train"})
    inherit(other, run.run_id, Console())
    assert goes_on_from(other) == 2
    other.settle()
    without_local_files(other)
    assert goes_on_from(other) == 2


def test_a_stop_and_the_recorder_may_write_at_the_same_moment(tmp_path, monkeypatch):
    class Nowhere:
        def log_file(self, file, folder):
            pass

    kept, writing, go = Checkpoints(Nowhere(), tmp_path), threading.Event(), threading.Event()

    def slowly(file, contents):
        writing.set()
        go.wait(10)
        save_checkpoint(file, contents)

    monkeypatch.setattr(module, "save_checkpoint", slowly)
    kept.due, troubles = 0, []
    keep = kept.keep

    def record(epoch, is_best):
        try:
            keep(contents_of(epoch, epoch), is_best)
        except BaseException as error:
            troubles.append(error)

    recorder = threading.Thread(target=record, args=(1, True))
    recorder.start()
    assert writing.wait(10)
    stop = threading.Thread(target=record, args=(2, False))
    stop.start()
    stop.join(0.3)
    go.set()
    for thread in (recorder, stop):
        thread.join()
    kept.write()
    assert not troubles
    assert load_checkpoint(tmp_path / LAST)["state"]["epoch"] == 2


def test_a_newer_run_without_a_checkpoint_does_not_hide_the_one_that_has_trained(run):
    run.fail("stopped", "KILLED")
    empty = MlflowRun.start("newer", {"kind": "train", "cell_hash": "c"})
    empty.fail("stopped at once", "KILLED")
    runs = find_runs("train")
    assert [each.run_id for each in runs] == [run.run_id, empty.run_id]
    assert furthest(runs).run_id == run.run_id
    without_local_files(run)
    assert furthest(runs).run_id == run.run_id
    assert furthest(runs[1:]).run_id == empty.run_id and furthest([]) is None
    save_checkpoint(empty.folder / LAST, contents_of(1))  # which the tracker has not got yet
    assert furthest(runs).run_id == empty.run_id


def test_what_a_finished_or_living_run_has_gone_on_from_is_not_gone_on_from_again(run):
    def continuing(earlier, status):
        made = MlflowRun.start("newer", {"kind": "train", "cell_hash": "c", CONTINUES_TAG: earlier})
        made.settle()
        if status != "RUNNING":
            MlflowClient().set_terminated(made.run_id, status)
        return made.run_id

    run.fail("stopped", "KILLED")
    second = continuing(run.run_id, "KILLED")
    assert [each.run_id for each in left_unfinished("c")] == [run.run_id, second]
    third = continuing(second, "RUNNING")
    assert left_unfinished("c") == []
    MlflowClient().set_terminated(third, "KILLED")
    assert [each.run_id for each in left_unfinished("c")] == [run.run_id, second, third]
    MlflowClient().set_terminated(third, "FINISHED")
    assert left_unfinished("c") == []
