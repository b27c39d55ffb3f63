"""The page of a study in the MLflow UI holds what fits into a tag, and says where the rest is."""

from types import SimpleNamespace

import pytest

from ablation.analyse.judge import Judge
from ablation.analyse.study_record import cells_of
from ablation.commands.judging import Judged, study_parts
from ablation.commands.notes import spaced_table
from ablation.commands.study_note import LONGEST, study_note
from tests.test_judge import BASE, PRIMARY, Made, shifted

PARENT = SimpleNamespace(experiment_id="1", run_id="0" * 32)
FULL, SHORT = "| collapsed", "| arm"
ELSEWHERE = "What has no room here stands in [summary/arms.md](#/experiments/1/runs/"


def judged(arms: int) -> Judged:
    names = [f"an arm with a name, {n}" for n in range(arms)]
    made = Made(
        {"base": {}} | {name: {"fused_dim": 17 + n} for n, name in enumerate(names)},
        {"base": BASE} | {name: shifted(-0.01 * (n % 3)) for n, name in enumerate(names)},
    )
    record = made.record()
    cells = cells_of(record, made.runs())
    return Judged(record, cells, {PRIMARY: Judge(record, cells).results(PRIMARY)})


@pytest.mark.parametrize(
    "arms, has_full, has_short", [(3, True, True), (40, False, True), (90, False, False)]
)
def test_a_table_that_has_no_room_is_shortened_or_pointed_to(arms, has_full, has_short):
    study = judged(arms)
    page = study_note(study, PARENT)
    assert len(page) <= LONGEST
    assert (FULL in page, SHORT in page) == (has_full, has_short)
    assert (page.count("| differs") > 0) == has_short
    assert "Repeat it with" in page
    assert (ELSEWHERE in page) == (not has_full)
    assert all(spaced_table(part) in page for part in study_parts(study)) == has_full


def test_numbers_side_by_side_do_not_run_into_one():
    page = study_note(judged(3), PARENT)
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(rows) == 5
    assert all(row.count("&nbsp; |") == row.count("|") - 2 for row in rows)
