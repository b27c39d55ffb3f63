"""The answer of a study in a sentence: nothing left out, nothing untrue."""

import pytest

from ablation.analyse.answer import answer
from ablation.analyse.study_tables import page_table
from tests.test_judge import BASE, Made, collapsed, shifted, two

TEXT = "test/text_loss"


def told(made: Made) -> str:
    return answer(list(made.judged().values()))


def test_dead_arms_beside_a_baseline_that_learns_are_not_nobody_learned():
    rows = two(shifted(0.09), metrics=collapsed("arm", range(8))).judged()
    told = answer(list(rows.values()))
    assert told == "On image loss (L1), with 8 seeds: arm did not learn and cannot be judged."


def test_the_page_and_the_answer_can_be_read():
    arms = {"base": {}, "better": {"fused_dim": 32}, "same": {"fused_dim": 33}, "dead": {"fused_dim": 34}}
    losses = {"base": BASE, "better": shifted(-0.05), "same": shifted(0.0), "dead": shifted(0.09)}
    rows = list(Made(arms, losses, metrics=collapsed("dead", range(8))).judged().values())
    assert answer(rows) == (
        "On image loss (L1), with 8 seeds: better differs from base; same is equivalent to base; "
        "dead did not learn and cannot be judged."
    )
    page = page_table(rows)
    assert "8 of 8" in page and "< .001" in page and "invalid: not learning" in page


def test_where_images_teach_nothing_it_says_so_of_images():
    made = two([0.3] * 8, metrics=collapsed("base", range(8)) | collapsed("arm", range(6)))
    assert told(made).startswith(
        "None of the 2 models learned, so the study cannot say whether they differ: 14 of 16 runs predict one constant "
        "image for every story, and 8 of 16 do no better than a trivial floor (within 1 %)."
    )


def test_where_words_ignore_the_story_it_says_so_and_nothing_of_images():
    mute = {key: {"health/test_text_condition_gap": 0.0} for key in ("base", "arm")}
    found = told(two(shifted(0.0), metrics=mute, primary=TEXT, delta=0.1))
    assert (
        "in 2 of 2 models another story's condition is not shown to cost the words anything, and 0 of 16 runs do no better than word "
        "frequencies alone (within 1 %)"
    ) in found
    assert "image" not in found


def test_of_a_measure_of_both_it_tells_both():
    nothing = {
        "health/test_text_condition_gap": 0.0,
        "health/test_prediction_spread": 0.0,
        "test/total_loss": 4.0,
    }
    found = told(
        two(shifted(0.0), metrics=dict.fromkeys(("base", "arm"), nothing), primary="test/total_loss")
    )
    assert "16 of 16 runs predict one constant image" in found and "in 2 of 2 models another story's" in found


def test_single_runs_do_not_show_that_words_ignore_the_story():
    floor = {key: {TEXT: 6.0} for key in ("base", "arm")}
    assert "in 0 of 2 models" in told(two(shifted(0.0)[:1], metrics=floor, primary=TEXT))


def test_arms_without_a_run_are_not_left_out():
    arms = {"base": {}, "good": {"fused_dim": 32}, "none": {"fused_dim": 33}, "neither": {"fused_dim": 34}}
    made = Made(arms, {"base": BASE, "good": shifted(-0.05)})
    assert told(made) == (
        "On image loss (L1), with 8 seeds: good differs from base; for none and neither no run compares with base."
    )


@pytest.mark.parametrize(
    "losses, why",
    [
        ({"base": BASE}, "no other arm has a run that compares with base, the baseline"),
        ({"arm": BASE}, "base, the baseline, has no finished run"),
        (
            {"base": [float("nan")] * 2, "arm": BASE},
            "base, the baseline, has no run with a value of image loss (L1)",
        ),
    ],
)
def test_without_a_pair_there_is_no_answer_yet(losses, why):
    assert told(Made({"base": {}, "arm": {"fused_dim": 32}}, losses)) == f"There is no answer yet: {why}."
