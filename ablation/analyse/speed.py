"""How long the runs of a study took."""

from collections.abc import Sequence
from statistics import median

import pandas as pd

from ablation.analyse.judge import ArmResult

SPEED = "speed/stories_per_second"
MILLISECONDS_A_MINUTE = 60_000


def speed_frame(rows: Sequence[ArmResult]) -> pd.DataFrame:
    """A row per arm with finished runs: medians over them. Minutes are from opening a run to its end, so that a run
    which was stopped for a while counts that too.
    """
    told = [
        {
            "arm": row.arm,
            "runs": len(row.runs),
            "minutes a run": _median([(run.ended - run.started) / MILLISECONDS_A_MINUTE for run in row.runs]),
            "stories a second, in training": _median(
                [run.metrics[SPEED] for run in row.runs if SPEED in run.metrics]
            ),
        }
        for row in rows
        if row.values
    ]
    return pd.DataFrame(told)


def _median(values: Sequence[float]) -> float:
    return median(values) if values else float("nan")
