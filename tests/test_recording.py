"""What an epoch leaves behind, written beside the training: order, failures, stops."""

import threading

import pytest
import torch

from ablation.commands.checkpoints import Checkpoints
from ablation.commands.recorder import Recorder
from ablation.commands.training import train_task
from ablation.console import Console
from ablation.errors import AblationError, NonFiniteLoss, TrackingError
from ablation.track.mlflow_run import MlflowRun
from ablation.train.checkpoint import load_checkpoint, snapshot
from ablation.train.loop import LoopState, make_optimizer
from ablation.train.seen_losses import SeenLosses
from tests.test_loop import Line


class Uploads:
    """In the place of a run: remembers what was logged."""

    def __init__(self):
        self.files = []

    def log_file(self, file, folder):
        self.files.append(f"{folder}/{file.name}")


def contents_of(epoch):
    task = Line()
    return snapshot(task.module, make_optimizer(task), LoopState(epoch=epoch), {})


def test_work_is_done_beside_the_caller_in_order():
    done, go = [], threading.Event()
    with Recorder(Console(), last=lambda: done.append("last")) as recorder:
        recorder.submit(lambda: (go.wait(5), done.append(1)))
        assert done == []
        go.set()
        recorder.submit(lambda: done.append(2))
    assert done == [1, 2, "last"]


def test_a_failure_is_raised_and_never_lost():
    def broken():
        raise AblationError("the tracker is gone")

    with (
        pytest.raises(AblationError, match="tracker is gone"),
        Recorder(Console(), lambda: None) as recorder,
    ):
        recorder.submit(broken)
        recorder.submit(lambda: None)
    with (
        pytest.raises(AblationError, match="tracker is gone"),
        Recorder(Console(), lambda: None) as recorder,
    ):
        recorder.submit(broken)


def test_a_stop_keeps_its_own_name_and_says_what_was_lost(capsys):
    def broken():
        raise AblationError("the tracker is gone")

    with pytest.raises(KeyboardInterrupt), Recorder(Console(), lambda: None) as recorder:
        recorder.submit(broken)
        raise KeyboardInterrupt
    assert "could not all be recorded: the tracker is gone" in capsys.readouterr().out


def test_what_could_not_be_recorded_does_not_cost_the_checkpoint():
    done = []

    def broken():
        raise AblationError("the tracker is gone")

    with pytest.raises(KeyboardInterrupt), Recorder(Console(), lambda: done.append("last")) as recorder:
        recorder.submit(broken)
        raise KeyboardInterrupt
    assert done == ["last"]


def test_checkpoints_wait_in_memory_until_they_are_due(tmp_path):
    run = Uploads()
    checkpoints = Checkpoints(run, tmp_path)
    checkpoints.keep(contents_of(1), is_best=True)
    checkpoints.keep(contents_of(2), is_best=False)
    assert run.files == []
    checkpoints.write()
    assert run.files == ["checkpoints/best.pt", "checkpoints/last.pt"]
    epochs = [load_checkpoint(tmp_path / f"{name}.pt")["state"]["epoch"] for name in ("best", "last")]
    assert epochs == [1, 2]
    checkpoints.write()
    assert len(run.files) == 2
    checkpoints.due = 0
    checkpoints.keep(contents_of(3), is_best=True)
    assert run.files[2:] == ["checkpoints/best.pt", "checkpoints/last.pt"]
    assert (tmp_path / "best.pt").read_bytes() == (tmp_path / "last.pt").read_bytes()


def test_both_checkpoints_are_on_disk_when_the_tracker_is_gone(tmp_path):
    class Gone:
        def log_file(self, file, folder):
            raise AblationError("the tracker is gone")

    checkpoints = Checkpoints(Gone(), tmp_path)
    checkpoints.keep(contents_of(1), is_best=True)
    checkpoints.keep(contents_of(2), is_best=False)
    with pytest.raises(AblationError):
        checkpoints.write()
    epochs = [load_checkpoint(tmp_path / f"{name}.pt")["state"]["epoch"] for name in ("best", "last")]
    assert epochs == [1, 2]


class Poisoned(Line):
    """Its losses, or else its weights, are NaN from some step on. Looked at late, as a GPU's losses are."""

    def __init__(self, after: int, spoilt: str, monkeypatch):
        super().__init__(epochs=3)
        self.steps, self.after, self.spoilt = 0, after, spoilt
        monkeypatch.setattr(SeenLosses, "without_waiting", False)

    def losses(self, x):
        self.steps += 1
        found = super().losses(x)
        if self.steps <= self.after:
            return found
        if self.spoilt == "loss":
            return {name: loss * float("nan") for name, loss in found.items()}
        self.module.weight.register_hook(lambda gradient: gradient * float("nan"))
        return found


