"""A study's tables, made from what the tracking server holds: by `summary`, and by `study` at its end."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os.path import expanduser, isfile
from pathlib import Path

import pandas as pd

from ablation.analyse.answer import answer
from ablation.analyse.causes import MARK, causes_answer, causes_frame, causes_page, has_causes
from ablation.analyse.compared import compared_with_published
from ablation.analyse.judge import ArmResult, Judge
from ablation.analyse.story_scores import ScoresByStory
from ablation.analyse.study_record import Cell, StudyRecord, by_arm, cells_of, code_of
from ablation.analyse.study_tables import (
    LEGEND,
    STYLES,
    arms_frame,
    cells_frame,
    missing_frame,
    notes,
    page_table,
    to_csv,
)
from ablation.analyse.tables import (
    LOSS_COLUMNS,
    RESULTS_COLUMNS,
    in_file_name,
    loss_summary,
    loss_summary_csv,
    mean_history,
    results_csv,
    results_page,
)
from ablation.commands.notes import code_block
from ablation.config.entries import RUN_ID
from ablation.config.study_file import load_study, shipped_studies
from ablation.console import Console
from ablation.errors import Incomplete, TrackingError
from ablation.track.query import (
    RunRecord,
    download,
    find_by_ids,
    find_children,
    find_runs,
    get_record,
    local_artifact,
    metric_histories,
)

KIND = "study"
RECORD = "study.json"
TRAIN_LOSSES = [f"train/{name}" for name in LOSS_COLUMNS.values()]


@dataclass(frozen=True)
class Judged:
    """A study with its runs, and the rows of every measure that it names, the primary one first."""

    record: StudyRecord
    cells: list[Cell]
    results: dict[str, list[ArmResult]]
    broken: list[str] = field(default_factory=list)
    """What of the runs could not be read, in words."""

    @property
    def primary(self) -> list[ArmResult]:
        """The rows that carry verdicts."""
        return self.results[self.record.primary]

    @property
    def answer(self) -> str:
        """What the study says, in a sentence or three."""
        asks_causes = self.causes is not None
        return causes_answer(self.record, self.primary) if asks_causes else answer(self.primary)

    @cached_property
    def causes(self) -> pd.DataFrame | None:
        """What each change is worth on every measure; None where the study does not ask."""
        return causes_frame(self.record, self.results) if has_causes(self.primary) else None

    @property
    def missing(self) -> list[Cell]:
        """Cells without a finished run."""
        return [cell for cell in self.cells if not cell.finished]


def find_study(named: str, experiment: str | None) -> tuple[RunRecord, list[RunRecord]]:
    """The parent run of a study that was last worked on, by its name, its file or the run's id; and the others.

    Raises TrackingError when there is none.
    """
    if RUN_ID.fullmatch(named):
        return get_record(named), []
    name = load_study(named).name if isfile(expanduser(named)) else named
    found = [run for run in find_runs(KIND, experiment) if run.tags.get("study") == name]
    if not found:
        known = sorted({run.tags.get("study", "") for run in find_runs(KIND, experiment)})
        there = f"only {', '.join(known)}" if known else "none at all"
        is_there = isfile(expanduser(named)) or named in shipped_studies()
        file = named if is_there else "FILE, with the file that declares it"
        raise TrackingError(
            f"the tracking server holds no study {name}, {there}; run it:  python -m ablation study --study {file}"
        )
    *older, newest = sorted(found, key=_last_worked_on)
    return newest, older


def _last_worked_on(run: RunRecord) -> tuple[bool, int]:
    """A study that is gone on with keeps the time at which it was begun."""
    return run.is_alive, run.ended or run.started


def newest_study(named: str, experiment: str | None, console: Console) -> RunRecord:
    """As `find_study`; says which older ones are left out."""
    newest, older = find_study(named, experiment)
    for run in older:
        console.say(
            f"left out: {run.run_id}, a run of the study that was worked on before this one (--study {run.run_id} reads it)"
        )
    return newest


def read_record(parent_id: str) -> StudyRecord:
    """Raises TrackingError when the parent run has none."""
    with tempfile.TemporaryDirectory() as folder:
        return StudyRecord.from_json(download(parent_id, RECORD, Path(folder)).read_text())


def judge(parent_id: str, also: Sequence[str] = ()) -> Judged:
    """Reads a study's runs and judges its arms, on the primary measure and on the others that it names; those that `also`
    names are compared too.
    """
    record = read_record(parent_id)
    cells = cells_of(record, runs_of(record, parent_id))
    with tempfile.TemporaryDirectory() as folder:
        scores = ScoresByStory(lambda run, place: local_artifact(run, place, Path(folder)))
        judge = Judge(record, cells, scores)
        names = dict.fromkeys([record.primary, *record.stakes, *also])
        return Judged(record, cells, {name: judge.results(name) for name in names}, scores.broken)


def runs_of(record: StudyRecord, parent_id: str) -> list[RunRecord]:
    """The parent's children, and runs from elsewhere that the study found finished."""
    children = find_children(parent_id)
    known = {run.run_id for run in children}
    return children + find_by_ids([c["run_id"] for c in record.cells if c["run_id"] not in (None, *known)])


