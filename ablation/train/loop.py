"""The one training loop. It knows neither the model nor the tracker: a task and a callback."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import torch
from torch import nn

from ablation.config.config import Config
from ablation.errors import NonFiniteLoss
from ablation.models.storyteller import trainable_parameters
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

    def training_batches(self, epoch: int) -> Iterator[tuple[Any, int]]:
        """The epoch's batches and the number of samples in each."""

    def steps_per_epoch(self) -> int:
        """How many batches an epoch has."""

    def losses(self, batch: Any) -> dict[str, torch.Tensor]:
        """The loss components of a batch and their `total_loss`."""

    def validate(self) -> dict[str, float]:
        """Metrics by their full names, `val/total_loss` among them."""


@dataclass
class LoopState:
    """Where training stands, besides model and optimiser.

    No generator state is needed: every draw derives from the seed, its name and the epoch.
    """

    epoch: int = 0
    best_epoch: int = 0
    best_value: float = float("inf")
    history: list[dict[str, float]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return asdict(self)


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
        epoch = state.epoch + 1
        started = time.perf_counter()
        metrics, samples = train_epoch(task, optimizer, epoch, tick)
        seconds = time.perf_counter() - started
        metrics["speed/stories_per_second"] = samples / seconds
        metrics |= task.validate()
        metrics["speed/epoch_seconds"] = time.perf_counter() - started
        _check_finite({SELECTED_BY: metrics[SELECTED_BY]}, epoch, step=0)
        is_best = metrics[SELECTED_BY] < state.best_value
        state.epoch = epoch
        if is_best:
            state.best_epoch, state.best_value = epoch, metrics[SELECTED_BY]
        state.history.append(metrics)
        after_epoch(state, metrics, is_best)
    return state


def train_epoch(
    task: Task, optimizer: torch.optim.Optimizer, epoch: int, tick: Tick
) -> tuple[dict[str, float], int]:
    """One pass: the sample-weighted mean of each loss over the batches and the norms of the gradients, by the names
    they are logged under, and the samples seen.

    A loss that is not finite ends it: on a CPU before the step is taken, on a GPU, which is not waited
    for within an epoch, at the epoch's end.
    """
    task.module.train()
    seen, norms, steps = SeenLosses(), GradientNorms(task.module), task.steps_per_epoch()
    for step, (batch, count) in enumerate(task.training_batches(epoch), start=1):
        losses = task.losses(batch)
        seen.add(losses, count)
        if seen.without_waiting:
            _check_finite(seen.last(), epoch, step)
        optimizer.zero_grad(set_to_none=True)
        losses[TOTAL].backward()
        norms.look(step)
        _set_pace(optimizer, task, (epoch - 1) * steps + step - 1)
        optimizer.step()
        tick(epoch, step)
    for step, values in enumerate(seen.all(), start=1):
        _check_finite(values, epoch, step)
    return {f"train/{name}": value for name, value in seen.means().items()} | norms.means(), seen.samples


def _set_pace(optimizer: torch.optim.Optimizer, task: Task, step: int) -> None:
    """A function of the step alone, so that a run that is resumed goes on as it was."""
    if task.pace.clip:
        nn.utils.clip_grad_norm_(trainable_parameters(task.module), task.pace.clip)
    for group in optimizer.param_groups:
        group["lr"] = task.pace.at(step, task.epochs * task.steps_per_epoch())


def _check_finite(values: dict[str, float], epoch: int, step: int) -> None:
    """The components are looked at before their sum, so that the culprit is named."""
    for name in sorted(values, key=lambda name: name == TOTAL):
        if not math.isfinite(values[name]):
            raise NonFiniteLoss(name, values[name], epoch, step)
