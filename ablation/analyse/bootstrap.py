"""The multi-bootstrap: seeds and stories resampled together. Sellam et al. 2022 (MultiBERTs).

The story is the cluster, since the windows of one story overlap. A percentile interval over few seeds is too narrow,
so this one stands second to the t interval, marked below UNDER_COVERS_BELOW seeds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

DRAWS = 10_000
SEED = 0
UNDER_COVERS_BELOW = 10
CELLS_AT_ONCE = 2_000_000
"""Draws times stories held at once; a cell takes about 32 bytes."""


@dataclass(frozen=True, eq=False)
class StoryScores:
    """One part of a loss on the same stories for every seed; a run's value is sums.sum()/counts.sum().

    Of text that is nats per token over all stories; what a run logs is a mean over batches, and a hair off it.
    """

    sums: np.ndarray
    """(seeds, stories), the loss summed over the units of a story."""
    counts: np.ndarray
    """(seeds, stories), the units: windows or tokens."""

    def __post_init__(self) -> None:
        if self.sums.ndim != 2 or self.sums.shape != self.counts.shape:
            raise ValueError(
                f"sums {self.sums.shape} and counts {self.counts.shape} must both be (seeds, stories)"
            )
        if not self.sums.size:
            raise ValueError(f"scores of shape {self.sums.shape} hold no seed or no story")
        if not (np.isfinite(self.sums).all() and np.isfinite(self.counts).all()):
            raise ValueError("sums and counts must be finite; leave a diverged seed out and list it")
        if (self.counts < 0).any():
            raise ValueError(f"counts fall to {self.counts.min()}; they must not be negative")


Parts = Sequence[tuple[float, StoryScores]]
"""Weight and scores of each part of a total loss; a loss of one part has weight 1."""


def multi_bootstrap(
    arm: Parts, baseline: Parts, draws: int = DRAWS, seed: int = SEED, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of the mean over seeds of arm minus baseline, in the units of the loss.

    Row s of every part is the same seed and column j the same story; each draw resamples both once, for all parts
    of both arms. Parts of different shapes raise ValueError, and so does a draw that holds no unit of some part.
    """
    seeds, stories = _common_shape(arm, baseline)
    if draws < 1 or not 0 < level < 1:
        raise ValueError(f"draws {draws} must be positive and level {level} in (0, 1)")
    fits = draws * max(seeds, stories) <= CELLS_AT_ONCE
    parts = []
    for seed_times, story_times in (_all_drawn if fits else _drawn)(seed, draws, seeds, stories):
        by_seed = _values(arm, story_times) - _values(baseline, story_times)  # (rows, seeds)
        parts.append((by_seed * seed_times).sum(axis=1) / seeds)
    differences = np.concatenate(parts)
    if not np.isfinite(differences).all():
        raise ValueError("a draw of stories holds no unit of some part; leave out stories without units")
    low, high = np.quantile(differences, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@lru_cache(maxsize=4)
def _all_drawn(seed: int, draws: int, seeds: int, stories: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The arms of a study share their draws."""
    return list(_drawn(seed, draws, seeds, stories))


def _drawn(seed: int, draws: int, seeds: int, stories: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(rows, seeds) and (rows, stories), how often each is drawn; so many rows at a time as fit."""
    for_seeds, for_stories = np.random.default_rng(seed).spawn(2)
    at_once = max(1, CELLS_AT_ONCE // max(seeds, stories))
    for start in range(0, draws, at_once):
        rows = min(at_once, draws - start)
        yield _times_drawn(for_seeds, rows, seeds), _times_drawn(for_stories, rows, stories)


def _times_drawn(generator: np.random.Generator, rows: int, things: int) -> np.ndarray:
    """(rows, things): how often each thing is in a sample of as many, drawn with replacement."""
    drawn = generator.integers(0, things, (rows, things))
    drawn += things * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * things).reshape(rows, things).astype(float)


def _values(parts: Parts, story_times: np.ndarray) -> np.ndarray:
    """(draws, seeds): the weighted sum over parts, of stories counted (draws, stories) times."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return sum(
            weight * (story_times @ scores.sums.T) / (story_times @ scores.counts.T)
            for weight, scores in parts
        )


def _common_shape(arm: Parts, baseline: Parts) -> tuple[int, int]:
    if not arm or not baseline:
        raise ValueError(f"{len(arm)} parts of the arm and {len(baseline)} of the baseline; both need one")
    shapes = [[scores.sums.shape for _, scores in parts] for parts in (arm, baseline)]
    if len({shape for side in shapes for shape in side}) > 1:
        raise ValueError(
            f"arm {shapes[0]} and baseline {shapes[1]} are not on the same (seeds, stories); pair them first"
        )
    return shapes[0][0]
