"""The picture of the docs: what the original's model and the cured one make of the same test windows.

`python -m benchmarks.before_after BEFORE.pt AFTER.pt docs/before_after.jpg` takes a run's best.pt each. The windows are
those that the cured model paints best, in the middle and worst.
"""

import argparse
import sys
import textwrap
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ablation.commands.stories import Stories, load_stories
from ablation.config.config import Config
from ablation.config.declare import resolve
from ablation.console import Console
from ablation.models.storyteller import Storyteller, build_text_autoencoder, build_visual_autoencoder
from ablation.train.checkpoint import load_checkpoint, restore
from ablation.train.story_task import StoryTask

CHARACTERS, LINES = 37, 12
RANKS = ("best", "median", "worst")
HEADINGS = ("frame 1", "frame 2", "frame 3", "frame 4", "frame 5, true", "original", "cured")


def main() -> None:
    """Draws the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("before", "after", "to"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    models = [model_of(file) for file in (options.before, options.after)]
    stories, task = models[1]
    require_same_windows(models[0][0], stories)
    ranked = np.argsort(image_losses(task, stories))
    chosen = ranked[[0, len(ranked) // 2, -1]]
    figure = Figure(figsize=(21, 3.6 * len(chosen)))
    room = {"left": 0.02, "right": 0.995, "top": 0.96, "bottom": 0.19, "wspace": 0.06, "hspace": 1.5}
    grid = figure.subplots(len(chosen), len(HEADINGS), gridspec_kw=room)
    for row, rank, place in zip(grid, RANKS, chosen, strict=True):
        draw_window(row, stories, int(place), [predicted(*model, int(place)) for model in models])
        row[0].set_ylabel(f"{rank}\n{stories.test.names()[place]}", fontsize="small")
    for axes, heading in zip(grid[0], HEADINGS, strict=True):
        axes.set_title(heading, fontweight="bold")
    figure.savefig(options.to, dpi=70)


def model_of(file: Path) -> tuple[Stories, StoryTask]:
    """A checkpoint's model, and the stories that it was trained on."""
    contents = load_checkpoint(file)
    config = resolve(Config, contents["identity"])
    stories = load_stories(config, Console())
    text = build_text_autoencoder(config, stories.vocabulary.size)
    model = Storyteller(config, build_visual_autoencoder(config), text, stories.vocabulary.pad)
    restore(contents, model)
    parts = (stories.train, stories.validation, stories.vocabulary)
    return stories, StoryTask(config, model.eval(), *parts, torch.device("cpu"))


def require_same_windows(one: Stories, other: Stories) -> None:
    """Ends the program where they are not tested on the same windows of the same data."""
    names = one.test.names(), other.test.names()
    if names[0] != names[1] or one.source.digest != other.source.digest:
        sys.exit(
            f"the models are tested on other windows, {len(names[0]):,} and {len(names[1]):,}: give checkpoints of the "
            "same dataset, world_stories, max_stories and scored_windows"
        )


@torch.no_grad()
def image_losses(task: StoryTask, stories: Stories) -> np.ndarray:
    """(W,) L1 of every test window."""
    model = task.module
    parts = [
        (model.paint(model.fuse(batch))[0] - batch.target_frame).abs().mean(dim=(1, 2, 3))
        for batch, _ in task.batches(stories.test)
    ]
    return torch.cat(parts).numpy()


def predicted(stories: Stories, task: StoryTask, place: int) -> tuple[np.ndarray, str]:
    """The frame (60, 125, 3) and the description that a model makes of a test window."""
    batch, _ = next(task.batches(stories.test, torch.tensor([place])))
    image, words = task.generate(batch)
    (text,) = stories.tokenizer.batch_decode(words, skip_special_tokens=True)
    return image[0].detach().numpy().transpose(1, 2, 0), text


def draw_window(row: np.ndarray, stories: Stories, place: int, made: list[tuple[np.ndarray, str]]) -> None:
    """Five frames and what each model says, a panel each, over the texts."""
    start = stories.test.starts[place]
    frames = stories.test.frames[start : start + 5].transpose(0, 2, 3, 1)
    shown = [*zip(frames, stories.test.window_texts(place), strict=True), *made]
    for axes, (frame, text) in zip(row, shown, strict=True):
        draw_frame(axes, frame, text)


def draw_frame(axes: Axes, frame: np.ndarray, text: str) -> None:
    """A frame over its description."""
    axes.imshow(frame)
    axes.set_xticks([])
    axes.set_yticks([])
    lines = textwrap.wrap(text or "(no words)", CHARACTERS)
    told = lines if len(lines) <= LINES else [*lines[: LINES - 1], lines[LINES - 1][: CHARACTERS - 2] + " …"]
    axes.text(0, 1.03 * len(frame), "\n".join(told), fontsize=8.5, va="top")


if __name__ == "__main__":
    main()
