"""The losses of a run by story, read back for the multi-bootstrap."""

import csv
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ablation.analyse.bootstrap import StoryScores
from ablation.config.metrics import Measure
from ablation.errors import reason

PLACE = "scores/test.csv"
PARTS = {
    "test/image_loss": ("image_sum", "windows", "image_weight"),
    "test/text_loss": ("text_nats", "text_tokens", "text_weight"),
    "test/context_loss": ("context_sum", "windows", "context_weight"),
}
COUNTS = {counted for _, counted, _ in PARTS.values()}
TOTAL = "test/total_loss"
AGAIN = "deleted (mlflow runs delete --run-id {}), the study's command makes it anew"
"""What one does with a finished run whose files are broken."""


@dataclass(frozen=True)
class Table:
    """A run's losses by story; the ids and every column in the same order."""

    story_ids: tuple[str, ...]
    columns: dict[str, np.ndarray]

    @property
    def not_finite(self) -> list[str]:
        """Columns with a value that is none, as of a run that diverged."""
        return [name for name, values in self.columns.items() if not np.isfinite(values).all()]

    def without(self, names: Collection[str]) -> "Table":
        """The other columns."""
        return Table(self.story_ids, {name: c for name, c in self.columns.items() if name not in names})


class ScoresByStory:
    """Gives the judge the parts of a loss, summed by story; each run's file is read once. `broken` says what could not be."""

    def __init__(self, fetch: Callable[[Any, str], Path | None]):
        self.fetch = fetch
        self.tables: dict[str, Table | None] = {}
        self.gone: list[str] = []
        self.told: list[str] = []

    @property
    def broken(self) -> list[str]:
        """What of the runs could not be read, in words."""
        if not self.gone:
            return self.told
        runs = f"run {self.gone[0]}" + (f" and {len(self.gone) - 1} more" if len(self.gone) > 1 else "")
        lost = f"{PLACE} of {runs} is not where the tracker says, so that their arms have no interval over stories; bring it back"
        return [*self.told, lost]

    def __call__(self, runs: Sequence, measure: Measure) -> list[tuple[float, StoryScores]] | None:
        """None where a run lacks its file or the measure is not a sum over stories, nor one over a floor."""
        loss, floor = measure.ratio_of or (measure.name, None)
        if loss not in (*PARTS, TOTAL):
            return None
        tables = [self._table(run) for run in runs]
        if any(table is None for table in tables) or not self._of_one_list(runs, tables):
            return None
        units = [run.metrics[floor] if floor else 1.0 for run in runs]
        known = [part for part in PARTS if all({*PARTS[part][:2]} <= t.columns.keys() for t in tables)]
        if loss != TOTAL:
            return [(1.0, _scores(tables, loss, units))] if loss in known else None
        weights = {part: float(runs[0].params[weight]) for part, (_, _, weight) in PARTS.items()}
        return [(weights[part], _scores(tables, part, units)) for part in known if weights[part]]

    def _of_one_list(self, runs: Sequence, tables: Sequence[Table]) -> bool:
        """Whether all are of the same stories; a file that was cut has fewer."""
        longest = max((table.story_ids for table in tables), key=len)
        odd = [run for run, table in zip(runs, tables, strict=True) if table.story_ids != longest]
        for run in odd:
            self._tell(run, f"is not of the same {len(longest)} stories as that of another seed")
        return not odd

    def _table(self, run: Any) -> Table | None:
        if run.run_id not in self.tables:
            file = self.fetch(run, PLACE)
            if file is None:
                self.gone.append(run.run_id)
            self.tables[run.run_id] = self._read(run, file) if file else None
        return self.tables[run.run_id]

    def _read(self, run: Any, file: Path) -> Table | None:
        try:
            table = read_table(file)
        except (ValueError, OSError, csv.Error) as error:
            self._tell(run, f"is not the table that a run writes ({reason(error)})")
            return None
        for name in table.not_finite:
            self._tell(run, f"has a value of {name} that is not finite")
        return table.without(table.not_finite)

    def _tell(self, run: Any, wrong: str) -> None:
        told = f"run {run.run_id}: {PLACE} {wrong}, so that its arm has no interval over stories; {AGAIN.format(run.run_id)}"
        if told not in self.told:
            self.told.append(told)


def read_table(file: Path) -> Table:
    """A `scores/test.csv`; many are read at once, for which pandas is slow. A column with gaps is left out. Raises
    ValueError where it is none, or counts less than nothing.
    """
    with file.open(encoding="utf-8", newline="") as opened:
        head, *rows = csv.reader(opened)
    ids, *columns = zip(*rows, strict=True)
    known = {name: values for name, values in zip(head[1:], columns, strict=True) if all(values)}
    table = Table(ids, {name: np.array(values, float) for name, values in known.items()})
    for name in COUNTS & table.columns.keys():
        if (table.columns[name] < 0).any():
            raise ValueError(f"{name} falls to {table.columns[name].min():g}")
    return table


def _scores(tables: Sequence[Table], part: str, units: Sequence[float]) -> StoryScores:
    """(seeds, stories) sums and counts; the sums in a unit for each seed."""
    summed, counted, _ = PARTS[part]
    sums, counts = (np.array([table.columns[name] for table in tables]) for name in (summed, counted))
    return StoryScores(sums / np.array(units)[:, None], counts)
