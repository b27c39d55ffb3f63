"""The commands on real pictures, with a real MLflow store."""

import json
import random
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from mlflow import MlflowClient
from mlflow.artifacts import load_text
from PIL import Image

from ablation.commands.epoch_records import EpochRecords
from ablation.config.metrics import MEASURES
from ablation.console import Console
from ablation.errors import NonFiniteLoss
from ablation.places import runs_folder
from ablation.track.mlflow_run import MlflowRun
from ablation.track.query import find_runs, metric_history
from ablation.track.views import run_page, table_page
from ablation.train.loop import fit

FAST = ("--text_pretraining", 2, "--batch_size", 4)
SIGNS = (
    "prediction_spread",
    "target_spread",
    "dead_units",
    "saturated_gates",
    "text_condition_gap",
    "image_condition_gap",
)
LOSSES = ("total_loss", "image_loss", "context_loss", "text_loss")


@pytest.fixture
def train(command, world, store):
    """Trains a small configuration; returns the run as the server knows it."""

    def run(*words):
        words = words if "--epochs" in words else ("--epochs", 2, *words)
        code, out, err = command("main", "--dataset", world, *FAST, *words)
        assert code == 0, err
        return find_runs("train")[-1], out

    return run


def profile(record):
    (dataset,) = MlflowClient().get_run(record.run_id).inputs.dataset_inputs
    return json.loads(dataset.dataset.profile)


def artifacts(run_id, folder=""):
    return {f.path for f in MlflowClient().list_artifacts(run_id, folder)}


def loss_summary(run):
    (place,) = (place for place in artifacts(run.run_id) if place.startswith("loss_summary_"))
    return load_text(f"runs:/{run.run_id}/{place}")


def test_one_configuration_is_all_there(train, store, monkeypatch):
    bars = {}
    monkeypatch.setattr(
        Console, "progress", lambda self, label, *place: bars.setdefault(label, []).append(place)
    )
    record, out = train("--latent_dim", 24, "--seed", 3)
    assert list(bars)[-2:] == [f"training {record.name}", f"testing {record.name}"]
    for moved in (bars[label] for label in list(bars)[-2:]):
        assert moved == sorted(moved) and len({total for _, total in moved}) == 1 and moved[-1][0] > 0
    assert 0.5 < moved[-1][0] / moved[-1][1] < 1
    assert (record.name[:14], record.status) == ("ResNet24-e2-s3", "FINISHED")
    for split in ("train", "val"):
        for loss in LOSSES:
            assert sorted(metric_history(record.run_id, f"{split}/{loss}")) == [1, 2]
    for name in (
        "floor/image_median",
        "floor/image_copy_last",
        "floor/image_copy_fixed",
        "floor/image_mean_of_4",
        "floor/image_median_of_4",
        "floor/image_half_blend",
        "floor/image_best_of_4",
        "floor/text_unigram",
    ):
        assert record.metrics[name] > 0 and record.metrics[name.replace("floor/", "floor/test_")] > 0
    assert {f"test/{loss}" for loss in LOSSES} <= record.metrics.keys()
    for sign in SIGNS:
        assert sorted(metric_history(record.run_id, f"health/{sign}")) == [1, 2]
        assert len(metric_history(record.run_id, f"health/test_{sign}")) == 1
    assert record.metrics["health/target_spread"] > record.metrics["health/prediction_spread"] >= 0
    total = (
        record.metrics["val/image_loss"]
        + record.metrics["val/text_loss"]
        + 0.2 * record.metrics["val/context_loss"]
    )
    assert record.metrics["val/total_loss"] == pytest.approx(total, abs=1e-5)
    assert record.params["latent_dim"] == "24" and record.params["context_weight"] == "0.2"
    assert {
        "config_hash",
        "data_hash",
        "code_commit",
        "code_dirty",
        "split_hash",
        "arm",
        "mlflow.note.content",
    } <= record.tags.keys()
    device = f"cuda ({torch.cuda.get_device_name()})" if torch.cuda.is_available() else "cpu"
    assert record.params["device"] == "auto" and record.tags["device"] == device
    assert record.tags["threads"] == str(torch.get_num_threads())
    assert record.params["tokenizer"] == "auto" and record.tags["tokenizer"] == "trained"
    assert "--latent_dim 24" in record.tags["mlflow.note.content"]
    assert "mlflow ui" in out and record.run_id in out and "val floor" in out


