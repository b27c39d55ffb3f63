"""Ours beside figures published elsewhere."""

import math
from collections.abc import Sequence

import pandas as pd

from ablation.analyse.inference import mean_interval
from ablation.analyse.study_record import Cell, StudyRecord, by_arm
from ablation.analyse.tables import LOSS_COLUMNS
from ablation.config.declare import NONE_TEXT

COLUMNS = (
    "Model",
    "Epoch",
    "Loss",
    "Published",
    "Ours",
    "Ours Low",
    "Ours High",
    "Runs",
    "Published Inside Interval",
    "Data Set",
    "Same Data Set",
)
Histories = dict[tuple[str, str], dict[int, float]]


def compared_with_published(record: StudyRecord, cells: Sequence[Cell], histories: Histories) -> pd.DataFrame:
    """Training losses of the last epoch, mean over the seeds with its 95 % interval.

    On another data set than the published one the figures do not compare; the column says so.
    """
    same = same_data(record)
    table, rows = by_arm(record, cells), []
    for arm, published in record.published["rows"].items():
        runs = [c.run for c in table.get(arm, {}).values() if c.finished]
        for column, loss in LOSS_COLUMNS.items():
            values = [v for run in runs if (v := _last(histories[run.run_id, f"train/{loss}"])) is not None]
            low, high = mean_interval(values)
            theirs = published.get(column)
            known = same and theirs is not None and len(values) > 1
            inside = ("yes" if low <= theirs <= high else "no") if known else ""
            mean = sum(values) / len(values) if values else None
            told = record.dataset if same else f"{record.dataset} ({published_data(record)})"
            row = (arm, published.get("Epoch"), column, theirs, mean, low, high, len(values))
            rows.append((*row, inside, told, "yes" if same else "no"))
    return pd.DataFrame(rows, columns=COLUMNS)


def published_data(record: StudyRecord) -> str:
    """What the published figures are of, in words, where that is something else."""
    there = record.published["dataset"]
    return f"published: {'all of it' if record.dataset == there else there}"


def same_data(record: StudyRecord) -> bool:
    """Whether the study ran on the data set that the published figures are of, on all of it."""
    whole = all(arm["config"].get("max_stories", NONE_TEXT) == NONE_TEXT for arm in record.arms)
    return whole and record.dataset == record.published["dataset"]


def compared_page_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """In words, a row per model and loss."""
    shown = [
        {
            "model": row["Model"],
            "epochs": row["Epoch"],
            "loss": row["Loss"].removesuffix(" Loss").lower(),
            "published": _number(row["Published"]),
            "ours": _number(row["Ours"], (row["Ours Low"], row["Ours High"])),
            "published inside the interval": row["Published Inside Interval"] or "not comparable",
        }
        for row in frame.to_dict("records")
    ]
    return pd.DataFrame(shown)


def _number(value: float | None, interval: tuple[float, float] | None = None) -> str:
    if value is None or math.isnan(value):
        return ""
    wide = interval is not None and not math.isnan(interval[0])
    return f"{value:.4f}" + (f" [{interval[0]:.4f}, {interval[1]:.4f}]" if wide else "")


def _last(history: dict[int, float]) -> float | None:
    return history[max(history)] if history else None
