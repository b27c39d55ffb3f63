"""An epoch of ours against a plain one: `python -m benchmarks.epoch --threads 1 --stories 96 --json FILE`

The two alternate in one run; medians and their ratio are reported. `ratio_floor` is our epoch over the
time that its multiplications alone would take at the speed of a large matrix product measured in the
same run.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from tabulate import tabulate

from ablation.config.config import Config
from ablation.data.sources import first_rows, open_source
from ablation.data.store import Store, prepare
from ablation.data.tokens import MAX_VOCABULARY, Vocabulary
from ablation.data.windows import StoryWindows, all_windows
from ablation.models.storyteller import Storyteller, build_text_autoencoder, build_visual_autoencoder
from ablation.train.loop import make_optimizer, train_epoch
from ablation.train.losses import text_loss
from ablation.train.story_task import StoryTask
from ablation.world.writer import write_world
from benchmarks import plain

TEST_STORIES = 8
MATRIX = 1024


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """The median time of one call."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def storyteller(config: Config) -> Storyteller:
    """With a vocabulary as large as that of the original."""
    return Storyteller(
        config, build_visual_autoencoder(config), build_text_autoencoder(config, MAX_VOCABULARY)
    )


def story_task(config: Config, store: Store) -> StoryTask:
    windows = all_windows(store, "train", config.text_target)
    vocabulary = Vocabulary.of(store.tokenizer())
    return StoryTask(config, storyteller(config), windows, windows, vocabulary, torch.device("cpu"))


def ours(task: StoryTask) -> Callable[[], object]:
    optimizer = make_optimizer(task)
    return lambda: train_epoch(task, optimizer, 1, lambda epoch, step: None)


def plainly(config: Config, store: Store, rows: list[dict]) -> Callable[[], object]:
    model, tokenizer = storyteller(config), store.tokenizer()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=config.learning_rate)
    pad = tokenizer.pad_token_id
    return lambda: plain.train_epoch(model, optimizer, rows, tokenizer, pad, config.batch_size)


def matrix_gflops() -> float:
    """GFLOP/s of a large matrix product, the speed that arithmetic has here."""
    a, b = torch.rand(MATRIX, MATRIX), torch.rand(MATRIX, MATRIX)
    a @ b
    return 2 * MATRIX**3 / seconds(lambda: a @ b, repeats=15) / 1e9


def parts(task: StoryTask) -> dict[str, dict[str, float]]:
    """Milliseconds of a step per part, forward and backward, with GFLOP and GFLOP/s where it multiplies."""
    batch, _ = next(task.training_batches(1))
    model = task.module.train()
    latent = torch.rand(len(batch), task.config.latent_dim, requires_grad=True)
    states = torch.rand(*batch.target_tokens[:, 1:].shape, task.config.text_dim, requires_grad=True)
    frames = batch.frames.flatten(0, 1)
    works = {
        "data": lambda: next(task.training_batches(1)),
        "encoder": lambda: model.visual.encoder(frames).sum().backward(),
        "decoder": lambda: model.visual.decoder(latent).sum().backward(),
        "logits": lambda: text_loss(
            states, model.output, batch.target_tokens, task.vocabulary.pad
        ).backward(),
    }
    found = {}
    for name, work in works.items():
        work()
        milliseconds, gflop = 1000 * seconds(work, repeats=7), _gflop(name, work, task, batch)
        found[name] = {"milliseconds": milliseconds}
        if gflop:
            found[name] |= {"gflop": gflop, "gflop_per_second": 1000 * gflop / milliseconds}
    return found


def _gflop(name: str, work: Callable[[], object], task: StoryTask, batch) -> float:
    """Counted by torch; the logits' by formula, since their chunks are one operation: forward and states."""
    from torch.utils.flop_counter import FlopCounterMode

    if name == "logits":
        real = int((batch.target_tokens[:, 1:] != task.vocabulary.pad).sum())
        return 2 * 2 * real * task.config.text_dim * MAX_VOCABULARY / 1e9
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() / 1e9


def measure(threads: int, stories: int, repeats: int) -> dict:
    """Everything that the command reports."""
    torch.set_num_threads(threads)
    config = Config(visual="basecase", world_stories=max(stories, 20), device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder) / "world"
        write_world(world, train=config.world_stories, test=TEST_STORIES)
        source = open_source(str(world), config.world_stories)
        started = time.perf_counter()
        store = prepare(config, source)
        prepared = time.perf_counter() - started
        rows = list(first_rows(source, "train", stories))
        return _alternate(config, store, rows, repeats) | {
            "prepare_milliseconds_per_story": 1000 * prepared / (config.world_stories + TEST_STORIES),
            "threads": threads,
            "stories": stories,
        }


def _alternate(config: Config, store: Store, rows: list[dict], repeats: int) -> dict:
    exact = story_task(config, store)
    bf16 = story_task(replace(config, precision="bf16"), store)
    for task in (exact, bf16):
        task.train = _only(task.train, len(rows))
    epochs = {"plain": plainly(config, store, rows), "exact": ours(exact), "bf16": ours(bf16)}
    times: dict[str, list[float]] = {name: [] for name in epochs}
    for _ in range(repeats):
        for name, epoch in epochs.items():
            times[name].append(seconds(epoch))
    medians = {name: statistics.median(values) for name, values in times.items()}
    found, speed = parts(exact), matrix_gflops()
    gflop = sum(part.get("gflop", 0.0) for part in found.values()) * exact.steps_per_epoch()
    return {
        "ratio_exact": medians["plain"] / medians["exact"],
        "ratio_bf16": medians["plain"] / medians["bf16"],
        "ratio_floor": medians["exact"] / (gflop / speed),
        "seconds_per_100_stories": {name: 100 * m / len(rows) for name, m in medians.items()},
        "matrix_gflop_per_second": speed,
        "parts": found,
        "times": times,
    }


def _only(windows: StoryWindows, count: int) -> StoryWindows:
    return replace(windows, starts=windows.starts[:count], stories=windows.stories[:count])


def report(found: dict) -> str:
    """The result as two tables."""
    per_100 = found["seconds_per_100_stories"]
    ratios = {"plain": 1.0, "exact": found["ratio_exact"], "bf16": found["ratio_bf16"]}
    epochs = [(name, per_100[name], ratios[name]) for name in per_100]
    rows = [
        (name, p["milliseconds"], p.get("gflop"), p.get("gflop_per_second"))
        for name, p in found["parts"].items()
    ]
    return "\n\n".join(
        [
            tabulate(epochs, headers=("epoch", "s per 100 stories", "times as fast"), floatfmt=".2f"),
            tabulate(rows, headers=("part of a step", "ms", "GFLOP", "GFLOP/s"), floatfmt=".2f"),
            f"a matrix product reaches {found['matrix_gflop_per_second']:.0f} GFLOP/s; our epoch takes "
            f"{found['ratio_floor']:.2f} times what its arithmetic would take at that speed",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--stories", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="file for all figures")
    options = parser.parse_args()
    found = measure(options.threads, options.stories, options.repeats)
    print(report(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
