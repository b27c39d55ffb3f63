"""The page of a study's parent run in the MLflow UI, in Markdown."""

from ablation.analyse.study_record import StudyRecord
from ablation.analyse.study_tables import page_table
from ablation.commands.judging import Judged, judging_told, study_parts
from ablation.commands.notes import code_block, spaced_table
from ablation.commands.report import PAGE, PLACE
from ablation.track.endings import LONGEST_REASON
from ablation.track.mlflow_run import LONGEST_TAG, MlflowRun
from ablation.track.views import run_page, study_key, table_page

TABLES, WHOLE = "summary", "summary/arms.md"
SHORT = ("arm", "difference", "verdict")
LONGEST = LONGEST_TAG - LONGEST_REASON
"""Letters, so that what ends a study early fits above them."""


def study_opening(record: StudyRecord) -> str:
    """What a study asks, until it is judged."""
    seeds = len({cell["seed"] for cell in record.cells})
    arms = ", ".join(record.arm_names)
    return (
        f"**{record.question}**\n\n{len(record.arms)} arms × {seeds} seeds, not judged yet: {arms}.\n\n{judging_told(record)}"
        f"\n\nRun it, or go on with it, with\n\n{code_block(record.command)}\n"
    )


def study_note(judged: Judged, parent: MlflowRun) -> str:
    """The question, the answer, where all of it is, as much of the tables as fits, and where the rest is."""
    page = f"**{judged.record.question}**\n\n{judged.answer}\n\n{_links(parent)}"
    elsewhere = f"What has no room here stands in [{WHOLE}]({_file(parent, WHOLE)})."
    room = LONGEST - len(elsewhere) - 3
    table, *more = parts = [spaced_table(part) for part in study_parts(judged)]
    causes = parts[2]
    short = spaced_table(page_table(judged.primary, "github", SHORT))
    table = next((t for t in (table, short) if len(page) + len(t) + len(causes) + 4 <= room), "")
    for part in (table, *reversed(more)):  # what was judged and how to repeat it matter more than the notes
        if part and len(page) + len(part) + 2 <= room:
            page += f"\n\n{part}"
    whole = all(part in page for part in parts)
    return page + ("" if whole else f"\n\n{elsewhere}") + "\n"


def _links(parent: MlflowRun) -> str:
    table = table_page(parent.experiment_id, study_key(parent.run_id))
    return (
        f"[Its runs as a table]({table}) · [report with curves and pictures]({_file(parent, f'{PLACE}/{PAGE}')}) · "
        f"[all tables]({_file(parent, TABLES)})"
    )


def _file(parent: MlflowRun, place: str) -> str:
    return run_page(parent.experiment_id, parent.run_id, place)
