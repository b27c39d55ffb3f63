"""The one loop, its checkpoints, and the numbers it reports."""

import copy
import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from ablation.config.config import Config
from ablation.errors import AblationError, NonFiniteLoss
from ablation.models.text import TextAutoencoder
from ablation.randomness import derived_seed, generator
from ablation.train import pretraining
from ablation.train.checkpoint import load_checkpoint, restore, save_checkpoint, snapshot
from ablation.train.gradient_norms import EVERY, GradientNorms
from ablation.train.loop import LoopState, Pace, fit, make_optimizer
from tests.test_losses import VOCABULARY, windows


class Line:
    """y = w·x on seven points, in batches of three."""

    pace, stories = Pace(0.1), 2

    def __init__(self, epochs=4, poison=None):
        torch.manual_seed(0)
        self.module, self.epochs, self.poison = nn.Linear(1, 1), epochs, poison
        self.x = torch.arange(7.0)[:, None]

    def training_batches(self, epoch):
        order = torch.randperm(7, generator=generator(0, "order", epoch))
        for rows in order.split(3):
            yield self.x[rows], len(rows)

    def steps_per_epoch(self):
        return 3

    def draws(self):
        return {}

    def losses(self, x):
        loss = (self.module(x) - 2 * x).abs().mean()
        if self.poison and self.module.training:
            loss = loss * self.poison
        return {"text_loss": loss, "total_loss": loss * 2}

    def validate(self):
        self.module.eval()
        with torch.no_grad():
            return {"val/total_loss": (self.module(self.x) - 2 * self.x).abs().mean().item()}


def trained(task, state=None, optimizer=None, after=lambda *a: None):
    return fit(task, optimizer or make_optimizer(task), state or LoopState(), after)


def test_losses_are_weighted_by_samples():
    task, seen = Line(epochs=1), []
    losses = task.losses
    task.losses = lambda x: seen.append((losses(x)["total_loss"].item(), len(x))) or losses(x)
    state = trained(task)
    assert [n for _, n in seen] == [3, 3, 1]
    assert state.history[0]["train/total_loss"] == pytest.approx(sum(v * n for v, n in seen) / 7)


def test_the_speed_is_that_of_stories_however_many_samples_each_gives(monkeypatch):
    seconds = itertools.count()
    clock = SimpleNamespace(
        perf_counter=lambda: next(seconds)
    )  # a second for each of three steps, and for the wait at the end
    monkeypatch.setattr("ablation.train.loop.time", clock)
    assert trained(Line(epochs=1)).history[0]["speed/stories_per_second"] == 2 / 4


def test_pretraining_counts_its_steps_once(monkeypatch):
    train, counted, every_row = windows(np.zeros((40, 5)), np.full((40, 4), 2)), [], pretraining.every_row
    monkeypatch.setattr(pretraining, "every_row", lambda windows: counted.append(1) or every_row(windows))
    parts = (train, train, VOCABULARY, torch.device("cpu"))
    task = pretraining.LanguageTask(Config(text_pretraining=1), TextAutoencoder(4, 2), *parts)
    trained(task)
    assert task.steps_per_epoch() == 13 and task.stories == 40
    assert len(counted) == 3  # the steps, the epoch's rows, the validation's


def test_the_best_epoch_is_that_of_the_lowest_validation_total():
    state = trained(Line(epochs=12))
    values = [metrics["val/total_loss"] for metrics in state.history]
    assert state.best_value == min(values) and values[state.best_epoch - 1] == min(values)


def test_a_resumed_run_has_the_same_numbers_bit_for_bit(tmp_path):
    whole = Line(epochs=4)
    expected = trained(whole)
    first = Line(epochs=2)
    optimizer = make_optimizer(first)
    state = trained(first, optimizer=optimizer)
    save_checkpoint(tmp_path / "last.pt", snapshot(first.module, optimizer, state, {"a": "1"}))
    second = Line(epochs=4)
    optimizer = make_optimizer(second)
    state = restore(load_checkpoint(tmp_path / "last.pt"), second.module, optimizer)
    state = trained(second, state, optimizer)
    strip = lambda h: [{k: v for k, v in m.items() if not k.startswith("speed")} for m in h]  # noqa: E731
    assert strip(state.history) == strip(expected.history)
    assert torch.equal(second.module.weight, whole.module.weight)


class Dropping(Line):
    """A line that draws in each step which of its points count."""

    def training_batches(self, epoch):
        self.draw = generator(0, "drop", epoch)
        return super().training_batches(epoch)

    def draws(self):
        return {"drop": self.draw}

    def losses(self, x):
        kept = (torch.rand(len(x), 1, generator=self.draw) > 0.3).float() if self.module.training else 1.0
        loss = ((self.module(x) - 2 * x).abs() * kept).mean()
        return {"text_loss": loss, "total_loss": loss * 2}