def test_what_is_logged_lies_within_the_declared_ranges(trained):
    (record,) = find_runs("train")
    values = {name: measure.value(record.metrics) for name, measure in MEASURES.items()}
    rare = {
        name for name in MEASURES if "probe" in name
    }  # a label needs more windows than these stories have
    assert {name for name, value in values.items() if value is None} == {"health/test_image_skill", *rare}
    for name in values.keys() - {"health/test_image_skill", *rare}:
        assert MEASURES[name].low <= values[name] <= MEASURES[name].high, name
    assert MEASURES["test/text_loss"].value({}) is MEASURES["test/text_over_floor"].value({}) is None


def test_what_a_run_leaves_among_its_artifacts(train, store):
    record, _ = train()
    assert artifacts(record.run_id) == {
        "checkpoints",
        "config.json",
        "descriptions",
        "images",
        "loss_summary_resnet16.csv",
        "predictions",
        "scores",
    }
    assert artifacts(record.run_id, "scores") == {"scores/test.csv"}
    assert artifacts(record.run_id, "checkpoints") == {"checkpoints/best.pt", "checkpoints/last.pt"}
    pictures = {
        f"predictions/epoch-{epoch:02d}-{split}.png" for epoch in (1, 2) for split in ("train", "val")
    }
    ranked = {f"predictions/test-{name}.png" for name in ("best", "median", "worst", "frames")}
    assert artifacts(record.run_id, "predictions") == pictures | ranked | {"predictions/test.csv"}
    steps = Counter(name.split("+")[2] for name in artifacts(record.run_id, "images"))
    assert steps == {"0": 4, "1": 4, "2": 4}
    folder = MlflowClient().download_artifacts(record.run_id, "", str(store))
    table = pd.read_csv(f"{folder}/loss_summary_resnet16.csv")
    assert list(table.columns) == ["Epoch", "Total Loss", "Image Loss", "Context Loss", "Text Loss"]
    assert table["Image Loss"].tolist() == pytest.approx(
        list(metric_history(record.run_id, "train/image_loss").values()), abs=1e-6
    )
    scores = pd.read_csv(f"{folder}/scores/test.csv")
    assert scores["image_sum"].sum() / scores["windows"].sum() == pytest.approx(
        record.metrics["test/image_loss"], abs=1e-5
    )
    assert json.loads(Path(folder, "config.json").read_text())["text_target"] == "frame4"
    picture = np.asarray(Image.open(f"{folder}/predictions/epoch-02-val.png").convert("RGB"))
    assert picture.shape[1] > 1500 and picture.std() > 20
    assert profile(record)["train_stories"] == 19
    gallery = pd.read_csv(f"{folder}/predictions/test.csv")
    assert (
        gallery["rank"].tolist() == ["best", "median", "worst"]
        and gallery["image_loss"].is_monotonic_increasing
    )
    sheet = np.asarray(Image.open(f"{folder}/predictions/test-frames.png"), np.float32) / 255
    frames = sheet.reshape(3, 60, 6, 125, 3)
    lost = np.abs(frames[:, :, 4] - frames[:, :, 5]).mean(axis=(1, 2, 3))  # the true fifth and the predicted
    assert lost == pytest.approx(gallery["image_loss"].to_numpy(), abs=2e-3)


