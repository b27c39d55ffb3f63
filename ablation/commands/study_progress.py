"""One display for a whole study: what ended, what runs, how much of all is done and the time left."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from ablation.console import Console
from ablation.engines.task import DONE, Event, Task

STEPS = 1000
TESTING = 2.0
"""Epochs that the test of a trained model takes as long as, roughly."""


@dataclass
class StudyProgress:
    """`weights` tell how much work a task is, in epochs, `TESTING` included where it tests what it has trained; a task
    that was found finished counts as done.
    """

    console: Console
    label: str
    tasks: Sequence[Task]
    weights: dict[str, float]
    shares: dict[str, float] = field(default_factory=dict)
    running: dict[str, float] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    found: dict[str, float] = field(default_factory=dict)
    """What of a task earlier calls had done, as a share of it."""
    began: float = field(default_factory=time.monotonic)

    def __call__(self, event: Event) -> None:
        """Takes in an event of the engine; what arrives late from a task that has ended changes nothing."""
        if event.task in self.finished:
            return
        if event.kind == "begin":
            self.running.setdefault(event.task, time.monotonic())
        elif event.kind == "progress":
            self._move(event)
        elif event.kind == "end":
            self._end(event)
        elif event.kind == "note":
            self.console.say(f"{event.task}: {event.text}")
        self._draw()

    def _move(self, event: Event) -> None:
        testing = TESTING / self.weights[event.task]
        kind, _, _ = event.text.partition(" ")
        parts = {"pretraining": (0.0, 1.0), "training": (0.0, 1 - testing), "testing": (1 - testing, testing)}
        if kind in parts:
            begin, length = parts[kind]
            share = begin + length * event.share
            self.found.setdefault(event.task, share)
            self.shares[event.task] = share

    def _end(self, event: Event) -> None:
        self.finished.add(event.task)
        self.shares[event.task] = 1.0
        took = time.monotonic() - self.running.pop(event.task, time.monotonic())
        outcome = event.outcome
        if outcome.status != DONE:
            told = f"{outcome.status}: {outcome.message}"
        elif outcome.result.get("found"):
            told, self.found[event.task] = "found finished", 1.0
        else:
            told = f"{took:.0f} s{_losses(outcome.result.get('metrics', {}))}"
        self.console.say(f"[{len(self.finished)} of {len(self.tasks)}] {event.task}: {told}{self._left()}")

    @property
    def done(self) -> float:
        """The share of all work that is done, in [0, 1]."""
        return self._work(self.shares) / sum(self.weights.values())

    def _work(self, shares: dict[str, float]) -> float:
        return sum(self.weights[name] * share for name, share in shares.items())

    def _left(self) -> str:
        """The time left in words, from what has been computed so far."""
        total = sum(self.weights.values())
        computed = self._work(self.shares) - self._work(self.found)
        if computed <= 0 or len(self.finished) == len(self.tasks):
            return ""
        seconds = (time.monotonic() - self.began) * (1 - self.done) * total / computed
        return f"; {duration(seconds)} left"

    def _draw(self) -> None:
        now = ", ".join(f"{name} {self.shares.get(name, 0):.0%}" for name in self.running)
        self.console.progress(self.label, round(STEPS * self.done), STEPS, now)


def duration(seconds: float) -> str:
    """In words, e.g. `40 s`, `7 min`, `2 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def _losses(metrics: dict[str, float]) -> str:
    image, floor = metrics.get("test/image_loss"), metrics.get("floor/test_image_median")
    if image is None or floor is None:
        return ""
    return f", test image {image:.4f} (constant image {floor:.4f}), text {metrics['test/text_loss']:.4f}"
