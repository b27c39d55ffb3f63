"""`report`: a study as one HTML page, and its figures as files."""

import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

import pandas as pd

from ablation.analyse.causes import causes_page_frame
from ablation.analyse.compared import compared_page_frame, compared_with_published
from ablation.analyse.gallery import galleries
from ablation.commands.judging import TRAIN_LOSSES, Judged, complain_if_incomplete, judge, newest_study
from ablation.config.entries import ReportOptions, measures_named
from ablation.console import Console
from ablation.errors import TrackingError
from ablation.places import writable_folder
from ablation.track.attach import attach
from ablation.track.query import local_artifact, metric_histories
from ablation.track.store import label_bystander, open_existing_store, ui_address
from ablation.track.views import run_page

PAGE, PLACE = "report.html", "report"
JUDGED, READ, DRAWN, FILED, FETCHED, ALL = 10, 20, 30, 75, 85, 100
"""Where the bar stands when a part is done, in percent."""


def run(options: ReportOptions, console: Console) -> int:
    """The command `report`. Raises Incomplete, after the page was written, when cells are missing."""
    open_existing_store()
    label_bystander("report", "report")
    folder = writable_folder(options.out)
    parent = newest_study(options.study, options.experiment, console)
    _bar(console, 0)
    judged = judge(parent.run_id, measures_named(options.also))
    page, names = write_report(judged, folder, console)
    attach(parent.run_id, page, PLACE)
    console.say("\n".join([*judged.broken, judged.answer]))
    console.say(f"\nwritten to {folder}: {PAGE}; figures/ with {', '.join(names)} as PNG, SVG and PDF")
    console.say(f"and to the study's run {parent.run_id}: {PLACE}/{PAGE}")
    console.say(f"open it with a browser:  {page.resolve().as_uri()}")
    complain_if_incomplete(judged)
    return 0


def write_report(judged: Judged, folder: Path, console: Console) -> tuple[Path, list[str]]:
    """The page and the names of the figures beside it."""
    from ablation.analyse.drawing import write_figures

    figures = draw(judged, console)
    for name in _one_by_one(figures, console, DRAWN, FILED):
        write_figures({name: figures[name]}, folder / "figures")
    page = folder / PAGE
    page.write_text(report_of(judged, figures, console), encoding="utf-8")
    console.close()
    return page, list(figures)


def draw(judged: Judged, console: Console) -> dict:
    """The study's figures and its loss curves, by name."""
    from ablation.analyse.curves import HISTORIES, curve_figures, panels
    from ablation.analyse.figures import study_figures

    _bar(console, JUDGED)
    shown = [run.run_id for row in panels(judged.primary) for run in row.runs]
    histories = metric_histories(shown, HISTORIES)
    _bar(console, READ)
    figures = study_figures(judged.results) | curve_figures(judged.primary, histories)
    _bar(console, DRAWN)
    return figures


def report_of(judged: Judged, figures: dict, console: Console) -> str:
    """The page as HTML."""
    from ablation.analyse.report import Material, report_page, shown_galleries

    record, cells = judged.record, judged.cells
    shown, chosen = [], shown_galleries(judged.primary)
    with tempfile.TemporaryDirectory() as kept:
        for one in _one_by_one(chosen, console, FILED, FETCHED):
            try:
                shown += galleries([one], lambda run, place: local_artifact(run, place, Path(kept)))
            except TrackingError as error:
                console.say(f"without pictures of {one[0]}: {error}")
    return report_page(
        Material(
            record=record,
            cells=cells,
            results=judged.results,
            answer=judged.answer,
            figures=figures,
            galleries=shown,
            compared=_compared(judged),
            causes=_causes(judged),
            address=ui_address(),
            page_of=lambda run: run_page(run.experiment_id, run.run_id),
        )
    )


def _bar(console: Console, percent: int) -> None:
    console.progress("the report", percent, ALL)


def _one_by_one(parts: Collection, console: Console, begin: int, end: int) -> Iterator:
    """Moves the bar from `begin` to `end` percent as they are worked through."""
    for done, part in enumerate(parts, start=1):
        yield part
        _bar(console, begin + (end - begin) * done // len(parts))


def _compared(judged: Judged) -> pd.DataFrame | None:
    if not judged.record.published:
        return None
    finished = [cell.run.run_id for cell in judged.cells if cell.finished]
    histories = metric_histories(finished, TRAIN_LOSSES)
    return compared_page_frame(compared_with_published(judged.record, judged.cells, histories))


def _causes(judged: Judged) -> dict[str, pd.DataFrame]:
    """By measure in words; none where the study does not ask."""
    if judged.causes is None:
        return {}
    return {
        rows[0].measure.words: causes_page_frame(judged.causes, name) for name, rows in judged.results.items()
    }
