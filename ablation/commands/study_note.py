"""The page of a study's parent run in the MLflow UI, in Markdown."""

from ablation.analyse.study_record import StudyRecord
from ablation.commands.judging import Judged, judging_told, study_parts
from ablation.commands.notes import code_block
from ablation.commands.report import PAGE, PLACE
from ablation.track.endings import LONGEST_REASON
from ablation.track.mlflow_run import LONGEST_TAG, MlflowRun
from ablation.track.views import run_page, study_key, table_page

TABLES = "summary"
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
    """The question, the answer, where all of it is, and as much of the tables as fits."""
    head = f"**{judged.record.question}**\n\n{judged.answer}\n\n{_links(parent)}"
    table, *more = study_parts(judged)
    page = head
    for part in (table, *reversed(more)):  # what was judged and how to repeat it matter more than the notes
        if part and len(page) + len(part) + 2 <= LONGEST:
            page += f"\n\n{part}"
    return page + "\n"


def _links(parent: MlflowRun) -> str:
    def file(place: str) -> str:
        return run_page(parent.experiment_id, parent.run_id, place)

    table = table_page(parent.experiment_id, study_key(parent.run_id))
    return (
        f"[Its runs as a table]({table}) · [report with curves and pictures]({file(f'{PLACE}/{PAGE}')}) · "
        f"[all tables]({file(TABLES)})"
    )
