"""On a GPU: the same losses as on the CPU, and whole runs. `pytest -m gpu`."""

import pytest
import torch

from ablation.commands.stories import load_stories
from ablation.config.config import Config
from ablation.config.declare import resolve
from ablation.config.recipes import with_recipe
from ablation.console import Silent
from ablation.track.query import find_runs
from ablation.train.loop import LoopState, make_optimizer, train_epoch
from ablation.train.story_task import StoryTask
from benchmarks.epoch import storyteller

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU here"),
]
RELATIVE = 1e-3
"""A GPU multiplies convolutions in TF32, with ten bits after the point."""


@pytest.fixture
def task_on(world):
    """Makes the task of a recipe on a device, the same weights on each."""

    def make(recipe: str, device: str, **keys: str) -> StoryTask:
        config = resolve(Config, with_recipe({"recipe": recipe, "dataset": str(world)} | keys))
        stories = load_stories(config, Silent())
        module = storyteller(config).to(device)
        return StoryTask(
            config, module, stories.train, stories.validation, stories.vocabulary, torch.device(device)
        )

    return make


@pytest.mark.parametrize("recipe", ["notebook", "cured"])
def test_the_losses_are_those_of_the_cpu(task_on, recipe):
    losses = {}
    for device in ("cpu", "cuda"):
        task = task_on(recipe, device)
        task.module.eval()
        batch, _ = next(task.batches(task.train))
        with torch.no_grad():
            losses[device] = {name: loss.item() for name, loss in task.losses(batch).items()}
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=RELATIVE)


@pytest.mark.parametrize("keys", [{}, {"precision": "bf16"}], ids=["fp32", "bf16"])
def test_an_epoch_makes_the_cured_model_better(task_on, keys):
    task = task_on("cured", "cuda", **keys)
    optimizer = make_optimizer(task)
    first = train_epoch(task, optimizer, LoopState(), lambda epoch, step: None)
    second = train_epoch(task, optimizer, LoopState(1), lambda epoch, step: None)
    assert second["train/total_loss"] < first["train/total_loss"]


@pytest.mark.parametrize("recipe", ["main", "cured"])
@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
def test_a_whole_run_is_trained_and_tested(command, store, world, recipe, compiled):
    """A frozen encoder is asked many times before its answers are used: graphs must not write over them."""
    words = (recipe, "--device", "cuda", "--dataset", world, "--compile", str(compiled).lower())
    code, _, complained = command(*words, "--visual_pretraining", 1, "--text_pretraining", 1, "--epochs", 2)
    assert code == 0, complained
    (run,) = find_runs("train")
    assert run.metrics["test/image_loss"] > 0 and run.metrics["health/test_text_condition_gap"] != 0
