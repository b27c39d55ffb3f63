"""What a study writes on its runs for the MLflow UI: tags with their place in the study and with their verdict.

A run may fill a cell of several studies, so every study has tags of its own; `verdict` is the latest judging's.
"""

import re
from collections.abc import Iterator, Sequence

from ablation.analyse.judge import ArmResult
from ablation.analyse.study_record import StudyRecord
from ablation.track.mlflow_run import MlflowRun
from ablation.track.query import find_by_ids
from ablation.track.views import study_key

VERDICT = "verdict"


def place_tag(parent_id: str) -> str:
    """The tag that holds a run's place in a study: its runs in the order of the values are the study."""
    return f"place.{study_key(parent_id)}"


def verdict_tag(name: str) -> str:
    """The tag that holds the verdict of a study on a run's arm."""
    return f"{VERDICT}.{in_tag(name)}"


def in_tag(text: str) -> str:
    """With what MLflow refuses in names replaced."""
    return re.sub(r"[^\w.\- ]", "_", text, flags=re.ASCII)[:100]


def place(arms: Sequence[str], arm: str, seed: int) -> str:
    """The arm's number in the study, from 1, then the seed."""
    return f"{1 + arms.index(arm):03d} {seed:04d}"


def mark_places(parent: MlflowRun, record: StudyRecord) -> None:
    """On the parent, first of all, and on runs from elsewhere that fill its cells."""
    tag, filled = place_tag(parent.run_id), {c["run_id"]: c for c in record.cells if c["run_id"]}
    parent.set_tags({tag: "000"})
    for run in find_by_ids(list(filled)):
        cell = filled[run.run_id]
        found = place(record.arm_names, cell["arm"], cell["seed"])
        if run.tags.get(tag) != found:
            parent.tag_run(run.run_id, {tag: found})


def mark_verdicts(parent: MlflowRun, record: StudyRecord, results: Sequence[ArmResult], answer: str) -> None:
    """On the parent the answer, on every finished run the verdict on its arm; `results` are the primary measure's."""
    own = verdict_tag(record.name)
    parent.set_tags({VERDICT: answer, own: answer})
    for run, verdict in _verdicts(results):
        tags = {VERDICT: f"{verdict} ({record.name})", own: verdict}
        if not tags.items() <= run.tags.items():
            parent.tag_run(run.run_id, tags)


def _verdicts(results: Sequence[ArmResult]) -> Iterator[tuple]:
    for row in results:
        for cell in row.cells.values():
            if cell.finished:
                yield cell.run, row.verdict