@pytest.mark.parametrize("spoilt, culprit", [("loss", "text_loss"), ("weight", "weight")])
@pytest.mark.parametrize("after, kept", [(4, "step 1 of epoch 2"), (3, "epoch 1"), (0, "")])
def test_no_checkpoint_holds_what_a_bad_step_made(store, monkeypatch, after, kept, spoilt, culprit):
    monkeypatch.setattr(Checkpoints, "are_due", True)
    monkeypatch.setattr(Recorder, "is_idle", True)
    run, task = MlflowRun.start("poisoned", {}), Poisoned(after, spoilt, monkeypatch)
    place = f"in epoch {after // 3 + 1} at step {after % 3 + 1}"
    left = f"the checkpoint of {kept} is kept" if kept else "there is no checkpoint yet"
    with pytest.raises(NonFiniteLoss, match=f"{culprit} is nan {place}.* {left}"):
        train_task(task, run, {}, Console(), "training")
    assert task.module.weight.isnan().all()
    files = list(run.folder.glob("*last.pt"))
    assert len(files) == (2 if after > 1 else 0)
    assert all(load_checkpoint(file)["module"]["weight"].isfinite().all() for file in files)


def test_a_stop_after_a_bad_step_keeps_the_checkpoint_before_it(store, monkeypatch):
    run, task = MlflowRun.start("poisoned", {}), Poisoned(4, "loss", monkeypatch)

    def stop(epoch, step):
        if (epoch, step) == (2, 2):
            raise KeyboardInterrupt

    monkeypatch.setattr("ablation.commands.training._bar", lambda *words: stop)
    with pytest.raises(KeyboardInterrupt):
        train_task(task, run, {}, Console(), "training")
    contents = load_checkpoint(run.folder / "last.pt")
    assert contents["state"]["epoch"] == 1 and contents["module"]["weight"].isfinite().all()


def test_a_run_that_the_tracker_refuses_keeps_the_weights_of_its_best_epoch(store, monkeypatch):
    """What it refused of epoch 1 is told after epoch 2, which is the best by then."""
    run, task = MlflowRun.start("refused", {}), Line(epochs=3)
    monkeypatch.setattr(run, "log_metrics", lambda metrics, step: refuse())

    def refuse():
        raise TrackingError("refused")

    with pytest.raises(TrackingError, match="refused"):
        train_task(task, run, {}, Console(), "training")
    state = load_checkpoint(run.folder / "last.pt")["state"]
    assert state["best_epoch"] == state["epoch"] > 0
    assert load_checkpoint(run.folder / "best.pt")["state"]["epoch"] == state["best_epoch"]


def test_a_best_checkpoint_of_another_epoch_is_not_tested_as_the_best(store, monkeypatch):
    run, task = MlflowRun.start("a run", {}), Line(epochs=3)
    keep = Checkpoints.keep

    def keep_the_first(self, contents, is_best):
        keep(self, contents, is_best and contents["state"]["epoch"] == 1)

    monkeypatch.setattr(Checkpoints, "keep", keep_the_first)
    with pytest.raises(
        TrackingError, match=r"best.pt is of epoch 1, and epoch 3 is the best: the same command trains on"
    ):
        train_task(task, run, {}, Console(), "training")


def test_a_checkpoint_that_could_not_be_written_waits_to_be_written_again(tmp_path, monkeypatch):
    checkpoints = Checkpoints(Uploads(), tmp_path)
    checkpoints.keep(contents_of(1), is_best=True)
    with monkeypatch.context() as full:
        full.setattr(
            "ablation.commands.checkpoints.save_checkpoint",
            lambda *_: (_ for _ in ()).throw(OSError(28, "full")),
        )
        with pytest.raises(OSError):
            checkpoints.write()
    checkpoints.write()
    epochs = [load_checkpoint(tmp_path / f"{name}.pt")["state"]["epoch"] for name in ("best", "last")]
    assert epochs == [1, 1]


def test_a_snapshot_does_not_move_with_the_weights():
    task = Line()
    optimizer = make_optimizer(task)
    task.losses(task.x)["total_loss"].backward()
    optimizer.step()
    kept = snapshot(task.module, optimizer, LoopState(), {})
    before = [kept["module"]["weight"].clone(), kept["optimizer"]["state"][0]["exp_avg"].clone()]
    task.losses(task.x)["total_loss"].backward()
    optimizer.step()
    assert not torch.equal(task.module.weight, before[0])
    assert torch.equal(kept["module"]["weight"], before[0])
    assert torch.equal(kept["optimizer"]["state"][0]["exp_avg"], before[1])


def test_seen_losses_are_weighted_by_samples():
    seen = SeenLosses()
    seen.add({"a": torch.tensor(1.0), "b": torch.tensor(0.5, requires_grad=True)}, 3)
    seen.add({"a": torch.tensor(5.0), "b": torch.tensor(0.5)}, 1)
    assert seen.means() == {"a": 2.0, "b": 0.5} and seen.samples == 4
    assert seen.last() == {"a": 5.0, "b": 0.5} and seen.without_waiting
