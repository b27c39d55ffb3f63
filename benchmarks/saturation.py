"""Why the original collapses: what its vectors look like at the start and after the last epoch.

`python -m benchmarks.saturation --seeds 3` trains three configurations, each with its pretrained text autoencoder, looks
at the model on the same 32 test windows, evenly chosen, and prints a table in Markdown: medians over the seeds.
"""

import argparse
import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import torch
from tabulate import tabulate
from torch import nn
from torch.nn import functional

from ablation.commands.stories import Stories, load_stories
from ablation.config.config import Config
from ablation.console import Console
from ablation.models.storyteller import (
    SATURATED,
    Storyteller,
    build_text_autoencoder,
    build_visual_autoencoder,
)
from ablation.train.health import Spread
from ablation.train.loop import LoopState, Task, fit, make_optimizer
from ablation.train.pretraining import TextCopyTask
from ablation.train.questions import evenly
from ablation.train.story_task import StoryTask

WINDOWS = 32
RAW = {"equalize": False, "windows": "sliding", "image_heads": "single", "latent_norm": "layernorm"}
ARMS = {
    "original": {},
    "raw frames, all windows, no context loss, LayerNorm on z": RAW,
    "original with `input_norm=batchnorm`": {"input_norm": "batchnorm"},
}
HEAD = {
    "rms": "image latents, rms",
    "spread": "their spread over stories",
    "gates": f"update gates beyond ±{SATURATED:g}",
    "state": "spread of the GRU's last state",
    "prediction": "spread of the predictions, of the targets'",
    "text": "spread of the text latents, of their rms",
}


def main() -> None:
    """Trains the arms and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--stories", type=int, default=400)
    parser.add_argument("--json", type=Path, help="file for all figures")
    options = parser.parse_args()
    found = {
        arm: [
            measured(Config(**keys, seed=seed, world_stories=options.stories))
            for seed in range(options.seeds)
        ]
        for arm, keys in ARMS.items()
    }
    print(table(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


def measured(config: Config) -> dict[str, tuple[float, float]]:
    """Of one run: what `looked_at` says at the start and after the last epoch."""
    stories, device = load_stories(config, Console()), torch.device("cpu")
    parts = (stories.train, stories.validation, stories.vocabulary, device)
    text = build_text_autoencoder(config, stories.vocabulary.size)
    text.load_state_dict(best_of(TextCopyTask(config, text, *parts)))
    model = Storyteller(config, build_visual_autoencoder(config), text, stories.vocabulary.pad)
    task = StoryTask(config, model, *parts)
    before = looked_at(task, stories)
    best_of(task)
    after = looked_at(task, stories)
    return {name: (before[name], after[name]) for name in before}


def best_of(task: Task) -> dict[str, torch.Tensor]:
    """Trains to the end; the weights of the best epoch, as a run keeps them."""
    kept = {}

    def keep(state: LoopState, metrics: dict[str, float], is_best: bool) -> None:
        if is_best:
            kept.update(copy.deepcopy(task.module.state_dict()))

    fit(task, make_optimizer(task), LoopState(), keep)
    return kept


@torch.no_grad()
def looked_at(task: StoryTask, stories: Stories) -> dict[str, float]:
    """On the chosen test windows, one batch."""
    windows = stories.test.at(evenly(len(stories.test), WINDOWS))
    ((batch, _),) = task.batches(windows, size=WINDOWS)
    model, predicted, target = task.module.eval(), Spread(), Spread()
    with heard(model.visual.encoder) as latents, heard(model.fusion.gru) as gru:
        predicted.add(task.predict(batch).image)
    target.add(batch.target_frame)
    ((_, images),), (((steps,), (_, last)),) = latents, gru
    texts = model.read(batch.tokens).flatten(0, -2)  # (B * K, D)
    return figures(model.fusion.gru, images, steps, last[0]) | {
        "prediction": predicted.value() / target.value(),
        "text": spread(texts) / texts.square().mean().sqrt().item(),
    }


@contextmanager
def heard(part: nn.Module) -> Iterator[list]:
    """What goes into a part of the model and comes out of it, each time."""
    calls: list = []
    handle = part.register_forward_hook(lambda module, inputs, output: calls.append((inputs, output)))
    try:
        yield calls
    finally:
        handle.remove()


def figures(gru: nn.GRU, images: torch.Tensor, steps: torch.Tensor, last: torch.Tensor) -> dict[str, float]:
    """Of image latents (B * K, L), what the GRU is given (B, K, I), and its last state (B, F)."""
    driven = functional.linear(steps, gru.weight_ih_l0, gru.bias_ih_l0).chunk(3, dim=-1)  # reset, update, new
    return {
        "rms": images.square().mean().sqrt().item(),
        "spread": spread(images),
        "gates": (driven[1].abs() > SATURATED).float().mean().item(),
        "state": spread(last),
    }


def spread(rows: torch.Tensor) -> float:
    """The standard deviation of each unit over the rows (N, …), averaged over the units."""
    return rows.std(dim=0, correction=0).mean().item()


def table(found: dict[str, list[dict[str, tuple[float, float]]]]) -> str:
    """A row per arm: at the start → after the last epoch; of predictions and (frozen) text latents, after it."""
    rows = [[arm, *(_told(name, runs) for name in HEAD)] for arm, runs in found.items()]
    return tabulate(rows, headers=["", *HEAD.values()], tablefmt="github", disable_numparse=True)


def _told(name: str, runs: list[dict[str, tuple[float, float]]]) -> str:
    before, after = (median(run[name][moment] for run in runs) for moment in (0, 1))
    if name in ("prediction", "text"):
        return f"{after:.1%}"
    if name == "gates":
        return f"{before:.0%} → {after:.0%}"
    digits = 1 if name == "rms" else 2
    return f"{before:.{digits}f} → {after:.{digits}f}"


if __name__ == "__main__":
    main()
