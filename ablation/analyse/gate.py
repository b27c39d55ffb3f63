"""The validity gate: has a run learned anything? Asked before any verdict (docs/study.md)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ablation.analyse.inference import mean_interval, wilson
from ablation.config.metrics import IMAGE, LOSSES, TEXT, Measure

COLLAPSED_SHARE = 0.01
AT_FLOOR = 0.99
INVALID_SHARE = 0.5
TEXT_GAP = "health/test_text_condition_gap"
FEWEST_GAPS = 3
"""Two have an interval twelve times as wide as they differ: it tells nothing."""
LARGEST = 1e300
SPREAD, TARGET_SPREAD = "health/test_prediction_spread", "health/test_target_spread"


def is_number(value: float | None) -> bool:
    """MLflow keeps an infinity as the largest float."""
    return value is not None and math.isfinite(value) and abs(value) < LARGEST


def is_collapsed(metrics: dict[str, float]) -> bool:
    """The predicted images vary by at most 1 % of what the targets do, where those vary."""
    target = metrics.get(TARGET_SPREAD, math.nan)
    return target > 0 and metrics.get(SPREAD, math.nan) <= COLLAPSED_SHARE * target


def at_floor(part: str, metrics: dict[str, float]) -> bool:
    """The loss of `image` or `text` is within 1 % of its trivial floor, or above it."""
    loss = LOSSES[part]
    reached, floor = metrics.get(f"test/{loss.name}"), metrics.get(f"floor/test_{loss.floor}")
    return reached is not None and floor is not None and reached >= AT_FLOOR * floor


@dataclass(frozen=True)
class Gate:
    """What the gate found in an arm's runs."""

    runs: int
    collapsed: int
    at_floor: dict[str, int]
    idle_images: int
    """Runs whose pictures have collapsed, or are at their floor."""
    gaps: int
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

    @property
    def is_mute(self) -> bool:
        """Enough gaps to tell, and they do not show that text is conditioned."""
        return self.gaps >= FEWEST_GAPS and not self.text_is_conditioned

    def failures(self, part: str) -> list[str]:
        """Why a part has not been learned, in words; empty when it has."""
        told, trivial = [], LOSSES[part].trivial
        idle = self.idle_images if part == IMAGE else self.at_floor[part]
        if idle and idle >= INVALID_SHARE * self.runs:
            if part == IMAGE and self.collapsed:
                told.append(f"{self.collapsed} of {self.runs} runs predict one constant image")
            if self.at_floor[part]:
                told.append(
                    f"{self.at_floor[part]} of {self.runs} runs do no better than {trivial} (within 1 %)"
                )
        if part == TEXT and self.is_mute:
            low, high = self.text_gap_interval
            told.append(
                f"another story's condition is not shown to cost anything ({low:+.4f} to {high:+.4f} nats)"
            )
        return told

    def unlearned(self, measure: Measure) -> str:
        """Why parts of a measure have not been learned, in words; empty where all have."""
        return "; ".join(why for part in measure.parts for why in self.failures(part))

    def invalid(self, measure: Measure) -> str:
        """Why the arm cannot be judged on a measure: no part that goes into it has been learned."""
        return self.unlearned(measure) if all(self.failures(part) for part in measure.parts) else ""

    def unstable(self, measure: Measure) -> bool:
        """Of an arm that is not invalid: some of its runs have collapsed, or all, where words count too."""
        return IMAGE in measure.parts and self.collapsed > 0


def gate(runs: Sequence) -> Gate:
    """Of an arm's finished runs; a gap that is no number, which comes of a loss that is none, tells nothing."""
    gaps = [gap for run in runs if is_number(gap := run.metrics.get(TEXT_GAP))]
    return Gate(
        runs=len(runs),
        collapsed=sum(is_collapsed(run.metrics) for run in runs),
        at_floor={part: sum(at_floor(part, run.metrics) for run in runs) for part in (IMAGE, TEXT)},
        idle_images=sum(is_collapsed(run.metrics) or at_floor(IMAGE, run.metrics) for run in runs),
        gaps=len(gaps),
        text_gap=sum(gaps) / len(gaps) if gaps else math.nan,
        text_gap_interval=mean_interval(gaps),
    )
