"""The validity gate: has a run learned anything? Asked before any verdict (statistics.md, rule 8)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ablation.analyse.inference import mean_interval, wilson
from ablation.config.metrics import IMAGE, TEXT, Measure

COLLAPSED_SHARE = 0.01
AT_FLOOR = 0.99
INVALID_SHARE = 0.5
FLOORS = {
    IMAGE: ("test/image_loss", "floor/test_image_median", "one constant image"),
    TEXT: ("test/text_loss", "floor/test_text_unigram", "word frequencies alone"),
}
TEXT_GAP = "health/test_text_condition_gap"
SPREAD, TARGET_SPREAD = "health/test_prediction_spread", "health/test_target_spread"


def is_collapsed(metrics: dict[str, float]) -> bool:
    """The predicted images vary by at most 1 % of what the targets do."""
    return metrics.get(SPREAD, math.nan) <= COLLAPSED_SHARE * metrics.get(TARGET_SPREAD, math.nan)


def at_floor(part: str, metrics: dict[str, float]) -> bool:
    """The loss of `image` or `text` is within 1 % of its trivial floor, or above it."""
    loss, floor, _ = FLOORS[part]
    return metrics.get(loss, math.nan) >= AT_FLOOR * metrics.get(floor, math.nan)


@dataclass(frozen=True)
class Gate:
    """What the gate found in an arm's runs."""

    runs: int
    collapsed: int
    at_floor: dict[str, int]
    text_gap: float
    text_gap_interval: tuple[float, float]

    @property
    def collapse_interval(self) -> tuple[float, float]:
        """Wilson's, of the collapse rate."""
        return wilson(self.collapsed, self.runs) if self.runs else (math.nan, math.nan)

    @property
    def text_is_conditioned(self) -> bool:
        """The interval of the shuffled-condition gap lies above 0."""
        return self.text_gap_interval[0] > 0

    def failures(self, part: str) -> list[str]:
        """Why a part has not been learned, in words; empty when it has."""
        half, whose = INVALID_SHARE * self.runs, FLOORS[part][2]
        told = []
        if part == IMAGE and self.collapsed and self.collapsed >= half:
            told.append(f"{self.collapsed} of {self.runs} runs predict one constant image")
        if self.at_floor[part] and self.at_floor[part] >= half:
            told.append(f"{self.at_floor[part]} of {self.runs} runs do no better than {whose} (within 1 %)")
        if part == TEXT and self.runs > 1 and not self.text_is_conditioned:
            low, high = self.text_gap_interval
            told.append(f"another story's condition costs nothing ({low:+.4f} to {high:+.4f} nats)")
        return told

    def invalid(self, measure: Measure) -> str:
        """Why the arm cannot be judged on a measure: every part that goes into it is not learned."""
        found = [self.failures(part) for part in measure.parts]
        return "; ".join(why for part in found for why in part) if all(found) else ""

    def unstable(self, measure: Measure) -> bool:
        """Some of the runs have collapsed, fewer than make the arm invalid."""
        return IMAGE in measure.parts and 0 < self.collapsed < INVALID_SHARE * self.runs


def gate(runs: Sequence) -> Gate:
    """Of an arm's finished runs."""
    gaps = [run.metrics[TEXT_GAP] for run in runs if TEXT_GAP in run.metrics]
    return Gate(
        runs=len(runs),
        collapsed=sum(is_collapsed(run.metrics) for run in runs),
        at_floor={part: sum(at_floor(part, run.metrics) for run in runs) for part in FLOORS},
        text_gap=sum(gaps) / len(gaps) if gaps else math.nan,
        text_gap_interval=mean_interval(gaps),
    )
