"""Every random decision of the world goes through a chooser, so that a path has a known probability."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Chooser(Protocol):
    def pick(self, name: str, weights: Sequence[float] | int) -> int:
        """Index of the alternative taken; an integer stands for that many equal weights."""
        ...


@dataclass(frozen=True)
class Draw:
    name: str
    index: int
    probability: float
    entropy: float
    """Nats, of the distribution that was drawn from: its mean over sampled paths is exact in expectation."""


def _distribution(weights: Sequence[float]) -> list[float]:
    total = float(sum(weights))
    if total <= 0:
        raise ValueError(f"weights {list(weights)} leave nothing to choose; make one of them positive")
    return [weight / total for weight in weights]


def _entropy(probabilities: Sequence[float]) -> float:
    return -sum(p * math.log(p) for p in probabilities if p > 0)


@dataclass(frozen=True)
class About:
    """Puts a person of the cast behind the names of the choices."""

    choose: Chooser
    subject: int

    def pick(self, name: str, weights: Sequence[float] | int) -> int:
        return self.choose.pick(f"{name} of {self.subject}", weights)


class Sampler:
    """Draws with a numpy generator and keeps the trace."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator
        self.trace: list[Draw] = []

    def pick(self, name: str, weights: Sequence[float] | int) -> int:
        if isinstance(weights, int):
            index = int(self.generator.integers(weights))
            self.trace.append(Draw(name, index, 1 / weights, math.log(weights)))
            return index
        probabilities = _distribution(weights)
        index = self._locate(probabilities, float(self.generator.random()))
        self.trace.append(Draw(name, index, probabilities[index], _entropy(probabilities)))
        return index

    @staticmethod
    def _locate(probabilities: Sequence[float], point: float) -> int:
        last = 0
        for index, probability in enumerate(probabilities):
            if probability > 0:
                last = index
                if point < probability:
                    return index
            point -= probability
        return last


class Replay:
    """Repeats recorded decisions; `trace` then holds them with the probabilities they had."""

    def __init__(self, choices: Sequence[tuple[str, int]]) -> None:
        self.pending = list(reversed(choices))
        self.trace: list[Draw] = []

    def pick(self, name: str, weights: Sequence[float] | int) -> int:
        expected, index = self.pending.pop()
        if expected != name:
            raise ValueError(f"replay expected a choice of {expected!r}, the process asks for {name!r}")
        probabilities = _distribution([1.0] * weights if isinstance(weights, int) else weights)
        self.trace.append(Draw(name, index, probabilities[index], _entropy(probabilities)))
        return index


def choices_of(trace: Sequence[Draw]) -> tuple[tuple[str, int], ...]:
    return tuple((draw.name, draw.index) for draw in trace)
