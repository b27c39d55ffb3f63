"""What each cure is worth: by hand, whichever way the measure goes, and with cells missing."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ablation.analyse.causes import causes_answer, causes_frame, causes_page, has_causes
from ablation.config.metrics import MEASURES
from tests.test_figures import LOSSES, RATIO, judged

FLOOR = 0.30


def row(frame, cure, metric=RATIO):
    return frame[(frame["cure"] == cure) & (frame["metric"] == metric)].iloc[0]


def ratio(arm):
    return np.array(LOSSES[arm]) / FLOOR


def test_alone_among_all_and_beyond_by_hand():
    norm = row(causes_frame(*judged()), "norm")
    alone, among_all = ratio("notebook") - ratio("only norm"), ratio("all but norm") - ratio("all")
    assert (norm["alone_n"], norm["alone_worth"]) == (2, pytest.approx(alone.mean()))
    assert norm["among_all_worth"] == pytest.approx(among_all.mean()) and norm["among_all_worth"] > 0
    beyond = stats.ttest_1samp(among_all - alone, 0)
    low, high = beyond.confidence_interval()
    assert norm["interaction_worth"] == pytest.approx((among_all - alone).mean())
    assert (norm["interaction_low"], norm["interaction_high"]) == pytest.approx((low, high))
    assert norm["interaction_p"] == pytest.approx(beyond.pvalue)


def test_what_is_worth_most_among_all_stands_first_and_p_is_corrected():
    frame = causes_frame(*judged())
    assert frame["cure"][:2].tolist() == ["norm", "raw"]
    ratios = frame[frame["metric"] == RATIO]
    assert ratios["interaction_p_holm"].min() == pytest.approx(2 * ratios["interaction_p"].min())


def test_a_cell_that_is_missing_leaves_its_seed_out_and_its_fields_empty():
    losses = {name: values for name, values in LOSSES.items() if name != "only raw"}
    raw = row(causes_frame(*judged(losses | {"all but raw": [0.25]})), "raw")
    assert (raw["alone_n"], raw["among_all_n"], raw["interaction_n"]) == (0, 1, 0)
    assert np.isnan(raw["alone_worth"]) and np.isnan(raw["among_all_low"])
    assert raw["among_all_worth"] == pytest.approx((0.25 - 0.24) / FLOOR)


def test_the_page_tells_intervals_where_there_are_any():
    page = causes_page(causes_frame(*judged()), RATIO)
    assert page.count("\n") == 3 and "| norm   | +0.1067 [" in page
    single = {name: values[:1] for name, values in LOSSES.items()}
    assert "[" not in causes_page(causes_frame(*judged(single)), RATIO)


def test_what_does_not_pair_or_has_another_yardstick_is_not_compared():
    record, rows = judged()
    raw = row(causes_frame(record, rows), "raw", "test/image_loss")
    assert (raw["alone_n"], raw["among_all_n"]) == (0, 0)  # raw and equalised frames
    norm = row(causes_frame(record, rows), "norm", "test/image_loss")
    assert (norm["alone_n"], norm["among_all_n"]) == (2, 2)
    assert norm["interaction_n"] == 0 and row(causes_frame(record, rows), "norm")["interaction_n"] == 2
    by_name = {each.arm: each for each in rows[RATIO]}
    by_name["only norm"].cells[1].run.tags = by_name["only norm"].cells[1].run.tags | {"code_hash": "other"}
    assert row(causes_frame(record, rows), "norm")["alone_n"] == 1


def test_what_is_computed_from_arms_that_do_not_learn_is_marked():
    at_floor = LOSSES | {"only raw": [0.300, 0.301]}
    frame = causes_frame(*judged(at_floor))
    assert (
        "no better" in row(frame, "raw")["alone_not_learning"]
        and not row(frame, "norm")["alone_not_learning"]
    )
    marked = {
        line.split("|")[1].strip(): [
            cell.strip().endswith("(not learning)") for cell in line.split("|")[2:-1]
        ]
        for line in causes_page(frame, RATIO).splitlines()[2:]
    }
    assert marked == {"norm": [False] * 5, "raw": [True, False, False, False, True]}
    page = causes_page(causes_frame(*judged(LOSSES | {"all but norm": [0.299, 0.300]})), RATIO)
    assert [cell.strip().endswith("(not learning)") for cell in page.splitlines()[2].split("|")[2:-1]] == [
        False, False, True, False, True
    ]  # fmt: skip


def told(losses=LOSSES):
    record, rows = judged(losses)
    return causes_answer(record, rows[RATIO])


FIVE = {
    name: [values[0] + off for off in (0, 0.002, 0.001, -0.001, 0.0015)] for name, values in LOSSES.items()
}
HARMLESS = {"all but raw": [0.242, 0.240, 0.241, 0.2405, 0.241]}


def test_the_answer_names_what_helps_alone_and_what_makes_it_worse_when_left_out():
    missed = {"all but norm": [0.290, 0.291, 0.292, 0.289, 0.290]}
    answer = told(FIVE | HARMLESS | missed)
    assert answer.startswith("With all changes image loss over the constant image's is 0.802 [")
    assert "] instead of 1.002 [" in answer and "; 5 seeds)" in answer
    assert answer.endswith(
        "Alone on notebook, 1 of 2 changes let the model learn: norm. Leaving one out of all is shown to make it worse for 1 of 2: norm."
    )


def test_the_answer_counts_no_change_that_too_few_seeds_tell_of():
    answer = told(FIVE | {"all but raw": [0.252, 0.254, 0.253, 0.251]})
    assert answer.endswith(
        "worse for 1 of 1: norm; for 1 there are too few seeds to tell what leaving it out costs."
    )
    for few in (1, 4):
        answer = told({name: values[:few] for name, values in FIVE.items()})
        assert answer.endswith("norm. For 2 there are too few seeds to tell what leaving it out costs.")


def test_what_is_shown_of_many_changes_stands_corrected_for_their_number():
    """Of one change alone p is .027, of two twice that."""
    barely = {"all but raw": np.add(FIVE["all"], [0.004, 0.001, 0.0005, 0.003, 0.0025]).tolist()}
    assert stats.ttest_1samp(np.subtract(barely["all but raw"], FIVE["all"]), 0).pvalue == pytest.approx(
        0.027, abs=0.001
    )
    nothing = {"all but norm": np.add(FIVE["all"], [0.004, -0.004, 0.001, -0.001, 0.0]).tolist()}
    assert "worse for 0 of 2." in told(FIVE | barely | nothing)


def test_what_is_left_out_of_arms_that_do_not_learn_is_no_question():
    dead = {name: [0.30, 0.3, 0.301, 0.302, 0.30] for name in LOSSES}
    assert told(dead).endswith("What leaving one out costs is no question: all together do not learn.")


def test_without_the_baseline_there_is_no_answer_yet():
    assert (
        told(LOSSES | {"notebook": []})
        == "There is no answer yet: notebook, the baseline, has no finished run."
    )


def test_an_arm_called_all_asks_nothing_where_no_change_is_left_out():
    _, rows = judged()
    assert has_causes(rows[RATIO])
    assert not has_causes([each for each in rows[RATIO] if not each.arm.startswith("all but")])


def test_a_measure_that_should_rise_counts_as_helped_when_it_rises():
    record, rows = judged(
        metrics={"only norm": {"health/test_image_skill": 0.4}, "notebook": {"health/test_image_skill": 0.1}}
    )
    skill = [
        replace(
            each,
            measure=MEASURES["health/test_image_skill"],
            values={
                s: c.run.metrics["health/test_image_skill"]
                for s, c in each.cells.items()
                if "health/test_image_skill" in c.run.metrics
            },
        )
        for each in rows[RATIO]
    ]
    assert row(causes_frame(record, {"health/test_image_skill": skill}), "norm", "health/test_image_skill")[
        "alone_worth"
    ] == pytest.approx(0.3)
