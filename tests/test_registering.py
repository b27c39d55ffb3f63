"""The best model of a study in a real registry: the rule, once per run, and where there is nothing to register."""

from types import SimpleNamespace

import pytest
from mlflow import MlflowClient
from mlflow.entities.logged_model_status import LoggedModelStatus

from ablation.analyse.gate import Gate
from ablation.analyse.judge import NONE, ArmResult
from ablation.analyse.study_record import Cell
from ablation.commands.registering import best_run, on_validation, register_best
from ablation.config.metrics import MEASURES
from ablation.track.query import MODEL_NAME, get_record
from ablation.track.store import experiment_to_use

MEASURE = MEASURES["test/image_loss"]
TOTALS = {"a": [5.0, 4.0, 4.5], "b": [5.0, 4.8, 4.6], "c": [1.0, 1.0, 1.0]}
IMAGES = {"a": [0.9, 0.20, 0.1], "b": [0.9, 0.8, 0.15], "c": [0.01, 0.01, 0.01]}
VERDICTS = {"a": "baseline", "b": "differs", "c": "invalid: not learning"}


def finished_run(arm, with_model=True):
    client = MlflowClient()
    experiment = experiment_to_use(client)
    run = client.create_run(experiment, run_name=arm).info.run_id
    client.log_param(run, "seed", 0)
    for epoch, (total, image) in enumerate(zip(TOTALS[arm], IMAGES[arm], strict=True), start=1):
        client.log_metric(run, "val/total_loss", total, step=epoch)
        client.log_metric(run, "val/image_loss", image, step=epoch)
    client.set_terminated(run)
    if with_model:
        made = client.create_logged_model(experiment, MODEL_NAME, run)
        client.finalize_logged_model(made.model_id, LoggedModelStatus.READY)
    return get_record(run)


def judged(**runs):
    gate = Gate(1, 0, {"image": 0, "text": 0}, 0, 1, 1.0, (0.5, 1.5))
    rows = [
        ArmResult(arm, MEASURE, True, {0: 0.1}, {0: Cell(arm, 0, "", run)}, gate, verdict=VERDICTS[arm])
        for arm, run in runs.items()
    ]
    return SimpleNamespace(primary=rows, record=SimpleNamespace(name="small/one"))


def versions():
    return MlflowClient().search_model_versions("name = 'visual-storytelling-small_one'")


def test_the_best_on_validation_of_the_valid_arms_is_registered_once(store):
    study = judged(a=finished_run("a"), b=finished_run("b"), c=finished_run("c"))
    told = register_best(study)
    assert "models:/visual-storytelling-small_one@best (version 1): b, seed 0" in told
    best = MlflowClient().get_model_version_by_alias("visual-storytelling-small_one", "best")
    assert best.run_id == study.primary[1].runs[0].run_id
    assert best.tags | {"chosen_by": ""} == {
        "study": "small/one",
        "arm": "b",
        "seed": "0",
        "verdict": "differs",
        "chosen_by": "",
    }
    assert best.tags["chosen_by"] == "val/image_loss = 0.15"
    assert register_best(study) == told and len(versions()) == 1


def row(arm, *seeds):
    """Of (validation loss, floor) by seed."""
    runs = [
        SimpleNamespace(run_id=f"{arm}{seed}", metrics={"floor/image_median": floor})
        for seed, (_, floor) in enumerate(seeds)
    ]
    cells = {seed: Cell(arm, seed, "", run) for seed, run in enumerate(runs)}
    return ArmResult(arm, MEASURE, True, dict.fromkeys(cells, 0.1), cells, None)


def test_no_arm_is_best_by_a_seed_whose_stories_are_easy():
    """Arm a has the lowest value, on the seed that is easy for both; b is better on each."""
    seeds = {"a": [(0.21, 0.22), (0.19, 0.20)], "b": [(0.20, 0.22), (0.1899, 0.20)]}
    scores = {f"{arm}{seed}": loss for arm, both in seeds.items() for seed, (loss, _) in enumerate(both)}
    best, run = best_run([row(arm, *both) for arm, both in seeds.items()], scores)
    assert (best.arm, run.run_id) == ("b", "b0")  # 0.909 of its floor, b1 0.95
    best, _ = best_run([row(arm, *both) for arm, both in seeds.items()], {"a1": 0.19, "b0": 0.20})
    assert best.arm == "a"  # no seed of both


def test_another_best_run_takes_the_alias_over(store):
    first = judged(a=finished_run("a"))
    assert "version 1" in register_best(first)
    assert "version 2" in register_best(judged(a=first.primary[0].runs[0], b=finished_run("b")))
    assert "version 1" in register_best(first) and len(versions()) == 2
    best = MlflowClient().get_model_version_by_alias("visual-storytelling-small_one", "best")
    assert str(best.version) == "1"


def test_where_nothing_learned_or_no_model_was_logged_nothing_is_registered(store):
    assert "no arm of the study has learned" in register_best(judged(c=finished_run("c")))
    assert "has no logged model" in register_best(judged(a=finished_run("a", with_model=False)))
    alone = judged(b=finished_run("b"))
    alone.primary[0].verdict = NONE
    assert "no seed of theirs has a run of the baseline" in register_best(alone)
    alone.primary[0].values.clear()
    assert "no run of the study is finished" in register_best(alone)
    assert not versions() and not MlflowClient().search_registered_models()


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_has_names_on_validation(name):
    assert all(
        not each.startswith("test/") and "/test_" not in each for each in on_validation(MEASURES[name])
    )
