"""Verdicts: from runs whose numbers are known to what the tables say of them."""

import math
import sys
from dataclasses import dataclass, field

import numpy as np
import pytest

from ablation.analyse.answer import answer
from ablation.analyse.compared import compared_with_published
from ablation.analyse.inference import mean_interval, paired_t, tost
from ablation.analyse.judge import Judge
from ablation.analyse.story_scores import ScoresByStory
from ablation.analyse.study_record import StudyRecord, cells_of, code_of
from ablation.analyse.study_tables import arms_frame, cells_frame, missing_frame, page_table, to_csv
from ablation.config.config import Config
from ablation.config.metrics import MEASURES

PRIMARY, DELTA = "test/image_loss", 0.01
HASHES = {
    "data_hash": "d",
    "split_hash": "s",
    "code_hash": "c",
    "environment_hash": "e",
    "tokenizer_hash": "t",
}
LEARNED = {
    "floor/test_image_median": 0.30,
    "floor/test_text_unigram": 6.0,
    "test/text_loss": 4.0,
    "health/test_prediction_spread": 0.1,
    "health/test_target_spread": 0.25,
    "health/test_text_condition_gap": 0.3,
}
NOISE = np.array([0.0010, -0.0012, 0.0004, 0.0007, -0.0009, 0.0002, -0.0005, 0.0011])


@dataclass
class Run:
    run_id: str
    params: dict
    metrics: dict
    tags: dict
    status: str = "FINISHED"
    started: int = 0


@dataclass
class Made:
    """A study's record and runs; arms are given as the image losses of their seeds."""

    arms: dict[str, dict]
    losses: dict[str, list[float | None]]
    metrics: dict[str, dict] = field(default_factory=dict)
    primary: str = PRIMARY
    delta: float = DELTA
    published: dict | None = None

    def record(self) -> StudyRecord:
        names = list(self.arms)
        seeds = max(len(losses) for losses in self.losses.values())
        cells = [
            {"arm": a, "seed": s, "hash": f"{a}{s}", "run_id": None, "command": f"run {a}/{s}"}
            for s in range(seeds)
            for a in names
        ]
        configs = {a: Config(**self.arms[a]).texts() for a in names}
        arms = [
            {"name": a, "changes": {k: configs[a][k] for k in self.arms[a]}, "config": configs[a]}
            for a in names
        ]
        stakes = {self.primary: {"delta": self.delta, "effect": None, "reason": "because"}}
        state = dict.fromkeys(
            ("data_hash", "code_hash", "code_commit", "environment", "environment_hash"), "x"
        )
        return StudyRecord(
            "mine", "Why?", self.primary, stakes, "h", arms, cells, "run all", "storyworld",
            code_dirty="false", published=self.published, **state,
        )  # fmt: skip

    def runs(self) -> list[Run]:
        made = []
        for arm, losses in self.losses.items():
            for seed, loss in enumerate(losses):
                if loss is None:
                    continue
                tags = HASHES | {"cell_hash": f"{arm}{seed}", "delta_hash": "h"}
                metrics = (
                    LEARNED
                    | {PRIMARY: loss}
                    | self.metrics.get(arm, {})
                    | self.metrics.get(f"{arm}{seed}", {})
                )
                params = Config(**self.arms[arm], seed=seed).texts()
                made.append(Run(f"id-{arm}{seed}", params, metrics, tags))
        return made

    def judged(self, runs=None, measure=None):
        record = self.record()
        runs = self.runs() if runs is None else runs
        rows = Judge(record, cells_of(record, runs)).results(measure or self.primary)
        return {row.arm: row for row in rows}


BASE = list(0.20 + 0.02 * np.sin(np.arange(8)))


def shifted(by: float, n: int = 8, noise: float = 1.0) -> list[float]:
    return list(np.array(BASE[:n]) + by + noise * NOISE[:n])


def two(losses, **more) -> Made:
    return Made({"base": {}, "arm": {"fused_dim": 32}}, {"base": BASE[: len(losses)], "arm": losses}, **more)


