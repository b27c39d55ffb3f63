"""The commands that a study names, and what a plan says before anything is run."""

import shlex
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ablation.analyse.planning import power_table, warnings
from ablation.analyse.speed import minutes_of, speed_frame
from ablation.commands import plan, study
from ablation.commands.planned import study_command
from ablation.config.command_line import settings_of
from ablation.config.entries import ENTRY_POINTS, PlanOptions, StudyOptions
from ablation.config.study_file import load_study
from ablation.errors import AblationError, ConfigError
from tests.test_judge import BASE, Made, shifted, two

ON_RAY = StudyOptions(
    study="published",
    seeds=7,
    jobs=3,
    engine="ray",
    address="ray://head:10001",
    gpus=0.25,
    cpus=4,
    overrides={"max_stories": "50", "device": "cuda"},
)


def read(command: str) -> StudyOptions:
    start, *words = shlex.split(command)[2:]
    assert start == "ablation"
    return settings_of(ENTRY_POINTS[words[0]], words[1:])


def test_the_command_of_a_study_asks_for_the_same_again():
    assert read(study_command(ON_RAY)) == ON_RAY
    assert read(study_command(replace(ON_RAY, only="ResNet32/3"))) == ON_RAY
    assert read(study_command(ON_RAY, "ResNet32/3")) == replace(ON_RAY, only="ResNet32/3", jobs=1)
    assert study_command(StudyOptions()) == "python -m ablation study --study published --seeds 5"


@pytest.mark.parametrize("words", [["--address", "auto"], ["--gpus", "2"], ["--cpus", "8"]])
def test_what_a_cluster_takes_is_refused_without_one(words):
    with pytest.raises(ConfigError, match=f"{words[0][2:]}={words[1]}.*is of engine=ray only"):
        settings_of(ENTRY_POINTS["study"], words)


@pytest.mark.parametrize("entry", ["prepare", "pretrain"])
def test_what_goes_on_by_itself_resumes_nothing(entry):
    with pytest.raises(ConfigError, match=f"resume=abc has no place in {entry}"):
        settings_of(ENTRY_POINTS[entry], ["--resume", "abc"])


@pytest.mark.parametrize("entry", ["summary", "report"])
def test_a_run_is_found_in_whatever_experiment_it_is(entry):
    with pytest.raises(ConfigError, match="experiment=mine is not needed beside the run"):
        settings_of(ENTRY_POINTS[entry], ["--study", "0" * 32, "--experiment", "mine"])


def test_the_node_that_starts_a_cluster_needs_no_gpu(store, command, monkeypatch):
    class Cluster:
        def start(self):
            raise AblationError("it starts")

        def close(self):
            pass

    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(study, "choose_engine", lambda options, uri: Cluster())
    words = ("study", "--study", "published", "--device", "cuda")
    assert "torch finds no GPU here" in command(*words)[2]
    assert "it starts" in command(*words, "--engine", "ray")[2]


def test_a_plan_names_a_pilot_that_can_be_run_as_it_stands(monkeypatch):
    options = PlanOptions(study="mine/norm.yaml", seeds=8, jobs=2, overrides={"max_stories": "50"})
    monkeypatch.setattr(plan, "_pilot", lambda *asked: [])
    command = "`python -m ablation study --study mine/norm.yaml --seeds 3 --jobs 2 --max_stories 50`"
    assert command in plan.power(load_study("published"), options, "d")


def test_arms_that_never_differ_need_two_seeds():
    (row,) = power_table({"same": (3, 0.0)}, 5, 0.002, 0.004).splitlines()[2:]
    assert row.split()[-2:] == ["2", "2"]


def test_what_a_plan_promises_holds_for_a_verdict_among_many_arms():
    """A verdict is won on the corrected p: two differences of the size that is said to be detected are found as often."""
    alone, among = (
        power_table({"arm": (5, 1.0)}, 5, 1.0, 2.0, arms).splitlines()[2].split() for arms in (1, 5)
    )
    assert (alone[3], alone[4]) == ("1.68", "1.6") and float(among[3]) == pytest.approx(2.63, abs=0.01)
    assert [int(a) < int(b) for a, b in zip(alone[5:], among[5:], strict=True)] == [True, True]


