"""What each story scored: the sums that a run's losses are made of."""

import io

import numpy as np
import pandas as pd
import pytest
import torch

from ablation.commands.stories import load_stories
from ablation.commands.training import train_task
from ablation.config.config import Config
from ablation.console import Console
from ablation.models.storyteller import Storyteller, build_text_autoencoder, build_visual_autoencoder
from ablation.track.mlflow_run import MlflowRun
from ablation.train.floors import batch_weighted_mean
from ablation.train.scores import StoryScores, WindowOutputs
from ablation.train.story_task import StoryTask

ORACLES = {"floor/test_image_median": 0.2, "floor/test_image_oracle": 0.1}


def task_of(world, floor=None, **keys):
    config = Config(dataset=str(world), visual="basecase", batch_size=3, device="cpu", **keys)
    stories = load_stories(config, Console())
    text = build_text_autoencoder(config, stories.vocabulary.size)
    model = Storyteller(config, build_visual_autoencoder(config), text, stories.vocabulary.pad)
    device = torch.device("cpu")
    task = StoryTask(config, model, stories.train, stories.validation, stories.vocabulary, device, floor)
    return task, stories


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("windows", ["first", "sliding"])
def test_the_losses_of_a_run_follow_from_those_of_its_windows(world, windows, precision):
    task, stories = task_of(world, precision=precision, scored_windows=windows)
    each = WindowOutputs()
    losses, _ = task.score(stories.test, each)
    found = each.losses()
    assert {len(values) for values in found.values()} == {len(stories.test)}
    assert found["image"].mean() == pytest.approx(losses["image_loss"], abs=1e-5)
    assert found["context"].mean() == pytest.approx(losses["context_loss"], abs=1e-5)
    text = batch_weighted_mean(found["text_nats"], found["text_tokens"], batch_size=3)
    assert text == pytest.approx(losses["text_loss"], abs=1e-5)
    tokens = (stories.test.target_token_rows()[:, 1:] != stories.vocabulary.pad).sum(axis=1)
    assert found["text_tokens"].tolist() == tokens.tolist()


def test_an_epoch_goes_over_stories_whatever_windows_it_takes(world):
    task, stories = task_of(world, windows="sliding")
    assert task.stories == stories.train.story_count == 19 < len(task.train)


def test_what_frozen_encoders_give_is_of_the_weights_that_a_run_goes_on_with(world, store):
    """The first batches, drawn for pictures, come before the checkpoint is read."""
    task, stories = task_of(world, visual_encoder="frozen", epochs=1)
    run, identity = MlflowRun.start("a run", {}), task.config.identity()
    train_task(task, run, identity, Console(), "training", restored=task.forget_latents)
    other, _ = task_of(world, visual_encoder="frozen", epochs=2)
    with torch.no_grad():
        for weight in [*other.module.visual.encoder.parameters(), *other.module.text.encoder.parameters()]:
            weight.mul_(2)
    next(other.batches(stories.train))
    train_task(other, run, identity, Console(), "training", restored=other.forget_latents)
    for name in ("image_latents", "text_latents"):
        batch, _ = next(task.batches(stories.validation))
        again, _ = next(other.batches(stories.validation))
        assert torch.equal(getattr(batch, name), getattr(again, name)), name


def test_scoring_windows_does_not_change_the_losses(world):
    task, stories = task_of(world)
    assert task.score(stories.test) == task.score(stories.test, WindowOutputs())


def test_the_table_of_a_test_adds_up_to_its_losses(world):
    task, stories = task_of(world, scored_windows="sliding")
    metrics, outputs = task.test(stories.test)
    scores = StoryScores.of(stories.test, outputs.losses())
    table = pd.read_csv(io.StringIO(scores.csv()))
    assert list(table) == ["story_id", "windows", "image_sum", "context_sum", "text_nats", "text_tokens"]
    assert table["story_id"].tolist() == stories.test.story_ids
    assert table["windows"].sum() == len(stories.test) > len(table)
    image = table["image_sum"].sum() / table["windows"].sum()
    context = table["context_sum"].sum() / table["windows"].sum()
    assert image == pytest.approx(metrics["test/image_loss"], abs=1e-5)
    assert context == pytest.approx(metrics["test/context_loss"], abs=1e-5)
    text = table["text_nats"].sum() / table["text_tokens"].sum()
    assert text == pytest.approx(metrics["test/text_loss"], rel=0.02)


def test_sums_are_per_story_in_the_order_of_the_split(world):
    _, stories = task_of(world, scored_windows="sliding")
    chosen = stories.test.of_stories(np.array([4, 1]))
    names = ("image", "context", "text_nats", "text_tokens")
    values = {name: np.arange(len(chosen), dtype=float) for name in names}
    scores = StoryScores.of(chosen, values)
    assert scores.story_id == [stories.test.story_ids[1], stories.test.story_ids[4]]
    count = (chosen.stories == 1).sum()
    assert scores.windows.tolist() == [count, len(chosen) - count]
    assert scores.image_sum.tolist() == [sum(range(count)), sum(range(count, len(chosen)))]


def test_without_a_context_head_the_column_is_empty(world):
    task, stories = task_of(world, image_heads="single")
    _, outputs = task.test(stories.test)
    scores = StoryScores.of(stories.test, outputs.losses())
    assert scores.context_sum is None
    table = pd.read_csv(io.StringIO(scores.csv()))
    assert table["context_sum"].isna().all() and table["image_sum"].notna().all()


def test_the_signs_of_life_are_those_of_the_test_windows(world):
    task, stories = task_of(world, floor=ORACLES)
    metrics, _ = task.test(stories.test)
    losses, health = task.score(stories.test)
    expected = {f"health/test_{name}": value for name, value in health.items()}
    skill = (0.2 - losses["image_loss"]) / 0.1
    assert {n: v for n, v in metrics.items() if n.startswith("health/")} == {
        **expected,
        "health/test_image_skill": pytest.approx(skill),
    }
    assert "health/image_skill" not in task.validate()
    task.floor = ORACLES | {"floor/test_image_oracle": 0.2}
    assert "health/test_image_skill" not in task.test(stories.test)[0]


def test_units_of_z_are_dropped_in_training_only_and_alike_in_the_same_epoch(world):
    task, _ = task_of(world, fused_dropout=0.5, fused_dim=64, latent_norm="layernorm")
    codes = []
    for _ in range(2):
        batch, _ = next(task.training_batches(1))
        codes.append(task.predict(batch).z)
    assert torch.equal(*codes) and 0.3 < (codes[0] == 0).float().mean() < 0.7
    task.module.eval()
    whole, kept = task.predict(batch).z, codes[0] != 0
    assert (whole != 0).all() and torch.allclose(codes[0][kept], 2 * whole[kept], atol=1e-5)