@pytest.mark.parametrize(
    "losses, delta, verdict",
    [
        (shifted(-0.05), DELTA, "differs"),
        (shifted(-0.002), DELTA, "real but negligible"),
        (shifted(0.0), DELTA, "equivalent"),
        (shifted(0.0, noise=30), DELTA, "inconclusive"),
        (shifted(-0.05, n=4), DELTA, "exploratory"),
        (shifted(-0.05, n=1), DELTA, "single run"),
    ],
)
def test_the_verdicts(losses, delta, verdict):
    row = two(losses, delta=delta).judged()["arm"]
    assert row.verdict == verdict
    assert row.comparison.n == len(losses)


def test_the_numbers_are_those_of_the_paired_differences():
    losses = shifted(-0.004, n=6)
    made = two(losses).judged()["arm"].comparison
    d = np.array(losses) - np.array(BASE[:6])
    assert made.mean == pytest.approx(d.mean()) and made.interval == mean_interval(d)
    assert (made.p_t, made.p_tost) == (paired_t(d), tost(d, DELTA))
    assert made.percent(made.mean) == pytest.approx(100 * d.mean() / np.mean(BASE[:6]))
    assert made.flips.p == 2 / 2**6 and made.better == 1.0
    assert made.correlation == pytest.approx(np.corrcoef(losses, BASE[:6])[0, 1])


def test_an_inconclusive_arm_says_what_could_have_been_detected():
    assert "80 % power" in two(shifted(0.0, noise=30)).judged()["arm"].note


def test_holm_is_over_the_arms_and_apart_for_difference_and_equivalence():
    arms = {"base": {}, **{f"a{i}": {"fused_dim": 17 + i} for i in range(3)}}
    shifts = {"a0": -0.0011, "a1": -0.0008, "a2": 0.0}
    losses = {"base": BASE} | {a: shifted(s) for a, s in shifts.items()}
    rows = Made(arms, losses).judged()
    plain = sorted(rows[a].comparison.p_t for a in shifts)
    expected = np.minimum(1, np.maximum.accumulate([3 * plain[0], 2 * plain[1], plain[2]]))
    assert sorted(rows[a].comparison.p_t_holm for a in shifts) == pytest.approx(list(expected))
    assert all(rows[a].comparison.p_tost_holm < 0.05 for a in shifts)


def test_a_verdict_is_given_on_the_corrected_p():
    losses = list(np.array(BASE) + 0.00085 + NOISE - NOISE.mean())
    alone = two(losses, delta=0.0001).judged()["arm"]
    assert 0.02 < alone.comparison.p_t < 0.05 and alone.verdict == "differs"
    arms = {"base": {}, "arm": {"fused_dim": 32}, **{f"a{i}": {"fused_dim": 17 + i} for i in range(2)}}
    others = {f"a{i}": list(np.array(BASE) + (1 + i) * (NOISE - NOISE.mean())) for i in range(2)}
    among = Made(arms, {"base": BASE, "arm": losses, **others}, delta=0.0001).judged()["arm"]
    assert among.comparison.p_t == alone.comparison.p_t and among.verdict == "inconclusive"


def test_arms_that_are_still_to_run_count_in_the_correction():
    """A verdict that stands before they have run stands afterwards."""
    losses = list(np.array(BASE) + 0.00085 + NOISE - NOISE.mean())
    arms = {"base": {}, "arm": {"fused_dim": 32}, **{f"a{i}": {"fused_dim": 17 + i} for i in range(2)}}
    begun = {"a0": [None] * 8, "a1": [0.2] + [None] * 7}
    among = Made(arms, {"base": BASE, "arm": losses, **begun}, delta=0.0001).judged()["arm"]
    assert among.comparison.p_t_holm == pytest.approx(3 * among.comparison.p_t)
    assert among.verdict == "inconclusive" and "once corrected for 3 arms" in among.note


def test_an_arm_on_another_yardstick_is_no_part_of_the_family():
    losses = {"base": BASE, "arm": shifted(-0.05), "raw": shifted(-0.05)}
    rows = Made({"base": {}, "arm": {"fused_dim": 32}, "raw": {"equalize": False}}, losses).judged()
    assert "refused" in rows["raw"].verdict
    assert rows["arm"].comparison.p_t_holm == rows["arm"].comparison.p_t


