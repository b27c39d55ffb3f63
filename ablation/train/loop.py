"""The one training loop. It knows neither the model nor the tracker: a task and a callback."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import torch
from torch import nn

from ablation.config.config import Config
from ablation.errors import NonFiniteLoss
from ablation.models.storyteller import trainable_parameters
from ablation.stopping import whole
from ablation.train.gradient_norms import GradientNorms
from ablation.train.seen_losses import SeenLosses

TOTAL = "total_loss"
SELECTED_BY = "val/total_loss"


WARM_UP = 0.05
"""Share of all steps."""


@dataclass(frozen=True)
class Pace:
    """How large the steps are. `clip` is the largest norm of the whole gradient, 0 for none."""

    learning_rate: float
    schedule: str = "constant"
    clip: float = 0.0

    @classmethod
    def of(cls, config: Config) -> "Pace":
        """A configuration's."""
        return cls(config.learning_rate, config.schedule, config.gradient_clip)

    def at(self, step: int, steps: int) -> float:
        """The step size of step `step` (from 0) of `steps`. Cosine: Loshchilov & Hutter 2017, with a warm-up."""
        if self.schedule == "constant":
            return self.learning_rate
        warm = min(1.0, (step + 1) / max(1.0, WARM_UP * steps))
        return self.learning_rate * warm * (1 + math.cos(math.pi * step / steps)) / 2


class Task(Protocol):
    """What the loop trains: batches in, losses out, a validation of its own."""

    module: nn.Module
    pace: Pace
    epochs: int
    stories: int
    """That an epoch goes over, whatever it takes of each."""

    def training_batches(self, epoch: int) -> Iterator[tuple[Any, int]]:
        """The epoch's batches and the number of samples in each."""

    def steps_per_epoch(self) -> int:
        """How many batches an epoch has."""

    def draws(self) -> dict[str, torch.Generator]:
        """What the epoch's steps draw from, by name."""

    def losses(self, batch: Any) -> dict[str, torch.Tensor]:
        """The loss components of a batch and their `total_loss`."""

    def validate(self) -> dict[str, float]:
        """Metrics by their full names, `val/total_loss` among them."""


@dataclass
class EpochUnderWay:
    """How far an epoch has come, so that a run that was stopped goes on within it with the same numbers.

    `norms` are those of the gradients that were looked at, `draws` the states of the task's generators.
    """

    step: int = 0
    seconds: float = 0.0
    seen: SeenLosses = field(default_factory=SeenLosses)
    norms: list[torch.Tensor] = field(default_factory=list)
    draws: dict[str, torch.Tensor] = field(default_factory=dict)


@dataclass
class LoopState:
    """Where training stands, besides model and optimiser."""

    epoch: int = 0
    best_epoch: int = 0
    best_value: float = float("inf")
    history: list[dict[str, float]] = field(default_factory=list)
    under_way: EpochUnderWay = field(default_factory=EpochUnderWay)

    def as_dict(self) -> dict[str, Any]:
        """Plain values and tensors, for a checkpoint."""
        under_way = vars(self.under_way) | {"seen": self.under_way.seen.as_dict()}
        return vars(self) | {"under_way": under_way}

    @property
    def is_at_its_best(self) -> bool:
        """Whether it stands at the end of the best epoch so far."""
        return self.epoch > 0 and self.epoch == self.best_epoch and not self.under_way.step

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "LoopState":
        """What `as_dict` gave."""
        under_way = values["under_way"]
        seen = SeenLosses.from_dict(under_way["seen"])
        return cls(**values | {"under_way": EpochUnderWay(**under_way | {"seen": seen})})


AfterEpoch = Callable[[LoopState, dict[str, float], bool], None]
Tick = Callable[[int, int], None]


def make_optimizer(task: Task) -> torch.optim.Adam:
    """Adam over everything trainable, as the original; one kernel for all of it."""
    return torch.optim.Adam(trainable_parameters(task.module), lr=task.pace.learning_rate, fused=True)