@pytest.mark.parametrize("stopped_after", range(1, 13))
def test_a_run_that_is_stopped_at_any_step_has_the_same_numbers_bit_for_bit(tmp_path, stopped_after):
    whole = Dropping()
    expected = trained(whole)
    first, steps = Dropping(), itertools.count(1)
    optimizer, state = make_optimizer(first), LoopState()

    def stop(epoch, step):
        if next(steps) == stopped_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(first, optimizer, state, lambda *a: None, stop)
    save_checkpoint(tmp_path / "last.pt", snapshot(first.module, optimizer, state, {}))
    second, seen = Dropping(), []
    optimizer = make_optimizer(second)
    state = restore(load_checkpoint(tmp_path / "last.pt"), second.module, optimizer)
    fit(second, optimizer, state, lambda *a: None, lambda *step: seen.append(step))
    assert len(seen) == 12 - stopped_after
    for mine, theirs in zip(state.history, expected.history, strict=True):
        assert {k: v for k, v in mine.items() if not k.startswith("speed")} == {
            k: v for k, v in theirs.items() if not k.startswith("speed")
        }
    assert torch.equal(second.module.weight, whole.module.weight)


@pytest.mark.parametrize("poison, value", [(float("nan"), "nan"), (float("inf"), "inf")])
def test_a_loss_that_is_not_finite_stops_before_it_spoils_the_weights(poison, value):
    task = Line(poison=poison)
    before = copy.deepcopy(task.module.state_dict())
    with pytest.raises(NonFiniteLoss, match=f"text_loss is {value} in epoch 1 at step 1") as caught:
        trained(task)
    assert caught.value.component == "text_loss"
    assert torch.equal(before["weight"], task.module.weight)


def test_a_torn_checkpoint_is_refused(tmp_path):
    task = Line()
    save_checkpoint(tmp_path / "c.pt", snapshot(task.module, make_optimizer(task), LoopState(), {}))
    whole = (tmp_path / "c.pt").read_bytes()
    (tmp_path / "c.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AblationError, match=r"c\.pt is not a whole checkpoint"):
        load_checkpoint(tmp_path / "c.pt")


def test_a_killed_write_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    task = Line()
    file = tmp_path / "c.pt"
    contents = snapshot(task.module, make_optimizer(task), LoopState(epoch=1), {})
    save_checkpoint(file, contents)
    monkeypatch.setattr("os.replace", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(file, {**contents, "state": LoopState(epoch=2).as_dict()})
    assert load_checkpoint(file)["state"]["epoch"] == 1


def test_named_generators_differ_by_name_and_seed():
    seeds = {derived_seed(s, *name) for s in (0, 1) for name in (("order", 1), ("order", 2), ("split",))}
    assert len(seeds) == 6
    assert generator(1, "order").initial_seed() == derived_seed(1, "order")


def test_the_pace_is_constant_or_warms_up_and_falls_to_nothing():
    assert {Pace(0.1).at(step, 100) for step in range(100)} == {0.1}
    cosine = [Pace(0.1, "cosine").at(step, 100) for step in range(100)]
    assert cosine[0] == pytest.approx(0.02) and max(cosine) == cosine[4] == pytest.approx(0.1, rel=0.01)
    assert cosine[4:] == sorted(cosine[4:], reverse=True) and cosine[-1] < 1e-4
    assert cosine[50] == pytest.approx(0.05)
    assert Pace(0.1, "cosine").at(0, 1) == pytest.approx(0.1)


def test_a_cut_gradient_moves_the_weights_no_further():
    free, cut = Line(epochs=1), Line(epochs=1)
    cut.pace = Pace(0.1, clip=1e-3)
    for task in (free, cut):
        optimizer = torch.optim.SGD(task.module.parameters(), lr=0.1)
        before = [p.detach().clone() for p in task.module.parameters()]
        fit(task, optimizer, LoopState(), lambda *a: None)
        task.moved = sum((p - b).norm().item() for p, b in zip(task.module.parameters(), before, strict=True))
    assert cut.moved < 3 * 0.1 * 1e-3 * 2 < free.moved


def test_the_norms_of_the_gradients_by_part():
    module = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False).requires_grad_(False))
    norms = GradientNorms(module)
    for step, value in enumerate((3.0, 100.0), start=1):
        module[0].weight.grad = torch.full((1, 1), value)
        norms.look(step)
    module[0].weight.grad = torch.full((1, 1), -5.0)
    norms.look(1 + EVERY)
    assert norms.means() == {"health/gradient_norm_0": 4.0}
    assert GradientNorms(nn.Linear(1, 1)).means() == {}