def collapsed(arm: str, seeds: range) -> dict:
    return {f"{arm}{seed}": {"health/test_prediction_spread": 0.0025} for seed in seeds}


def test_half_collapsed_is_invalid_and_fewer_are_unstable():
    good = shifted(-0.05)
    assert two(good, metrics=collapsed("arm", range(4))).judged()["arm"].verdict == "invalid: not learning"
    row = two(good, metrics=collapsed("arm", range(3))).judged()["arm"]
    assert row.verdict == "differs (unstable)" and "3 of 8 runs collapsed" in row.note
    assert row.gate.collapse_interval[0] < 3 / 8 < row.gate.collapse_interval[1]
    just_above = {"arm": {"health/test_prediction_spread": 0.00251}}
    assert two(good, metrics=just_above).judged()["arm"].verdict == "differs"


def test_runs_that_collapse_and_runs_at_the_floor_are_one_half_together():
    at_floor = {f"arm{seed}": {"test/image_loss": 0.299} for seed in (2, 3)}
    made = two(shifted(-0.05, n=5), metrics=collapsed("arm", range(2)) | at_floor)
    row = made.judged()["arm"]
    assert row.verdict == "invalid: not learning"
    assert row.note.startswith("2 of 5 runs predict one constant image; 2 of 5 runs do no better than")
    fewer = two(shifted(-0.05, n=5), metrics=collapsed("arm", range(2))).judged()["arm"]
    assert "unstable" in fewer.verdict


def test_an_arm_at_the_floor_is_never_equivalent():
    at_floor = list(0.298 + NOISE / 10)
    made = Made(
        {"base": {}, "arm": {"fused_dim": 32}},
        {"base": at_floor, "arm": list(np.array(at_floor) + NOISE / 50)},
    )
    rows = made.judged()
    assert rows["arm"].comparison.p_tost < 0.001
    assert rows["arm"].verdict == "invalid: not learning"
    assert rows["base"].verdict == "baseline, invalid: not learning"
    assert "None of the 2 models learned" in answer(list(rows.values()))


def test_an_arm_that_learns_is_judged_against_a_baseline_that_does_not():
    made = two(shifted(-0.05), metrics=collapsed("base", range(8)))
    rows = made.judged()
    assert rows["arm"].verdict == "differs" and "invalid" in rows["base"].verdict
    assert "The baseline itself did not learn" in answer(list(rows.values()))


def test_text_counts_only_when_another_storys_condition_costs_something():
    losses = {"arm": {"test/text_loss": 3.5, "health/test_text_condition_gap": 0.0}}
    made = two(shifted(0.0), metrics=losses, primary="test/text_loss", delta=0.1)
    row = made.judged()["arm"]
    assert row.verdict == "invalid: not learning" and "another story's condition" in row.note
    conditioned = {f"arm{s}": {"test/text_loss": 3.5 + NOISE[s]} for s in range(8)}
    assert (
        two(shifted(0.0), metrics=conditioned, primary="test/text_loss", delta=0.1).judged()["arm"].verdict
        == "differs"
    )


@pytest.mark.parametrize(
    "gaps, invalid", [((0.3, 0.25), False), ((0.01, -0.01, 0.0), True), ((None,) * 8, False)]
)
def test_of_two_gaps_or_none_nothing_is_told(gaps, invalid):
    """The interval of two that are 0.05 apart is 0.6 wide; where no other story is known, there is no gap at all."""
    known = {
        f"arm{s}": {"health/test_text_condition_gap": math.nan if g is None else g}
        for s, g in enumerate(gaps)
    }
    made = two(shifted(0.0, n=len(gaps)), metrics=known, primary="test/text_loss", delta=0.1)
    row = made.judged()["arm"]
    assert ("invalid" in row.verdict) == invalid and ("nan" in row.note, "condition" in row.note) == (
        False,
        invalid,
    )


def test_where_the_targets_do_not_vary_no_run_has_collapsed():
    same = {"health/test_target_spread": 0.0, "health/test_prediction_spread": 0.0}
    rows = two(shifted(-0.05), metrics={"base": same, "arm": same}).judged()
    assert rows["arm"].verdict == "differs" and rows["arm"].gate.collapsed == 0
    assert "differs" in page_table(rows.values())


