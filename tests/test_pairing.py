"""Which runs compare: what drops a pair, and what a reader is told of it."""

from dataclasses import replace

import numpy as np
import pytest

from ablation.analyse.judge import Judge
from ablation.analyse.pairing import mismatch
from ablation.analyse.study_record import StudyRecord, cells_of
from ablation.config.study_file import load_study
from tests.test_judge import BASE, HASHES, LEARNED, NOISE, PRIMARY, Made, Run, collapsed, shifted, two

RATIO = "test/image_over_floor"


@pytest.mark.parametrize("tag", ["data_hash", "split_hash", "code_hash", "environment_hash"])
def test_a_pair_of_other_data_or_code_is_dropped_and_told(tag):
    made = two(shifted(-0.05))
    runs = made.runs()
    next(r for r in runs if r.run_id == "id-arm3").tags[tag] = "other"
    row = made.judged(runs)["arm"]
    assert row.comparison.n == 7 and list(row.pairs.dropped) == [3] and tag in row.pairs.told


def test_a_key_that_the_arm_does_not_declare_drops_the_pair():
    made = two(shifted(-0.05))
    runs = made.runs()
    next(r for r in runs if r.run_id == "id-arm2").params["epochs"] = "9"
    assert "epochs is 9 and 5, which the arm does not declare" in made.judged(runs)["arm"].pairs.told
    declared = Made({"base": {}, "arm": {"epochs": 10}}, {"base": BASE, "arm": shifted(-0.05)}).judged()[
        "arm"
    ]
    assert declared.verdict == "differs" and "trains 10 epochs, the baseline 5" in declared.note


def test_scored_windows_count_as_they_work():
    base = Run("b", {"windows": "first", "scored_windows": "sliding", "batch_size": "8"}, {}, HASHES)
    cured = Run("c", {"windows": "sliding", "scored_windows": "same", "batch_size": "16"}, {}, HASHES)
    assert mismatch(cured, base, {"windows", "batch_size"}) == ""
    assert mismatch(cured, base, {"windows"}).startswith("batch_size is 16 and 8")
    other = Run("o", base.params | {"scored_windows": "same"}, {}, HASHES)
    assert mismatch(cured, other, {"windows", "batch_size"}).startswith("scored_windows is sliding and first")


@pytest.mark.parametrize("first, second", [("notebook", "cured"), ("cured", "notebook")])
def test_what_a_recipe_sets_is_declared_whichever_arm_names_it(first, second, tmp_path):
    (tmp_path / "mine.yaml").write_text(
        f"name: mine\nquestion: Why?\nprimary: {RATIO}\nmetrics: {{{RATIO}: {{delta: 0.01, reason: because}}}}\n"
        f"baseline: {{recipe: {first}, scored_windows: sliding}}\narms: {{other: {{recipe: {second}}}}}\n"
    )
    study = load_study(str(tmp_path / "mine.yaml"))
    arms = [{"name": a.name, "changes": a.changes, "config": a.config.texts()} for a in study.arms]
    cells = [(arm, seed, f"{arm.name}{seed}") for arm in study.arms for seed in range(5)]
    record = StudyRecord(
        "mine", "Why?", RATIO, {}, "h", arms,
        [{"arm": arm.name, "seed": seed, "hash": key, "command": ""} for arm, seed, key in cells],
        *["x"] * 8,
    )  # fmt: skip
    runs = [
        Run(key, replace(arm.config, seed=seed).texts(), LEARNED | {PRIMARY: 0.2 + NOISE[seed]}, HASHES | {"cell_hash": key})
        for arm, seed, key in cells
    ]  # fmt: skip
    _, other = Judge(record, cells_of(record, runs)).results(RATIO)
    assert other.pairs.seeds == [0, 1, 2, 3, 4] and not other.pairs.dropped


def test_seeds_dropped_for_the_same_reason_are_told_together_and_beside_the_verdict():
    made = two(shifted(-0.05))
    runs = made.runs()
    for run in runs:
        run.tags |= {"code_hash": "other"} if run.run_id in ("id-arm3", "id-arm5") else {}
    row = made.judged(runs)["arm"]
    assert row.pairs.told == "seeds 3, 5: other code (code_hash other and c)"
    assert row.verdict == "differs" and row.pairs.told in row.note


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 1.7976931348623157e308])
def test_a_seed_whose_baseline_diverged_is_told_on_the_baseline_and_on_every_arm(loss):
    arms = {"base": {}, "arm": {"fused_dim": 32}, "dead": {"fused_dim": 33}}
    losses = {"base": [*BASE[:7], loss], "arm": shifted(-0.05), "dead": [0.3] * 8}
    rows = Made(arms, losses).judged()
    assert rows["base"].note == f"seed 7: no finite {PRIMARY}"
    for name in ("arm", "dead"):
        assert rows[name].pairs.dropped == {7: f"base has no finite {PRIMARY}"}
        assert rows[name].comparison.n == 7 and rows[name].pairs.told in rows[name].note
    assert rows["dead"].verdict == "invalid: not learning"


def test_a_seed_that_diverged_is_scored_as_the_worst_like_one_that_failed():
    losses = [*shifted(-0.05)[:7], float("nan")]
    row = two(losses).judged()["arm"]
    d = [a - b for a, b in zip([*losses[:7], max(BASE)], BASE, strict=True)]
    assert row.comparison.if_failed_worst[0] == pytest.approx(np.mean(d))
    assert row.pairs.told == f"seed 7: arm has no finite {PRIMARY}"
    assert row.note.startswith(f"{row.pairs.told}; failed runs scored as the worst, the difference is")


def test_an_arm_whose_runs_lack_the_measure_is_not_without_runs():
    context = {"base": {"test/context_loss": 0.1}}
    row = two(shifted(-0.05), metrics=context).judged(measure="test/context_loss")["arm"]
    assert (
        row.verdict == "no run" and row.note == "seeds 0, 1, 2, 3, 4, 5, 6, 7: arm has no test/context_loss"
    )
    assert two([]).judged()["arm"].note == "no finished run"


def test_where_no_seed_pairs_there_is_nothing_to_be_unstable():
    made = two(shifted(-0.05), metrics=collapsed("arm", range(2)))
    runs = made.runs()
    for run in runs[8:]:
        run.tags["code_hash"] = "other"
    row = made.judged(runs)["arm"]
    assert row.verdict == "no run" and row.note.startswith(
        "no seed pairs with the baseline; 2 of 8 runs collapsed; "
    )


def test_the_worst_run_is_one_on_the_same_yardstick():
    arms = {"base": {}, "arm": {"fused_dim": 32}, "raw": {"equalize": False}}
    made = Made(
        arms,
        {"base": BASE, "arm": [*shifted(-0.05)[:7], 0.9], "raw": [0.8] * 8},
        metrics={"raw": {"floor/test_image_median": 2.0}},
    )
    runs = made.runs()
    failed = next(run for run in runs if run.run_id == "id-arm7")
    failed.status, failed.metrics = "FAILED", {}
    rows = made.judged(runs)
    d = [a - b for a, b in zip([*shifted(-0.05)[:7], max(BASE)], BASE, strict=True)]
    assert rows["raw"].verdict == "refused: another yardstick"
    assert rows["arm"].comparison.if_failed_worst[0] == pytest.approx(np.mean(d))