def test_the_recipe_that_learns_trains_both_its_autoencoders_first(command, world, store):
    keys = ("--epochs", 1, "--latent_dim", 8, "--text_dim", 16, "--fused_dim", 16)
    pretraining = ("--visual_pretraining", 1, "--text_pretraining", 1)
    code, out, _ = command("cured", "--dataset", world, *keys, *pretraining)
    assert code == 0 and "visual autoencoder: trained" in out and "text autoencoder: trained" in out
    (record,) = find_runs("train")
    assert record.name.startswith("ResNet8-cured-e1-") and record.params["text_target"] == "frame5"
    assert "val/context_loss" not in record.metrics and record.metrics["health/text_condition_gap"] != 0
    named = {"health/test_names_right", "floor/test_names_right", "health/test_probe_setting"}
    assert (
        named | {"health/gradient_norm_pixel_copy", "health/gradient_norm_word_copy"} <= record.metrics.keys()
    )
    assert "health/gradient_norm_visual" in record.metrics  # its decoder; the encoder is frozen
    written = MlflowClient().download_artifacts(record.run_id, "descriptions/test.csv", str(store))
    assert list(pd.read_csv(written)) == ["window", "written", "target", "frame4"]


def test_same_seed_same_numbers_and_another_seed_others(train):
    first, _ = train()
    again, out = train()
    other, _ = train("--seed", 1)
    assert "from the finished run" in out
    same = [name for name in first.metrics if not name.startswith("speed")]
    assert {n: first.metrics[n] for n in same} == {n: again.metrics[n] for n in same}
    assert other.metrics["val/text_loss"] != first.metrics["val/text_loss"]
    assert len(find_runs("pretrain")) == 2


def test_one_validation_window_tells_nothing_of_another_story(train):
    record, out = train("--epochs", 1, "--max_stories", 5)
    assert out.count("is not known") == 2 and record.metrics["health/test_text_condition_gap"] != 0
    assert not {"health/text_condition_gap", "health/image_condition_gap"} & record.metrics.keys()


def test_the_picture_before_training_changes_no_number(train, monkeypatch):
    words = ("--text_decoder", "trained", "--word_dropout", 0.2, "--fused_dropout", 0.2)
    having, _ = train(*words)
    monkeypatch.setattr(EpochRecords, "before_training", lambda self: None)
    without, _ = train(*words)
    assert len(artifacts(having.run_id, "images")) == 4 + len(artifacts(without.run_id, "images"))
    untimed = [{n: v for n, v in r.metrics.items() if not n.startswith("speed")} for r in (having, without)]
    assert untimed[0] == untimed[1]


def test_arms_that_train_on_other_windows_are_scored_on_the_same(train):
    words = ("--epochs", 1, "--scored_windows", "first", "--windows")
    first, sliding = (train(*words, windows)[0] for windows in ("first", "sliding"))
    assert first.tags["split_hash"] == sliding.tags["split_hash"]
    assert first.tags["tokenizer_hash"] == sliding.tags["tokenizer_hash"]
    assert first.tags["config_hash"] != sliding.tags["config_hash"]
    for name in ("floor/test_image_copy_last", "health/target_spread", "health/test_target_spread"):
        assert first.metrics[name] == sliding.metrics[name]
    profiles = [profile(first), profile(sliding)]
    assert profiles[0] == profiles[1] | {"train_windows": 19} and profiles[1]["train_windows"] > 100


@pytest.mark.parametrize(
    "words, missing, told",
    [
        (("--device", "cuda"), ("torch.cuda.is_available", lambda: False), "torch finds no GPU here"),
        (("--compile", "true"), ("shutil.which", lambda name: None), "needs a C++ compiler"),
    ],
)
def test_what_the_machine_lacks_is_told_before_anything_is_done(
    command, store, monkeypatch, words, missing, told
):
    monkeypatch.setattr(*missing)
    monkeypatch.setattr("ablation.commands.train.load_stories", None)
    code, _, err = command("main", *words)
    assert code == 1 and told in err and not find_runs("train")