def test_what_does_not_vary_correlates_with_nothing():
    equal = two([0.1, 0.1, 0.1])
    assert math.isnan(equal.judged()["arm"].comparison.correlation)
    made = Made(equal.arms, {"base": [0.3, 0.3, 0.3], "arm": [0.1, 0.1, 0.1]})
    assert (made.judged()["arm"].comparison.sd, math.isnan(made.judged()["arm"].comparison.correlation)) == (
        0,
        True,
    )


def test_a_gap_that_is_no_number_counts_for_nothing():
    """A text loss that ran over leaves one; the arm's other seeds are judged."""
    for gap in (math.nan, math.inf, sys.float_info.max):
        lost = {"arm3": {"test/text_loss": math.inf, "health/test_text_condition_gap": gap}}
        row = two(shifted(0.0), metrics=lost, primary="test/text_loss", delta=0.1).judged()["arm"]
        assert row.gate.text_gap == pytest.approx(0.3) and 3 in row.lost and len(row.values) == 7


def test_a_total_is_invalid_only_when_nothing_in_it_is_learned():
    total = {f"arm{s}": {"test/total_loss": 4.0 + NOISE[s]} for s in range(8)} | {
        "base": {"test/total_loss": 5.0}
    }
    mute = {name: values | {"health/test_text_condition_gap": 0.0} for name, values in total.items()}
    made = two(shifted(0.0), metrics=mute, primary="test/total_loss", delta=0.1)
    assert made.judged()["arm"].verdict == "differs"
    flat = {name: v | {"health/test_prediction_spread": 0.0} for name, v in mute.items()}
    made = two(shifted(0.0), metrics=flat, primary="test/total_loss", delta=0.1)
    assert made.judged()["arm"].verdict == "invalid: not learning"


def test_a_total_of_which_one_part_is_not_learned_says_so():
    total = {f"arm{s}": {"test/total_loss": 4.0 + NOISE[s]} for s in range(8)} | {
        "base": {"test/total_loss": 5.0}
    }
    one_picture = {name: v | {"health/test_prediction_spread": 0.0} for name, v in total.items()}
    made = two(
        shifted(0.0),
        metrics=one_picture,
        primary="test/total_loss",
        delta=0.1,
    )
    rows = made.judged()
    assert (rows["base"].verdict, rows["arm"].verdict) == ("baseline (unstable)", "differs (unstable)")
    assert rows["arm"].note == "learned in part only: 8 of 8 runs predict one constant image"
    mute = {name: v | {"health/test_text_condition_gap": 0.0} for name, v in total.items()}
    row = two(shifted(0.0), metrics=mute, primary="test/total_loss", delta=0.1).judged()["arm"]
    assert (
        row.verdict == "differs"
        and "in part only: another story's condition is not shown to cost anything" in row.note
    )


def test_a_measure_that_may_be_negative_has_no_percentage():
    skill = "health/test_image_skill"
    values = {f"arm{s}": {skill: 0.5 + NOISE[s]} for s in range(8)} | {"base": {skill: -0.02}}
    made = two(shifted(-0.05), metrics=values, primary=skill)
    row = arms_frame(made.record(), made.judged().values()).iloc[1]
    assert row["difference"] == pytest.approx(0.52, abs=0.01)
    assert np.isnan([row[f"difference_percent{end}"] for end in ("", "_low", "_high")]).all()
    loss = arms_frame(made.record(), two(shifted(-0.05)).judged().values()).iloc[1]
    assert loss["difference_percent_low"] < loss["difference_percent"] < 0


def test_another_yardstick_is_refused_and_its_skill_is_not():
    arms = {"base": {}, "raw": {"equalize": False}}
    skill = {f"raw{s}": {"health/test_image_skill": 0.5 + NOISE[s]} for s in range(8)}
    skill |= {"base": {"health/test_image_skill": 0.1}}
    made = Made(arms, {"base": BASE, "raw": shifted(-0.05)}, metrics=skill)
    row = made.judged()["raw"]
    assert row.verdict == "refused: another yardstick" and row.comparison is None and "equalize" in row.note
    made.primary, made.delta = "health/test_image_skill", 0.05
    row = made.judged()["raw"]
    assert row.verdict == "differs" and row.comparison.better == 1.0
    over = Judge(made.record(), cells_of(made.record(), made.runs())).results("test/image_over_floor")
    assert over[1].comparison.n == 8


