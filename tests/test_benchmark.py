"""The fast path and the plain one compute the same; the benchmark reports what it promises."""

import json
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pytest
import torch
from PIL import Image

from ablation.commands.stories import load_stories
from ablation.commands.training import compile_visual
from ablation.config.config import Config
from ablation.console import Console
from ablation.data.sources import first_rows
from ablation.memory import keep_freed_memory
from ablation.train.checkpoint import load_checkpoint, save_checkpoint
from ablation.train.loop import make_optimizer
from ablation.world.paint import paint
from ablation.world.story import plan_story
from benchmarks import (
    before_after,
    epoch,
    figure,
    gpu,
    limits,
    plain,
    repeated,
    saturation,
    scaling,
    study,
    summary,
)

LARGEST_LOSS_DIFFERENCE, LARGEST_GRADIENT_DIFFERENCE = 1e-6, 1e-5


@pytest.fixture
def both(world):
    """Our first batch, and the same one as the plain epoch loads it."""
    config = Config(visual="basecase", dataset=str(world))
    stories = load_stories(config, Console())
    task = epoch.story_task(config, stories)
    batch, _ = next(task.batches(task.train))
    rows = list(first_rows(stories.source, "train", 8))
    return task, batch, plain.load_batch(rows, stories.tokenizer)


def test_the_inputs_are_bit_identical(both):
    task, batch, plainly = both
    assert torch.equal(batch.frames, plainly.frames) and torch.equal(batch.target_frame, plainly.target_frame)
    assert torch.equal(batch.target_tokens, plainly.target_tokens)
    assert torch.allclose(batch.text_latents, task.module.read(plainly.tokens), atol=1e-6)


def test_the_step_is_that_of_the_plain_implementation(both):
    task, batch, plainly = both
    model, gradients, losses = task.module, [], []
    for loss in (
        lambda: task.losses(batch)["total_loss"],
        lambda: plain.total_loss(model, plainly, task.vocabulary.pad),
    ):
        make_optimizer(task).zero_grad()
        value = loss()
        value.backward()
        losses.append(value.item())
        gradients.append({n: p.grad.clone() for n, p in model.named_parameters() if p.requires_grad})
    assert losses[0] == pytest.approx(losses[1], rel=LARGEST_LOSS_DIFFERENCE)
    whole = torch.stack([gradient.norm() for gradient in gradients[1].values()]).norm()
    for name, gradient in gradients[1].items():
        if name == "fusion.attention.score.bias":  # 0 in truth: softmax ignores a shift of all scores
            assert gradient.norm() < 1e-9 * whole
            continue
        difference = (gradients[0][name] - gradient).norm()
        assert difference <= LARGEST_GRADIENT_DIFFERENCE * gradient.norm(), name


@pytest.mark.slow
def test_the_benchmark_writes_its_ratios(tmp_path, monkeypatch):
    file = tmp_path / "epoch.json"
    monkeypatch.setattr("sys.argv", ["epoch", "--stories", "20", "--repeats", "1", "--json", str(file)])
    epoch.main()
    found = json.loads(file.read_text())
    assert {"ratio_exact", "ratio_bf16", "ratio_floor", "ratio_five_epochs", "parts"} <= found.keys()
    assert set(found["parts"]) == {"data", "encoder", "decoder", "logits", "tracking"}
    assert found["ratio_exact"] > 0 and found["ratio_floor"] > 0


def test_too_few_stories_for_an_epoch_are_refused(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["epoch", "--stories", "19"])
    with pytest.raises(SystemExit):
        epoch.main()
    assert "--stories 19: give at least 20" in capsys.readouterr().err


def test_bf16_stays_close_to_the_exact_step(both):
    task, batch, _ = both
    exact = {name: loss.item() for name, loss in task.losses(batch).items()}
    task.config = replace(task.config, precision="bf16")
    close = {name: loss.item() for name, loss in task.losses(batch).items()}
    assert exact == pytest.approx(close, rel=5e-3) and exact != close


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, ("g++", "clang++"))), reason="no C++ compiler here")
def test_the_compiled_step_is_the_exact_one(both):
    task, batch, _ = both
    exact = {name: loss.item() for name, loss in task.losses(batch).items()}
    compile_visual(task.module)
    compiled = {name: loss.item() for name, loss in task.losses(batch).items()}
    assert exact == pytest.approx(compiled, rel=1e-5)
    assert not hasattr(
        task.module.visual.decoder.logits, "__func__"
    )  # what both forward and the copy path ask


def test_kept_memory_is_not_asked_for_again():
    if not keep_freed_memory():
        pytest.skip("no glibc here")
    block = lambda: torch.ones(2**24)  # noqa: E731
    for _ in range(10):  # until the heap has settled
        block()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        block()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 1024


def test_repeated_stories_of_one_size_are_written_once(world, tmp_path, monkeypatch):
    monkeypatch.setattr(repeated, "STORIES", 24)
    shutil.copytree(world, tmp_path / "small")
    made = repeated.write_repeated(tmp_path, 30)
    assert repeated.write_repeated(tmp_path, 30) == made and len(list(made.glob("train*"))) == 2


