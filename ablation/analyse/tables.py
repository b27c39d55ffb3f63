"""The published table formats."""

from collections.abc import Iterable, Sequence

import pandas as pd
from tabulate import tabulate

from ablation.config.config import short_hash

LOSS_COLUMNS = {
    "Total Loss": "total_loss",
    "Image Loss": "image_loss",
    "Context Loss": "context_loss",
    "Text Loss": "text_loss",
}
LOSS_SUMMARY_COLUMNS = ["Epoch", *LOSS_COLUMNS]
RESULTS_COLUMNS = ["Model", *LOSS_SUMMARY_COLUMNS]
LONGEST_IN_FILE_NAME = 150
MARKDOWN = ("github", "pipe")


def in_file_name(arm: str) -> str:
    """An arm's name in that of a file: in small letters; what no file system takes, or leads to another folder, is
    replaced, or cut off after 150 bytes, and a digest tells such names apart.
    """
    small = arm.lower()
    safe = "".join(c if c.isalnum() or c in " ._+=,-" else "_" for c in small)
    safe = safe.encode(errors="replace")[:LONGEST_IN_FILE_NAME].decode(errors="ignore")
    return safe if safe == small else f"{safe}-{short_hash({'arm': arm})}"


def file_names(arms: Iterable[str]) -> dict[str, str]:
    """Arm to its name in that of a file; of arms that only capital letters tell apart, all but the first get a digest."""
    names: dict[str, str] = {}
    for arm in arms:
        name = in_file_name(arm)
        names[arm] = f"{name}-{short_hash({'arm': arm})}" if name in names.values() else name
    return names


def loss_summary(history: dict[str, dict[int, float]]) -> pd.DataFrame:
    """Epochs as rows, from `metric name -> epoch -> value`; a loss that was not logged is empty."""
    table = pd.DataFrame(
        {
            column: pd.Series(history.get(f"train/{name}", {}), dtype=float)
            for column, name in LOSS_COLUMNS.items()
        }
    )
    return table.rename_axis("Epoch").sort_index().reset_index()


def mean_history(histories: Sequence[dict[int, float]]) -> dict[int, float]:
    """Epoch to the mean over the runs that have a value there."""
    values: dict[int, list[float]] = {}
    for history in histories:
        for epoch, value in history.items():
            values.setdefault(epoch, []).append(value)
    return {epoch: sum(known) / len(known) for epoch, known in sorted(values.items())}


def loss_summary_csv(table: pd.DataFrame) -> str:
    """CSV with six decimals, as the original saved."""
    return table.to_csv(index=False, float_format="%.6f", lineterminator="\n")


def results_csv(table: pd.DataFrame) -> str:
    """CSV with four decimals, as published."""
    return table.to_csv(index=False, float_format="%.4f", lineterminator="\n")


def results_page(table: pd.DataFrame, tablefmt: str) -> str:
    """The same for a page, in a style that `tabulate` knows."""
    columns = {"headers": "keys", "showindex": False, "floatfmt": ".4f", "disable_numparse": [0]}
    names = table["Model"].str.replace("|", r"\|") if tablefmt in MARKDOWN else table["Model"]
    return tabulate(table.assign(Model=names), **columns, tablefmt=tablefmt) + "\n"