def test_failed_and_missing_runs_are_listed_and_failures_scored_as_the_worst():
    losses = [*shifted(-0.05)[:6], None, 0.9]
    made = two(losses)
    runs = made.runs()
    failed = next(r for r in runs if r.run_id == "id-arm7")
    failed.status, failed.metrics, failed.tags["failure"] = "FAILED", {}, "image_loss is nan\nin epoch 2"
    row = made.judged(runs)["arm"]
    worst = max(BASE)
    d = [a - b for a, b in zip(losses[:6], BASE[:6], strict=True)] + [worst - BASE[7]]
    assert row.comparison.if_failed_worst[0] == pytest.approx(np.mean(d))
    assert (
        row.comparison.n == 6
        and f"failed runs scored as the worst, the difference is {np.mean(d):+.4f} [" in row.note
    )
    table = missing_frame(cells_of(made.record(), runs))
    assert table[["seed", "state", "command"]].values.tolist() == [
        [6, "missing", "run arm/6"],
        [7, "FAILED", "run arm/7"],
    ]
    assert table["reason"][1] == "image_loss is nan"
    observed = cells_frame(cells_of(made.record(), runs)).query("arm == 'arm'")
    assert observed["state"].tolist() == [*["FINISHED"] * 6, "missing", "FAILED"]
    assert observed["test/image_loss"].tolist()[:6] == losses[:6]
    assert observed["code_hash"].tolist()[:6] == ["c"] * 6
    assert observed[["test/image_loss", "run_id", "code_hash"]][6:].isna().all(axis=None)


def test_of_several_runs_of_a_cell_the_newest_finished_one_counts():
    made = two(shifted(-0.05))
    runs = made.runs()
    extra = Run("id-later", runs[-1].params, runs[-1].metrics, runs[-1].tags, started=5)
    broken = Run("id-broken", runs[-1].params, {}, runs[-1].tags, status="RUNNING", started=9)
    row = made.judged([*runs, extra, broken])["arm"]
    assert row.runs[-1].run_id == "id-later"


def test_runs_from_before_the_declaration_are_told():
    made = two(shifted(-0.05))
    runs = made.runs()
    for run in runs:
        run.tags["delta_hash"] = "another"
    told = "8 of 8 runs are not from under this declaration of Δ"
    assert {name: row.note for name, row in made.judged(runs).items()} == {"base": told, "arm": told}
    dead = two(shifted(-0.05), metrics=collapsed("arm", range(8)))
    runs = dead.runs()
    runs[-1].tags["delta_hash"] = "another"
    row = dead.judged(runs)["arm"]
    assert row.verdict == "invalid: not learning" and "1 of 8 runs are not from under this" in row.note


def test_only_the_primary_measure_gets_a_verdict():
    row = two(shifted(-0.05), metrics={"base": {"test/context_loss": 0.1}}).judged(measure="test/text_loss")[
        "arm"
    ]
    assert row.verdict == "exploratory" and np.isnan(row.comparison.p_t_holm)
    assert "TOST p, uncorrected" in page_table([row]) and "uncorrected" not in page_table(
        [two(BASE).judged()["arm"]]
    )


def test_the_same_runs_give_the_same_bytes_in_any_order():
    made = two(shifted(-0.05))

    def csv(runs):
        record = made.record()
        return to_csv(arms_frame(record, Judge(record, cells_of(record, runs)).results(PRIMARY)))

    first = csv(made.runs())
    assert first == csv(made.runs()[::-1])
    head, base, arm = first.splitlines()
    for column in ("run_ids", "code_commit", "delta_hash", "bootstrap_note", "difference_low", "verdict"):
        assert column in head.split(",")
    assert "id-arm0 id-arm1" in arm and "id-base0" in base