def test_without_nvidia_smi_nothing_is_said_of_how_busy_a_gpu_was(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(gpu, "synchronised", lambda work: work())
    assert gpu.watched(lambda: 1.5) == (1.5, None)


def test_checkpoints_of_other_windows_are_not_set_beside_each_other(trained, tmp_path, monkeypatch):
    artifact = f"runs:/{trained.run_id}/checkpoints/best.pt"
    file, other, picture = (
        Path(mlflow.artifacts.download_artifacts(artifact)),
        tmp_path / "o.pt",
        tmp_path / "p.jpg",
    )
    contents = load_checkpoint(file)
    contents["identity"]["scored_windows"] = "sliding"
    save_checkpoint(other, contents)
    monkeypatch.setattr("sys.argv", ["before_after", str(file), str(other), str(picture)])
    with pytest.raises(SystemExit, match="tested on other windows"):
        before_after.main()
    stories, _ = before_after.model_of(file)
    with pytest.raises(SystemExit, match="tested on other windows"):
        limits.model_pictures(other, stories, np.array([0]))
    assert limits.model_pictures(file, stories, np.array([1, 0])).shape == (2, 3, 60, 125)
    monkeypatch.setattr("sys.argv", ["before_after", str(file), str(file), str(picture)])
    before_after.main()
    assert Image.open(picture).width > 800


@pytest.mark.slow
def test_the_scaling_benchmark_and_the_figure(tmp_path, monkeypatch):
    monkeypatch.setattr(repeated, "STORIES", 20)
    monkeypatch.setattr("sys.argv", ["scaling", "--stories", "20", "40", "--json", str(tmp_path / "s.json")])
    scaling.main()
    found = json.loads((tmp_path / "s.json").read_text())
    assert [row["stories"] for row in found["rows"]] == [20, 40]
    measured = {"seconds": {"plain": 9, "exact": 1.5, "bf16": 1.1}, "stories": 96, "ratio_floor": 1.7}
    measured |= {"arm": "ResNet64-dataset=world", "threads": 2}
    drawn = figure.speed_figure(measured, found)
    assert drawn.axes[0].get_title() == "an epoch of ResNet64, 2 threads"
    drawn.savefig(tmp_path / "speed.png")
    assert Image.open(tmp_path / "speed.png").width > 800


@pytest.mark.slow
def test_the_benchmarks_of_study_and_summary(tmp_path, monkeypatch):
    words = ["--runs", "40", "--repeats", "1", "--json", str(tmp_path / "summary.json")]
    monkeypatch.setattr("sys.argv", ["summary", *words])
    summary.main()
    assert json.loads((tmp_path / "summary.json").read_text())["median"] > 0
    words = ["--seeds", "1", "--stories", "20", "--json", str(tmp_path / "study.json")]
    monkeypatch.setattr("sys.argv", ["study", *words])
    study.main()
    found = json.loads((tmp_path / "study.json").read_text())
    assert found["ratio"] > 0 and found["jobs"]["2"]["training"] > 0


def test_the_figures_of_a_saturated_gru_by_hand():
    gru = torch.nn.GRU(1, 2, batch_first=True)
    with torch.no_grad():
        gru.weight_ih_l0.copy_(
            torch.tensor([[9.0], [9.0], [1.0], [-2.0], [9.0], [9.0]])
        )  # reset, update, new
        gru.bias_ih_l0.zero_()
    images = torch.tensor([[3.0, 0.0], [3.0, 4.0]])
    found = saturation.figures(gru, images, torch.tensor([[[1.0], [3.0]]]), torch.tensor([[0.5], [0.1]]))
    assert found == pytest.approx({"rms": (34 / 4) ** 0.5, "spread": 1.0, "gates": 1 / 4, "state": 0.2})


def test_the_table_of_saturation_holds_medians_at_the_start_and_at_the_end():
    runs = [
        {
            "rms": (1.44, end),
            "spread": (0.8, end),
            "gates": (0.0, 0.994),
            "state": (0.2, 0.0),
            "prediction": (1, 0.005),
            "text": (0.0123, 0.0123),
        }
        for end in (7.0, 26.71, 30.0)
    ]
    *_, row = saturation.table({"original": runs}).splitlines()
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["original", "1.4 → 26.7", "0.80 → 26.71", "0% → 99%", "0.20 → 0.00", "0.5%", "1.2%"]


def test_saturation_is_looked_at_before_and_after_training(world):
    keys = {"dataset": str(world), "visual": "basecase", "epochs": 1, "text_pretraining": 1}
    found = saturation.measured(Config(**keys))
    assert found.keys() == saturation.HEAD.keys()
    assert all(
        np.isfinite(pair).all() and (pair[0] != pair[1]) == (name != "text")
        for name, pair in found.items()
        if name != "gates"
    )
    assert found["gates"][0] < 0.1


def test_a_viewer_cannot_tell_the_states_that_would_have_looked_the_same():
    """The redrawn state shows the very frame 4 that was seen, and differs where nothing was seen."""
    differs = 0
    for number in range(6):
        states = plan_story(0, "test", number)[:5]
        window = limits.Window(number, 1, states[:4], states[4])
        redrawn = limits.as_seen(window, window.draws())
        assert np.array_equal(np.asarray(paint(redrawn).image), np.asarray(paint(window.last).image))
        differs += redrawn.premise != window.last.premise
    assert differs > 0


def test_the_best_set_of_names_may_join_two():
    known = limits._any_of({"anna", "ben"})
    assert limits.best_set(known, ["Anna waits.", "Ben waits."] * 2) == "anna . ben"
    assert limits.best_set(known, ["Anna waits."] * 3 + ["Ben waits."]) == "anna"