def study_files(judged: Judged, style: str = "csv") -> dict[str, str]:
    """File name to content: every table of the study, the same bytes for the same runs."""
    record, cells = judged.record, judged.cells
    finished = [cell.run.run_id for cell in cells if cell.finished]
    histories = metric_histories(finished, TRAIN_LOSSES)
    summaries = _loss_summaries(record, cells, histories)
    files = {f"loss_summary_{_file(arm)}.csv": loss_summary_csv(table) for arm, table in summaries.items()}
    results = _results(record, summaries)
    files["Results_Summary.csv"] = results_csv(results)
    rows = [row for results in judged.results.values() for row in results]
    files["arms.csv"] = to_csv(arms_frame(record, rows))
    if judged.causes is not None:
        files["causes.csv"] = to_csv(judged.causes)
    files["cells.csv"] = to_csv(cells_frame(cells))
    files["missing_cells.csv"] = to_csv(missing_frame(cells))
    if record.published:
        files["compared_with_published.csv"] = to_csv(compared_with_published(record, cells, histories))
    if style in STYLES:
        suffix, tablefmt = STYLES[style]
        files[f"Results_Summary.{suffix}"] = results_page(results, tablefmt)
        files[f"arms.{suffix}"] = _page(judged, tablefmt)
    return files


def _page(judged: Judged, tablefmt: str) -> str:
    if tablefmt.startswith("latex"):
        return page_table(judged.primary, tablefmt) + "\n"
    return study_page(judged)


def study_page(judged: Judged) -> str:
    """The question, the answer and the tables, in Markdown."""
    head = (f"**{judged.record.question}**", judged.answer)
    return "\n\n".join(part for part in (*head, *study_parts(judged)) if part) + "\n"


def study_parts(judged: Judged) -> list[str]:
    """What follows the answer, in Markdown: table, notes, causes, how it was judged, how to repeat it."""
    record = judged.record
    return [
        page_table(judged.primary, "github"),
        "\n".join(f"- {line}" for line in notes(judged.primary)),
        _causes(judged),
        f"{judging_told(record)}\n\n{LEGEND}",
        f"Data: {record.dataset} ({record.data_hash}). Code: {code_of(judged.cells)}. Repeat it with\n\n"
        f"{code_block(record.command)}",
    ]


def judging_told(record: StudyRecord) -> str:
    """What verdicts are given on, and what counts as negligible."""
    stake = record.stakes[record.primary]
    return (
        f"Judged on `{record.primary}`. Differences within ±{stake['delta']:g} are negligible: {stake['reason'].strip()} "
        f"Declared as {record.delta_hash}."
    )


def _causes(judged: Judged) -> str:
    if judged.causes is None:
        return ""
    table = causes_page(judged.causes, judged.record.primary)
    return (
        f"What each change is worth on `{judged.record.primary}`, positive where it helps: alone on the baseline; among "
        f"all, by leaving it out; and how much more it is worth there (interaction), with 95 % intervals. {MARK}\n\n{table}"
    )


def told(judged: Judged, also: Sequence[str] = ()) -> str:
    """For the console: the table, its notes, and the answer; then a table of each measure that was asked for too."""
    lines = [
        page_table(judged.primary),
        "",
        LEGEND,
        "",
        *notes(judged.primary),
        *judged.broken,
        "",
        judged.answer,
    ]
    return "\n".join([*lines, *(_explored(judged, name) for name in also if name != judged.record.primary)])


def _explored(judged: Judged, name: str) -> str:
    """What each change is worth on a measure, where the study asks for it; else every arm."""
    rows = judged.results[name]
    if not any(row.values for row in rows):
        return f"\n{rows[0].measure.words}: no run has a value of {name}"
    if judged.causes is not None:
        table = causes_page(judged.causes, name, "simple")
        return f"\n{rows[0].measure.words}, explored; what each change is worth, positive where it helps:\n\n{table}"
    columns = ("arm", "runs", name, "difference", "p, uncorrected")
    return f"\n{rows[0].measure.words}, explored:\n\n{page_table(rows, columns=columns)}"


def complain_if_incomplete(judged: Judged) -> None:
    """Raises Incomplete with every missing cell and the command that fills it."""
    missing = judged.missing
    if missing:
        lines = "".join(f"\n  - {c.arm}, seed {c.seed}: {c.reason}\n      {c.command}" for c in missing)
        raise Incomplete(
            f"{len(missing)} of {len(judged.cells)} cells are not finished. All at once: {judged.record.command}"
            f"\nOne by one:{lines}"
        )


def _loss_summaries(record: StudyRecord, cells: Sequence[Cell], histories) -> dict[str, pd.DataFrame]:
    """Arm to the mean over its seeds of the training losses by epoch."""
    made = {}
    for arm, by_seed in by_arm(record, cells).items():
        runs = [cell.run.run_id for cell in by_seed.values() if cell.finished]
        if runs:
            made[arm] = loss_summary({n: mean_history([histories[r, n] for r in runs]) for n in TRAIN_LOSSES})
    return made


def _results(record: StudyRecord, summaries: dict[str, pd.DataFrame]) -> pd.DataFrame:
    rows = []
    for arm, table in summaries.items():
        epochs = record.arm(arm)["config"]["epochs"]
        rows.append({"Model": arm.removesuffix(f"-e{epochs}"), **table.iloc[-1].to_dict()})
    return pd.DataFrame(rows, columns=RESULTS_COLUMNS).astype({"Epoch": int})


def _file(arm: str) -> str:
    return in_file_name(arm.replace(" ", "_"))
