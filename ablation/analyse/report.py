"""A study as one HTML page that needs nothing else: no network, no script."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from ablation.analyse.curves import ranked
from ablation.analyse.drawing import inline_svg
from ablation.analyse.figures import label_of
from ablation.analyse.gallery import COLUMNS, Gallery
from ablation.analyse.judge import ArmResult
from ablation.analyse.speed import speed_frame
from ablation.analyse.study_record import Cell, StudyRecord, code_of
from ablation.analyse.study_tables import LEGEND, notes, page_frame
from ablation.analyse.verdicts import MEANINGS, kind_of

TEMPLATE = "report.html.j2"
MOST_GALLERIES = 8
DOTS = "A dot is the mean over seeds with its 95 % interval, a faint dot a run; a hollow dot is an arm whose runs do not learn."
FIGURES = {
    "arms": ("The arms", "Every arm beside its floor", DOTS),
    "differences": (
        None,
        "Every arm against the baseline",
        "Differences seed by seed, with their 95 % interval. Within the grey band they are negligible, as declared before.",
    ),
    "causes": (
        "What each change is worth",
        "Every change alone, and left out of all",
        f"On the left, the further from the grey line towards better, the more it does alone; on the right, the worse without it. {DOTS}",
    ),
    "steps": ("Step by step", "From the baseline to all changes together", DOTS),
    "curves_image": (
        "Loss curves",
        "Image loss by epoch, every seed",
        "Broken line: the floor of the validation stories.",
    ),
    "curves_text": (
        None,
        "Text loss by epoch, every seed",
        "Broken line: the floor of the validation stories.",
    ),
    "curves_total": (
        None,
        "Total loss by epoch, every seed",
        "The weighted sum; it has no floor of its own.",
    ),
}
"""Name to the section that it opens, its title, its caption; in the order of the page."""


@dataclass(frozen=True)
class Exhibit:
    """A figure on the page."""

    name: str
    section: str | None
    title: str
    caption: str
    svg: Markup


@dataclass(frozen=True)
class Material:
    """What a page is made of; the primary measure's rows come first in `results`."""

    record: StudyRecord
    cells: Sequence[Cell]
    results: Mapping[str, Sequence[ArmResult]]
    answer: str
    figures: Mapping[str, Figure]
    galleries: Sequence[Gallery]
    compared: pd.DataFrame | None
    causes: pd.DataFrame | None
    address: str
    """Of the tracking server's UI."""


def report_page(made: Material) -> str:
    """The page as HTML; what comes from the study is escaped."""
    environment = Environment(
        loader=PackageLoader("ablation.analyse", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["b64"] = lambda data: base64.b64encode(data).decode()
    return environment.get_template(TEMPLATE).render(_context(made))


def shown_galleries(rows: Sequence[ArmResult]) -> list[tuple[str, Any]]:
    """(arm, its first run): the baseline's and the best learned arm's, then the others' in the study's order, of at
    most `MOST_GALLERIES` arms.
    """
    there = [row for row in rows if row.values]
    learned = [row for row in ranked(there) if not row.gate.invalid(row.measure)]
    order = list(dict.fromkeys(row.arm for row in [*there[:1], *learned[:1], *there]))
    chosen = order if len(order) <= MOST_GALLERIES else order[:2]
    by_arm = {row.arm: row for row in there}
    return [(arm, by_arm[arm].runs[0]) for arm in chosen]


def _context(made: Material) -> dict[str, Any]:
    record, primary = made.record, made.results[made.record.primary]
    exhibits = _exhibits(made.figures)
    missing = [cell for cell in made.cells if not cell.finished]
    rows = [row for rows in made.results.values() for row in rows]
    return {
        "record": record,
        "cells": made.cells,
        "code": code_of(made.cells),
        "finished": len(made.cells) - len(missing),
        "missing": missing,
        "answer": made.answer,
        "label": label_of(primary[0]),
        "results": _table(primary),
        "exploratory": {
            label_of(rows[0]): _table(rows) for name, rows in made.results.items() if name != record.primary
        },
        "verdict_classes": {row.verdict: kind_of(row.verdict) for row in rows if row.verdict},
        "legend": LEGEND,
        "notes": notes(primary),
        "meanings": MEANINGS,
        "stake": record.stakes.get(record.primary),
        "exhibits": exhibits,
        "causes": made.causes,
        "galleries": made.galleries,
        "gallery_choice": _gallery_choice(made, primary),
        "headings": _headings(record),
        "compared": made.compared,
        "compared_caption": _compared_caption(record),
        "speed": _rounded(speed_frame(primary)),
        "seeds": ", ".join(str(seed) for seed in sorted({cell.seed for cell in made.cells})),
        "runs": _runs(made, primary),
        "address": made.address,
        "contents": _contents(exhibits, made),
    }


def _table(rows: Sequence[ArmResult]) -> pd.DataFrame:
    return page_frame(rows).rename(columns={rows[0].measure.name: label_of(rows[0])})


def _exhibits(figures: Mapping[str, Figure]) -> list[Exhibit]:
    return [
        Exhibit(name, section, title, caption, Markup(inline_svg(name, figures[name], title)))
        for name, (section, title, caption) in FIGURES.items()
        if name in figures
    ]


def _contents(exhibits: Sequence[Exhibit], made: Material) -> list[tuple[str, str]]:
    listed = [("results", "Results"), *((each.name, each.section) for each in exhibits if each.section)]
    listed += [("pictures", "Pictures")] if made.galleries else []
    listed += [("published", "Published figures")] if made.compared is not None else []
    return [*listed, ("speed", "Time"), ("repeat", "Repeat it")]


def _gallery_choice(made: Material, primary: Sequence[ArmResult]) -> str:
    there = [row for row in primary if row.values]
    return "every arm" if len(there) == len(made.galleries) else "the baseline and the best arm"


def _headings(record: StudyRecord) -> list[str]:
    return [*(f"Frame {number}" for number in range(1, 5)), "Frame 5, the true one", "The prediction"][
        :COLUMNS
    ]


def _compared_caption(record: StudyRecord) -> str:
    if record.published is None:
        return ""
    there = record.published["dataset"]
    same = (
        "the same data set"
        if record.dataset == there
        else f"another data set ({there}), so that they do not compare"
    )
    return f"Training losses of the last epoch. The published ones are of {same}."


def _rounded(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.map(lambda value: f"{value:.1f}" if isinstance(value, float) else value)


def _runs(made: Material, primary: Sequence[ArmResult]) -> list[dict[str, Any]]:
    values = {(row.arm, seed): value for row in primary for seed, value in row.values.items()}
    return [
        {
            "name": cell.run.name,
            "arm": cell.arm,
            "seed": cell.seed,
            "value": f"{values[cell.arm, cell.seed]:.4f}" if (cell.arm, cell.seed) in values else "",
            "id": cell.run.run_id,
            "link": f"{made.address}/#/experiments/{cell.run.experiment_id}/runs/{cell.run.run_id}",
        }
        for cell in made.cells
        if cell.run
    ]