def test_pretraining_by_itself_is_found_by_main(command, world, store, train):
    code, first, err = command("pretrain", "--part", "text", "--dataset", world, "--text_pretraining", 2)
    assert code == 0, err
    (pretraining,) = find_runs("pretrain")
    assert sorted(metric_history(pretraining.run_id, "val/text_loss")) == [1, 2]
    record, _ = train()
    assert record.tags["text_autoencoder"] == pretraining.run_id
    again = command("pretrain", "--dataset", world, "--text_pretraining", 2)[1]
    assert "stands already" in again and len(find_runs("pretrain")) == 1
    for out in (first, again):
        assert run_page(pretraining.experiment_id, pretraining.run_id) in out
        assert f"start from it:  python -m ablation main --dataset {world} --text_pretraining 2" in out


def test_a_visual_autoencoder_can_be_pretrained(train):
    record, _ = train("--visual_pretraining", 1, "--visual", "basecase")
    assert find_runs("pretrain", extra="tags.part = 'visual'")[0].run_id == record.tags["visual_autoencoder"]


def test_the_embedded_world_is_the_default_data_set(command, store):
    code, out, err = command("prepare", "--world_stories", 20, "--export", "world")
    assert code == 0, err
    assert "train stories" in out and list((store / "world").rglob("train-*.parquet"))
    assert out.endswith("\ntrain on it:  python -m ablation main --world_stories 20\n")
    code, _, err = command("prepare", "--world_stories", 20, "--export", "world")
    assert code == 1 and "not an empty folder" in err


@pytest.mark.parametrize(
    "words, named",
    [
        (["main", "--latent_dim", "0", "--epochs", "-2", "--visul", "x"], ["latent_dim=0", "epochs=-2", "did you mean visual?"]),
        (["mian"], ["did you mean main?"]),
        (["main", "--recipe", "notebook"], ["python -m ablation train --recipe"]),
        (["summary", "--format", "xml"], ["csv | markdown | latex"]),
        (["pretrain", "--text_pretraining", "0"], ["at least 1 epoch"]),
        (["prepare", "--dataset", "a/b", "--export", "x"], ["export=x writes only dataset=storyworld"]),
    ],
)  # fmt: skip
def test_a_bad_command_ends_with_2_and_leaves_no_run(command, store, words, named):
    code, _, err = command(*words)
    assert code == 2 and all(name in err for name in named) and "Traceback" not in err
    assert not find_runs("train") and not find_runs("pretrain")


