"""A study as one HTML page that needs nothing else: no network, no script."""

import base64
import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from ablation.analyse.causes import MARK
from ablation.analyse.compared import published_data, same_data
from ablation.analyse.curves import ranked
from ablation.analyse.drawing import inline_svg
from ablation.analyse.gallery import Gallery
from ablation.analyse.judge import ArmResult
from ablation.analyse.speed import speed_frame
from ablation.analyse.study_record import Cell, StudyRecord, code_of
from ablation.analyse.study_tables import LEGEND, notes, page_frame
from ablation.analyse.verdicts import MEANINGS, kind_of

TEMPLATE = "report.html.j2"
HEADINGS = (*(f"Frame {number}" for number in range(1, 5)), "Frame 5, the true one", "The prediction")
MOST_GALLERIES = 8
DOTS = "A dot is the mean over seeds with its 95 % interval, a faint dot a run; a hollow dot is an arm whose runs do not learn."
FLOOR_LINES = "Broken line: the floor of the validation stories; dash-dotted, where it is known: the best possible there."
FIGURES = {
    "arms": ("The arms", "Every arm beside its floor", DOTS),
    "differences": (
        None,
        "Every arm against the baseline",
        "Differences seed by seed, with their 95 % interval. Within the grey band they are negligible, as declared.",
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
        FLOOR_LINES,
    ),
    "curves_text": (
        None,
        "Text loss by epoch, every seed",
        FLOOR_LINES,
    ),
    "curves_total": (
        None,
        "Total loss by epoch, every seed",
        "The weighted sum of the losses; it has no floor of its own.",
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
    causes: Mapping[str, pd.DataFrame]
    """What each change is worth, by measure in words; none where the study does not ask."""
    address: str
    """Of the tracking server's UI."""
    page_of: Callable[[Any], str]
    """A run's place in the UI, after the address."""


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
    """(arm, its first run): the baseline's, the best learned arm's, then the others' in the study's order; of more than
    `MOST_GALLERIES` arms the first two only.
    """
    there = [row for row in rows if row.values]
    chosen = [row for row in (rows[0], _best(rows)) if row in there]
    if len(there) <= MOST_GALLERIES:
        chosen += there
    return list({row.arm: (row.arm, row.runs[0]) for row in chosen}.values())


def _best(rows: Sequence[ArmResult]) -> ArmResult | None:
    """The best arm that learns."""
    learned = [row for row in rows if row.values and not row.gate.invalid(row.measure)]
    return ranked(learned)[0] if learned else None


def _context(made: Material) -> dict[str, Any]:
    record, primary = made.record, made.results[made.record.primary]
    exhibits = _exhibits(made.figures)
    missing = [cell for cell in made.cells if not cell.finished]
    rows = [row for rows in made.results.values() for row in rows]
    return {
        "record": record,
        "named": shlex.quote(record.name),
        "cells": made.cells,
        "code": code_of(made.cells),
        "finished": len(made.cells) - len(missing),
        "missing": missing,
        "answer": made.answer,
        "label": primary[0].measure.words,
        "results": _table(primary),
        "exploratory": {
            rows[0].measure.words: _table(rows)
            for name, rows in made.results.items()
            if name != record.primary
        },
        "verdict_classes": {row.verdict: kind_of(row.verdict) for row in rows if row.verdict},
        "legend": LEGEND,
        "notes": notes(primary),
        "meanings": MEANINGS,
        "stake": record.stakes.get(record.primary),
        "declared": _declared(record, [cell.run for cell in made.cells if cell.finished]),
        "exhibits": exhibits,
        "causes": made.causes,
        "mark": MARK,
        "galleries": made.galleries,
        "gallery_choice": _gallery_choice(made, primary),
        "headings": HEADINGS,
        "compared": made.compared,
        "compared_caption": _compared_caption(record),
        "speed": _rounded(speed_frame(primary)),
        "seeds": ", ".join(str(seed) for seed in sorted({cell.seed for cell in made.cells})),
        "runs": _runs(made, primary),
        "address": made.address,
        "contents": _contents(exhibits, made),
    }


def _table(rows: Sequence[ArmResult]) -> pd.DataFrame:
    return page_frame(rows).rename(columns={rows[0].measure.name: rows[0].measure.words})


def _exhibits(figures: Mapping[str, Figure]) -> list[Exhibit]:
    return [
        Exhibit(
            name,
            section,
            title,
            caption,
            Markup(inline_svg(name, figures[name], _spoken(title, figures[name]))),
        )
        for name, (section, title, caption) in FIGURES.items()
        if name in figures
    ]


def _spoken(title: str, figure: Figure) -> str:
    """What a screen reader says instead of a figure."""
    return f"{title}. {figure.get_label() or 'The tables hold its numbers'}."


def _contents(exhibits: Sequence[Exhibit], made: Material) -> list[tuple[str, str]]:
    listed = [("results", "Results"), *((each.name, each.section) for each in exhibits if each.section)]
    listed += [("pictures", "Pictures")] if made.galleries else []
    listed += [("published", "Published figures")] if made.compared is not None else []
    listed += [("speed", "Time")] if any(cell.finished for cell in made.cells) else []
    return [*listed, ("repeat", "Repeat it")]


def _gallery_choice(made: Material, primary: Sequence[ArmResult]) -> str:
    """Whose pictures are shown, in words."""
    best = _best(primary)
    roles = {made.record.baseline: "the baseline"}
    if best:
        roles[best.arm] = ", ".join([*filter(None, [roles.get(best.arm)]), "the best that learns"])
    if len(made.galleries) == sum(bool(row.values) for row in primary):
        return "every arm"
    shown = [gallery.arm for gallery in made.galleries]
    return " and ".join(f"{arm} ({roles[arm]})" if arm in roles else arm for arm in shown)


def _declared(record: StudyRecord, finished: Sequence) -> str:
    """Whether what is negligible was declared before the runs."""
    others = sum(run.tags.get("delta_hash") != record.delta_hash for run in finished)
    if not others:
        return "This was declared before the runs"
    return f"{others} of the {len(finished)} finished runs {'was' if others == 1 else 'were'} not started under this declaration"


def _compared_caption(record: StudyRecord) -> str:
    if record.published is None:
        return ""
    other = f"other data ({published_data(record)}), so that they do not compare"
    return f"Training losses of the last epoch. The published ones are of {'the same data' if same_data(record) else other}."


def _rounded(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.map(lambda value: _digit(value) if isinstance(value, float) else value)


def _digit(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.1f}"


def _runs(made: Material, primary: Sequence[ArmResult]) -> list[dict[str, Any]]:
    values = {(row.arm, seed): value for row in primary for seed, value in row.values.items()}
    return [
        {
            "name": cell.run.name,
            "arm": cell.arm,
            "seed": cell.seed,
            "value": f"{values[cell.arm, cell.seed]:.4f}" if (cell.arm, cell.seed) in values else "",
            "id": cell.run.run_id,
            "link": f"{made.address}/{made.page_of(cell.run)}",
        }
        for cell in made.cells
        if cell.run
    ]
