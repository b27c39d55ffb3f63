"""How long the runs of a study took."""

from collections.abc import Sequence
from statistics import median

import pandas as pd

from ablation.analyse.judge import ArmResult

SPEED = "speed/stories_per_second"
MILLISECONDS_A_MINUTE = 60_000
MOST_MINUTES = 60 * 24 * 365


def speed_frame(rows: Sequence[ArmResult]) -> pd.DataFrame:
    """A row per arm with finished runs: medians over them. Minutes are from opening a run to its end, so that a run
    which was stopped for a while counts that too.
    """
    told = [
        {
            "arm": row.arm,
            "runs": len(row.runs),
            "minutes a run": _median([m for run in row.runs if (m := minutes_of(run)) is not None]),
            "stories a second, in training": _median(
                [run.metrics[SPEED] for run in row.runs if SPEED in run.metrics]
            ),
        }
        for row in rows
        if row.values
    ]
    return pd.DataFrame(told)


def minutes_of(run) -> float | None:
    """From opening it to its end; None where a clock that was set meanwhile makes that negative, or years."""
    minutes = (run.ended - run.started) / MILLISECONDS_A_MINUTE
    return minutes if 0 < minutes < MOST_MINUTES else None


def _median(values: Sequence[float]) -> float:
    return median(values) if values else float("nan")