def fit(
    task: Task,
    optimizer: torch.optim.Optimizer,
    state: LoopState,
    after_epoch: AfterEpoch,
    tick: Tick = lambda epoch, step: None,
) -> LoopState:
    """Trains from `state` on to the task's last epoch.

    `after_epoch(state, metrics, is_best)` runs once per epoch, `tick(epoch, step)` after each step.
    Raises NonFiniteLoss with the component and the step.
    """
    while state.epoch < task.epochs:
        metrics = train_epoch(task, optimizer, state, tick)
        started = time.perf_counter()
        metrics |= task.validate()
        metrics["speed/epoch_seconds"] = state.under_way.seconds + time.perf_counter() - started
        _check_finite({SELECTED_BY: metrics[SELECTED_BY]}, state.epoch + 1, step=0)
        with whole():
            is_best = _advance(state, metrics)
            after_epoch(state, metrics, is_best)
    return state


def _advance(state: LoopState, metrics: dict[str, float]) -> bool:
    """Takes a finished epoch in; whether it is the best so far."""
    state.epoch += 1
    state.under_way = EpochUnderWay()
    state.history.append(metrics)
    is_best = metrics[SELECTED_BY] < state.best_value
    if is_best:
        state.best_epoch, state.best_value = state.epoch, metrics[SELECTED_BY]
    return is_best


def train_epoch(
    task: Task, optimizer: torch.optim.Optimizer, state: LoopState, tick: Tick
) -> dict[str, float]:
    """One pass, from the step on where it was left: the sample-weighted mean of each loss over the batches, the
    norms of the gradients and the speed, by the names they are logged under.

    A loss that is not finite ends it: on a CPU before the step is taken, on a GPU, which is not waited
    for within an epoch, at the epoch's end; `require_finite` asks before.
    """
    task.module.train()
    epoch, here = state.epoch + 1, state.under_way
    norms = GradientNorms(task.module, here.norms)
    batches, started = task.training_batches(epoch), time.perf_counter() - here.seconds
    for name, draws in here.draws.items():
        task.draws()[name].set_state(draws)
    for batch, count in islice(batches, here.step, None):
        with whole():
            _step(task, optimizer, batch, count, epoch, here, norms)
            here.seconds = time.perf_counter() - started
        tick(epoch, here.step)
    _check_seen(here, epoch)  # on a GPU, waits for the steps
    here.seconds = time.perf_counter() - started
    means = {f"train/{name}": value for name, value in here.seen.means().items()} | norms.means()
    return means | {"speed/stories_per_second": task.stories / here.seconds}


def _step(task: Task, optimizer, batch: Any, count: int, epoch: int, here: EpochUnderWay, norms) -> None:
    losses = task.losses(batch)
    here.seen.add(losses, count)
    if here.seen.without_waiting:
        _check_finite(here.seen.last(), epoch, here.step + 1)
    optimizer.zero_grad(set_to_none=True)
    losses[TOTAL].backward()
    norms.look(here.step + 1)
    if task.pace.clip:
        nn.utils.clip_grad_norm_(trainable_parameters(task.module), task.pace.clip)
    _set_step_size(optimizer, task, (epoch - 1) * task.steps_per_epoch() + here.step)
    optimizer.step()
    here.draws = {name: draws.get_state() for name, draws in task.draws().items()}
    here.step += 1


def _set_step_size(optimizer: torch.optim.Optimizer, task: Task, step: int) -> None:
    """A function of the step alone, so that a run that is resumed goes on as it was."""
    for group in optimizer.param_groups:
        group["lr"] = task.pace.at(step, task.epochs * task.steps_per_epoch())


def require_finite(module: nn.Module, state: LoopState) -> None:
    """Raises NonFiniteLoss where a loss of the epoch under way, or a weight, is not finite. Waits for a GPU."""
    epoch, here = state.epoch + 1, state.under_way
    _check_seen(here, epoch)
    for name, weights in module.state_dict().items():
        if not weights.isfinite().all():
            raise NonFiniteLoss(name, weights[~weights.isfinite()][0].item(), epoch, here.step)


def _check_seen(here: EpochUnderWay, epoch: int) -> None:
    for step, values in enumerate(here.seen.all(), start=1):
        _check_finite(values, epoch, step)


def _check_finite(values: dict[str, float], epoch: int, step: int) -> None:
    """The components are looked at before their sum, so that the culprit is named."""
    for name in sorted(values, key=lambda name: name == TOTAL):
        if not math.isfinite(values[name]):
            raise NonFiniteLoss(name, values[name], epoch, step)