def test_unusable_data_open_no_run_and_tell_that_of_mlflow_run_why(command, store, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    code, _, err = command("main", "--dataset", tmp_path / "empty")
    assert code == 1 and "holds neither parquet files nor" in err and not find_runs("train")
    given = MlflowClient().create_run("0")
    monkeypatch.setenv("MLFLOW_RUN_ID", given.info.run_id)
    command("main", "--dataset", tmp_path / "empty")
    told = MlflowClient().get_run(given.info.run_id).data.tags["failure"]
    assert "holds neither parquet files nor" in told


def test_a_loss_that_is_not_finite_fails_the_run(command, store, world):
    code, _, err = command("main", "--dataset", world, *FAST, "--image_weight", "1e39")
    assert code == NonFiniteLoss.exit_code and "total_loss is inf in epoch 1 at step 1" in err
    assert find_runs("train")[-1].status == "FAILED"


def test_a_stopped_run_goes_on_where_it_was(command, store, world, train, monkeypatch):
    whole, _ = train("--epochs", 3)

    def stopping_fit(task, optimizer, state, after_epoch, tick):
        def after(state, metrics, is_best):
            after_epoch(state, metrics, is_best)
            if state.epoch == 2 and hasattr(task, "predict"):
                raise KeyboardInterrupt

        return fit(task, optimizer, state, after, tick)

    monkeypatch.setattr("ablation.commands.training.fit", stopping_fit)
    code, _, _ = command("main", "--dataset", world, *FAST, "--epochs", 3)
    monkeypatch.undo()
    assert code == 130
    stopped = find_runs("train")[-1]
    assert stopped.status == "KILLED" and stopped.run_id in stopped.tags["failure"]
    assert (
        command(
            "main", "--dataset", world, *FAST, "--epochs", 3, "--latent_dim", 9, "--resume", stopped.run_id
        )[0]
        == 1
    )
    assert command("main", "--dataset", world, *FAST, "--epochs", 3, "--resume", stopped.run_id)[0] == 0
    resumed = next(r for r in find_runs("train") if r.run_id == stopped.run_id)
    assert resumed.status == "FINISHED" and "failure" not in resumed.tags
    for name in whole.metrics:
        if not name.startswith("speed"):
            assert metric_history(whole.run_id, name) == metric_history(resumed.run_id, name)
            assert len(MlflowClient().get_metric_history(resumed.run_id, name)) == len(
                metric_history(whole.run_id, name)
            )


@pytest.mark.parametrize("call, number", [("log_metrics", 3), ("log_text", 3), ("finish", 1)])
def test_nothing_is_lost_or_doubled_when_killed_anywhere(
    call, number, command, store, world, train, monkeypatch
):
    """At the metrics of epoch 2, at its loss summary, and after the test was scored."""
    whole, _ = train()
    original, calls = getattr(MlflowRun, call), []

    def killed(self, *words, **keys):
        calls.append(call)
        if len(calls) == number:
            raise KeyboardInterrupt
        return original(self, *words, **keys)

    monkeypatch.setattr(MlflowRun, call, killed)
    words = ("main", "--dataset", world, *FAST, "--epochs", 2)
    assert command(*words)[0] == 130
    monkeypatch.undo()
    stopped = next(r for r in find_runs("train") if r.run_id != whole.run_id)
    code, _, err = command(*words, "--resume", stopped.run_id)
    assert code == 0, err
    for made in ("predictions", "scores", "descriptions", ""):
        assert artifacts(stopped.run_id, made) == artifacts(whole.run_id, made)
    assert loss_summary(stopped) == loss_summary(whole)
    for name in whole.metrics:
        history = MlflowClient().get_metric_history(stopped.run_id, name)
        assert [m.step for m in history] == sorted(metric_history(whole.run_id, name)), name
        if not name.startswith("speed"):
            assert metric_history(stopped.run_id, name) == metric_history(whole.run_id, name)


def test_the_summary_is_read_from_the_server(command, train, store, world):
    for seed in (0, 1):
        train("--visual", "basecase", "--seed", seed)
    kept, _ = train("--latent_dim", 32, "--seed", 0)
    kept, _ = train("--latent_dim", 32, "--seed", 0)
    command("main", "--dataset", world, *FAST, "--image_weight", "1e39")
    code, out, err = command("summary", "--out", "tables", "--format", "markdown")
    assert code == 0, err
    results = pd.read_csv(store / "tables" / "Results_Summary.csv")
    assert list(results.columns) == [
        "Model",
        "Epoch",
        "Total Loss",
        "Image Loss",
        "Context Loss",
        "Text Loss",
    ]
    assert [m.split("-")[0] for m in results["Model"]] == ["Basecase", "ResNet32"]
    basecase = [r for r in find_runs("train") if r.params.get("visual") == "basecase"]
    mean = np.mean([metric_history(r.run_id, "train/image_loss")[2] for r in basecase])
    assert results["Image Loss"][0] == pytest.approx(mean, abs=1e-4)
    assert out.count("left out:") == 2 and f"repeats {kept.run_id}" in out and "is FAILED" in out
    assert len(list((store / "tables").glob("loss_summary_*.csv"))) == 2
    assert table_page(kept.experiment_id, "runs") in out and "python -m ablation study" in out
    first = {p.name: p.read_bytes() for p in (store / "tables").iterdir()}
    command("summary", "--out", "tables", "--format", "markdown")
    assert first == {p.name: p.read_bytes() for p in (store / "tables").iterdir()}


def test_a_summary_of_nothing_says_what_is_missing(command, store):
    code, _, err = command("summary")
    assert code == 3 and "python -m ablation main" in err
    code, _, err = command("summary", "--experiment", "nope")
    assert code == 1 and "experiment nope does not exist" in err


def stopped_after(monkeypatch, epochs):
    """Has the storyteller's training stopped from outside when so many epochs are done."""

    def stopping_fit(task, optimizer, state, after_epoch, tick):
        def after(state, metrics, is_best):
            after_epoch(state, metrics, is_best)
            if state.epoch == epochs and hasattr(task, "predict"):
                raise KeyboardInterrupt

        return fit(task, optimizer, state, after, tick)

    monkeypatch.setattr("ablation.commands.training.fit", stopping_fit)


def test_a_run_of_mlflow_run_goes_on_from_one_that_was_stopped(command, store, world, train, monkeypatch):
    whole, _ = train("--epochs", 3)
    with monkeypatch.context() as changed:
        stopped_after(changed, 2)
        assert command("main", "--dataset", world, *FAST, "--epochs", 3)[0] == 130
    stopped = find_runs("train")[-1]
    given = MlflowClient().create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", given)
    code, out, _ = command("main", "--dataset", world, *FAST, "--epochs", 3)
    monkeypatch.delenv("MLFLOW_RUN_ID")
    assert code == 0 and f"going on from the unfinished run {stopped.run_id}" in out
    assert "going on after epoch 2 of 3" in out
    record = next(run for run in find_runs("train") if run.run_id == given)
    assert record.status == "FINISHED" and record.tags["continues"] == stopped.run_id
    assert not any((runs_folder() / run_id).exists() for run_id in (given, stopped.run_id))
    for name in whole.metrics:
        if not name.startswith("speed"):
            assert metric_history(given, name) == metric_history(whole.run_id, name)
    again, _ = train("--epochs", 3)
    assert again.run_id not in (given, stopped.run_id)


def test_a_run_does_not_go_on_with_data_or_code_that_changed(command, store, world, monkeypatch):
    with monkeypatch.context() as changed:
        stopped_after(changed, 1)
        assert command("main", "--dataset", world, *FAST, "--epochs", 2)[0] == 130
    (stopped,) = find_runs("train")
    words = ("main", "--dataset", world, *FAST, "--epochs", 2, "--resume", stopped.run_id)
    with monkeypatch.context() as changed:
        changed.setattr(
            "ablation.commands.train.code_hashes", lambda: {"code_hash": "other", "environment_hash": "x"}
        )
        code, _, err = command(*words)
    assert code == 1 and "the code are not those" not in err
    assert "code_hash other" in err and f"check out commit {stopped.tags['code_commit']}" in err
    MlflowClient().set_tag(stopped.run_id, "data_hash", "0123")
    code, _, err = command(*words)
    assert code == 1 and "bring the data back" in err and "not 0123" in err
    assert find_runs("train")[0].status == "KILLED"


def test_a_clock_that_jumps_changes_nothing(train, monkeypatch):
    whole, _ = train()
    draws, real = random.Random(0), time.time
    monkeypatch.setattr("time.time", lambda: real() + draws.uniform(-86_400, 86_400))
    train()
    monkeypatch.undo()
    jumped = next(run for run in find_runs("train") if run.run_id != whole.run_id)
    assert jumped.status == "FINISHED"
    for name in whole.metrics:
        history = MlflowClient().get_metric_history(jumped.run_id, name)
        assert sorted(point.step for point in history) == sorted(metric_history(whole.run_id, name)), name
        if not name.startswith("speed"):
            assert {point.step: point.value for point in history} == metric_history(whole.run_id, name)