def test_one_seed_promises_nothing():
    row = power_table({"arm": (3, 1.0)}, 1, 1.0, 2.0).splitlines()[2].split()
    assert row[3:5] == ["nothing", "nothing"]
    assert warnings({"arm": (3, 1.0)}, 1, 1.0, 2.0) == [
        "warning: one seed shows no difference, whatever its size, and no equivalence."
    ]
    assert warnings({"arm": (5, 0.1)}, 9, 1.0, None) == ["9 seeds reach the margin at 80 % power."]


@pytest.mark.parametrize("spread, told", [(0.1, False), (0.0, True)])
def test_a_plan_says_which_arms_of_the_pilot_did_not_learn(monkeypatch, spread, told):
    made = two(shifted(-0.05), metrics={"arm": {"health/test_prediction_spread": spread}})
    monkeypatch.setattr(plan, "_pilot", lambda *asked: list(made.judged().values()))
    page = plan.power(load_study("published"), PlanOptions("published"), "d")
    assert "seeds to detect" in page and ("warning: arm: not learning in the pilot" in page) == told


def test_a_pilot_is_of_the_planned_measure_and_the_planned_arms(monkeypatch):
    """What was piloted on images says nothing of words, nor does a pilot of another baseline."""
    planned = load_study("published")
    keys = ("visual", "latent_dim", "epochs")
    arms = {arm.name: {key: getattr(arm.config, key) for key in keys} for arm in planned.arms}
    made = Made(arms, {name: shifted(0.0, n=3) for name in arms})
    record = made.record()
    record.arms[:] = [
        {"name": a.name, "changes": a.changes, "config": a.config.texts()} for a in planned.arms
    ]
    parent = SimpleNamespace(run_id="p", tags={"data_hash": "d", "delta_hash": "h"})
    asked = []

    def judge(run_id, also=()):
        asked.extend(also)
        return SimpleNamespace(
            record=record, results={name: list(made.judged(measure=name).values()) for name in also}
        )

    monkeypatch.setattr(plan, "find_study", lambda name, experiment: (parent, []))
    monkeypatch.setattr(plan, "judge", judge)
    words = replace(planned, primary="test/text_loss")
    rows = plan._pilot(words, "d")
    assert asked == ["test/text_loss"] and [row.arm for row in rows] == list(arms)
    record.arms[2]["config"] = record.arms[2]["config"] | {"epochs": "7"}
    assert [row.arm for row in plan._pilot(words, "d")] == [
        name for name in arms if name != record.arms[2]["name"]
    ]
    record.arms[0]["config"] = record.arms[0]["config"] | {"epochs": "7"}
    assert plan._pilot(words, "d") == []


def test_a_pilot_may_be_an_older_run_of_the_study_than_one_that_tells_nothing(monkeypatch):
    """Another trial, on other data, or one that has a single seed so far."""
    piloted = list(two(shifted(0.0, n=5)).judged().values())
    rows = {"begun": list(two(shifted(0.0, n=1)).judged().values()), "mine": piloted, "trial": []}
    runs = [SimpleNamespace(run_id=name) for name in ("mine", "begun", "trial")]
    monkeypatch.setattr(plan, "find_study", lambda name, experiment: (runs[2], runs[:2]))
    monkeypatch.setattr(plan, "_rows_of", lambda parent, study, data: rows[parent.run_id])
    assert plan._pilot(load_study("published"), "d") is piloted
    rows["mine"] = []
    assert plan._pilot(load_study("published"), "d") == []


def test_a_plan_corrects_for_the_arms_that_are_judged(monkeypatch):
    """Those on another yardstick are none."""
    arms = {"base": {}, "arm": {"fused_dim": 32}, "raw": {"equalize": False}}
    rows = list(Made(arms, {"base": BASE, "arm": shifted(0.0), "raw": shifted(0.0)}).judged().values())
    monkeypatch.setattr(plan, "_pilot", lambda *asked: rows)
    published = load_study("published")
    page = plan.power(published, PlanOptions("published"), "d")
    assert f"correction over {len(published.arms) - 2} arms" in page


def test_a_clock_that_was_set_meanwhile_tells_no_duration():
    minutes = [2, 4, -500_000, 30_000_000]
    made = Made({"base": {}}, {"base": BASE[:4]})
    runs = made.runs()
    for run, took in zip(runs, minutes, strict=True):
        run.started, run.ended = 60_000, 60_000 * (1 + took)
    assert [minutes_of(run) for run in runs] == [2, 4, None, None]
    (row,) = speed_frame(list(made.judged(runs).values())).to_dict("records")
    assert row["minutes a run"] == 3 and row["runs"] == 4