def test_the_code_is_that_of_the_runs():
    made = two(shifted(-0.05))
    runs = made.runs()
    for run in runs[:-1]:
        run.tags |= {"code_commit": "a" * 40, "code_dirty": "false"}
    runs[-1].tags |= {"code_commit": "b" * 40, "code_dirty": "true"}
    record = made.record()
    cells = cells_of(record, runs)
    frame = arms_frame(record, Judge(record, cells).results(PRIMARY))
    assert frame["code_commit"].tolist() == ["a" * 40, f"{'a' * 40} {'b' * 40}"]
    assert frame["code_dirty"].tolist() == ["false", "false true"]
    assert code_of(cells) == f"{'a' * 12}, {'b' * 12} with uncommitted changes"
    assert code_of(cells_of(record, [])) == "no finished run"


def test_the_second_interval_comes_from_the_losses_by_story(tmp_path):
    made = two(shifted(-0.05))
    draws = np.random.default_rng(0)
    for run in made.runs():
        stories = run.metrics[PRIMARY] + 0.01 * draws.standard_normal(40)
        lines = [f"story-{i},1,{value},,40,10" for i, value in enumerate(stories)]
        head = "story_id,windows,image_sum,context_sum,text_nats,text_tokens"
        (tmp_path / run.run_id).write_text("\n".join([head, *lines]) + "\n")
    scores = ScoresByStory(lambda run, place: tmp_path / run.run_id)
    record = made.record()
    row = Judge(record, cells_of(record, made.runs()), scores).results(PRIMARY)[1]
    low, high = row.comparison.bootstrap
    assert low < -0.05 < high and high - low < 0.01
    assert "under-covers" in to_csv(arms_frame(record, [row]))
    ratio = Judge(record, cells_of(record, made.runs()), scores).results("test/image_over_floor")[1]
    assert ratio.comparison.bootstrap == pytest.approx((low / 0.30, high / 0.30))
    skill = Judge(record, cells_of(record, made.runs()), scores).results("health/test_prediction_spread")[1]
    assert np.isnan(skill.comparison.bootstrap).all()
    assert arms_frame(record, [skill])["bootstrap_note"].tolist() == [""]
    ((weight, text),) = scores(made.runs()[:1], MEASURES["test/text_loss"])
    assert weight == 1 and text.sums.sum() / text.counts.sum() == 4.0
    parts = scores(made.runs()[:1], MEASURES["test/total_loss"])
    assert [weight for weight, _ in parts] == [1.0, 1.0]
    assert scores(made.runs(), MEASURES["health/test_image_skill"]) is None


def test_published_figures_compare_on_the_published_data_only():
    published = {
        "source": "s",
        "dataset": "a/b",
        "rows": {
            "base": {"Epoch": 5, "Total Loss": 4.2, "Image Loss": 0.2, "Context Loss": 0.0, "Text Loss": 4.0}
        },
    }
    made = two(shifted(-0.05), published=published)
    record, runs = made.record(), made.runs()
    cells = cells_of(record, runs)
    histories = {
        (run.run_id, f"train/{name}"): {1: 9.0, 2: 0.2 + NOISE[int(run.params["seed"])]}
        for run in runs
        for name in ("total_loss", "image_loss", "context_loss", "text_loss")
    }
    table = compared_with_published(record, cells, histories)
    assert set(table["Same Data Set"]) == {"no"} and set(table["Published Inside Interval"]) == {""}
    assert table["Ours"][1] == pytest.approx(0.2 + NOISE.mean()) and table["Runs"][1] == 8
    same = StudyRecord(**{**vars(record), "dataset": "a/b"})
    table = compared_with_published(same, cells, histories)
    assert table["Published Inside Interval"].tolist() == ["no", "yes", "no", "no"]
    for arm in same.arms:
        arm["config"]["max_stories"] = "50"
    table = compared_with_published(same, cells, histories)
    assert set(table["Same Data Set"]) == {"no"} and set(table["Data Set"]) == {"a/b (published: all of it)"}


def test_only_epochs_that_differ_from_the_baseline_are_noted():
    made = Made(
        {"base": {}, "same": {"epochs": 5}, "longer": {"epochs": 10}},
        dict.fromkeys(("base", "same", "longer"), [0.25] * 5),
    )
    record = made.record()
    _, same, longer = Judge(record, cells_of(record, made.runs())).results(PRIMARY)
    assert "trains" not in same.note and "trains 10 epochs, the baseline 5" in longer.note
