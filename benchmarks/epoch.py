"""An epoch of ours against a plain one: `python -m benchmarks.epoch --threads 1 --stories 96 --json FILE`

The two alternate in one run; medians and their ratio are reported. `ratio_floor` is our epoch over the
time that its multiplications alone would take at the speed of a large matrix product measured in the
same run.
"""

import argparse
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import mlflow
import torch
from tabulate import tabulate

from ablation.commands.checkpoints import Checkpoints
from ablation.commands.epoch_records import EpochRecords
from ablation.commands.stories import Stories, load_stories
from ablation.config.config import Config
from ablation.console import Console
from ablation.data.batches import Batch
from ablation.data.sources import first_rows, open_source
from ablation.data.store import prepare
from ablation.data.tokens import MAX_VOCABULARY, SPECIAL_TOKENS
from ablation.data.windows import all_windows
from ablation.memory import keep_freed_memory, set_thresholds
from ablation.models.storyteller import Storyteller, build_text_autoencoder, build_visual_autoencoder
from ablation.track.mlflow_run import MlflowRun
from ablation.train.checkpoint import snapshot
from ablation.train.loop import LoopState, make_optimizer, train_epoch
from ablation.train.losses import LOSS_NAMES, text_loss
from ablation.train.story_task import StoryTask
from ablation.world.writer import write_world
from benchmarks import plain

TEST_STORIES = 8
FEWEST_STORIES = 20
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
    text = build_text_autoencoder(config, MAX_VOCABULARY)
    return Storyteller(config, build_visual_autoencoder(config), text, SPECIAL_TOKENS.index("[PAD]"))


def story_task(config: Config, stories: Stories) -> StoryTask:
    return StoryTask(
        config,
        storyteller(config),
        all_windows(stories.store, "train", config.text_target),
        stories.validation,
        stories.vocabulary,
        torch.device("cpu"),
    )


def ours(task: StoryTask) -> Callable[[], object]:
    """An epoch as training runs it: freed memory is kept."""
    optimizer = make_optimizer(task)

    def epoch() -> None:
        keep_freed_memory()
        train_epoch(task, optimizer, LoopState(), lambda epoch, step: None)

    return epoch


def plainly(config: Config, stories: Stories, rows: list[dict]) -> Callable[[], object]:
    """The plain epoch, with the thresholds that glibc reaches by itself."""
    model, tokenizer = storyteller(config), stories.tokenizer
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=config.learning_rate)

    def epoch() -> None:
        set_thresholds(mapped_from=2**25, trimmed_from=2**26, padding=2**17)
        plain.train_epoch(model, optimizer, rows, tokenizer, tokenizer.pad_token_id, config.batch_size)

    return epoch


def matrix_gflops() -> float:
    """GFLOP/s of a large matrix product, the speed that arithmetic has here."""
    a, b = torch.rand(MATRIX, MATRIX), torch.rand(MATRIX, MATRIX)
    a @ b
    return 2 * MATRIX**3 / seconds(lambda: a @ b, repeats=15) / 1e9


def part_works(task: StoryTask, batch: Batch) -> dict[str, Callable[[], object]]:
    """The parts of a step, each by itself, forward and backward."""
    model, shape = task.module.train(), (*batch.target_tokens[:, 1:].shape, task.config.text_dim)
    latent = torch.rand(len(batch), task.config.latent_dim, device=task.device, requires_grad=True)
    states = torch.rand(shape, device=task.device, requires_grad=True)
    frames, pad = batch.frames.flatten(0, 1), task.vocabulary.pad
    return {
        "data": lambda: next(task.training_batches(1)),
        "encoder": lambda: model.visual.encoder(frames).sum().backward(),
        "decoder": lambda: model.visual.decoder(latent).sum().backward(),
        "logits": lambda: text_loss(
            states, model.output, batch.target_tokens, pad, batch.target_count
        ).backward(),
    }


def parts(task: StoryTask) -> dict[str, dict[str, float]]:
    """Milliseconds of a step per part, with GFLOP and GFLOP/s where it multiplies."""
    batch, _ = next(task.training_batches(1))
    found = {}
    for name, work in part_works(task, batch).items():
        work()
        milliseconds, gflop = 1000 * seconds(work, repeats=11), _gflop(name, work, task, batch)
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


def measure(options: argparse.Namespace) -> dict:
    """Everything that the command reports."""
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder) / "world"
        write_world(world, train=options.stories, test=TEST_STORIES)
        config = Config(
            visual=options.visual, latent_dim=options.latent_dim, dataset=str(world), device="cpu"
        )
        os.environ["ABLATION_CACHE"] = str(Path(folder) / "cache")
        source = open_source(config.dataset, options.stories)
        prepare(replace(config, max_stories=FEWEST_STORIES), source)  # what is imported is imported now
        with cores(options.threads):
            prepared = seconds(lambda: prepare(config, source))
        rows = list(first_rows(source, "train", options.stories))
        stories = load_stories(config, Console())
        found = _alternate(config, stories, rows, options.repeats)
        found["parts"]["tracking"] = tracking(story_task(config, stories), stories, Path(folder))
    return found | {
        "ratio_five_epochs": 5 * found["seconds"]["plain"] / (prepared + 5 * found["seconds"]["exact"]),
        "prepare_milliseconds_per_story": 1000 * prepared / (len(rows) + TEST_STORIES),
        "threads": options.threads,
        "stories": len(rows),
        "arm": config.arm,
    }


@contextmanager
def cores(count: int) -> Iterator[None]:
    """At most that many cores for everything in the block, on systems that can be told."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(allowed)[:count]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _alternate(config: Config, stories: Stories, rows: list[dict], repeats: int) -> dict:
    exact = story_task(config, stories)
    bf16 = story_task(replace(config, precision="bf16"), stories)
    epochs = {"plain": plainly(config, stories, rows), "exact": ours(exact), "bf16": ours(bf16)}
    times: dict[str, list[float]] = {name: [] for name in epochs}
    speeds = []
    for _ in range(repeats):
        for name, epoch in epochs.items():
            times[name].append(seconds(epoch))
        speeds.append(matrix_gflops())
    medians = {name: statistics.median(values) for name, values in times.items()}
    found, speed = parts(exact), statistics.median(speeds)
    gflop = sum(part.get("gflop", 0.0) for part in found.values()) * exact.steps_per_epoch()
    return {
        "ratio_exact": medians["plain"] / medians["exact"],
        "ratio_bf16": medians["plain"] / medians["bf16"],
        "ratio_floor": medians["exact"] / (gflop / speed),
        "ratio_two_threads": two_threads(epochs["exact"], repeats),
        "seconds": medians,
        "matrix_gflop_per_second": speed,
        "parts": found,
        "times": times,
    }


def two_threads(epoch: Callable[[], object], repeats: int) -> float | None:
    """One thread's time over two threads', alternating; None on a single core."""
    if (os.cpu_count() or 1) < 2:
        return None
    before, times = torch.get_num_threads(), {1: [], 2: []}
    for _ in range(repeats):
        for threads, taken in times.items():
            torch.set_num_threads(threads)
            taken.append(seconds(epoch))
    torch.set_num_threads(before)
    return statistics.median(times[1]) / statistics.median(times[2])


def tracking(task: StoryTask, stories: Stories, folder: Path) -> dict[str, float]:
    """Milliseconds that an epoch's metrics, pictures and table cost, and what a checkpoint does, each
    done alone; in a run they are done beside the training.
    """
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    run = MlflowRun.start("benchmark", {})
    optimizer, state = make_optimizer(task), LoopState(epoch=1)
    metrics = {f"train/{name}": 1.0 for name in LOSS_NAMES} | task.validate()
    state.history.append(metrics)
    steps = itertools.count(1)
    after, checkpoints = EpochRecords(task, stories, run).after, Checkpoints(run, folder)

    def epoch() -> None:
        after(state)()
        run.log_metrics(metrics, step=next(steps))
        run.delivery.flush(patience=60)

    def checkpoint() -> None:
        checkpoints.keep(snapshot(task.module, optimizer, state, {}), is_best=True)
        checkpoints.write()
        run.delivery.flush(patience=60)

    found = {"milliseconds_per_epoch": 1000 * seconds(epoch, 7), "checkpoint": 1000 * seconds(checkpoint, 7)}
    mlflow.set_tracking_uri(None)
    return found


def report(found: dict) -> str:
    """The result as two tables and what follows from them."""
    ratios = {"plain": 1.0, "exact": found["ratio_exact"], "bf16": found["ratio_bf16"]}
    epochs = [(n, 100 * s / found["stories"], ratios[n]) for n, s in found["seconds"].items()]
    rows = [
        (name, p["milliseconds"], p.get("gflop"), p.get("gflop_per_second"))
        for name, p in found["parts"].items()
        if "milliseconds" in p
    ]
    tracked, two = found["parts"]["tracking"], found["ratio_two_threads"]
    return "\n\n".join(
        [
            f"{found['arm']}, {found['stories']} stories, torch threads: {found['threads']}",
            tabulate(epochs, headers=("epoch", "s per 100 stories", "times as fast"), floatfmt=".2f"),
            tabulate(rows, headers=("part of a step", "ms", "GFLOP", "GFLOP/s"), floatfmt=".2f"),
            f"a matrix product reaches {found['matrix_gflop_per_second']:.0f} GFLOP/s; our epoch takes "
            f"{found['ratio_floor']:.2f} times what its arithmetic would take at that speed",
            f"preparing took {found['prepare_milliseconds_per_story']:.1f} ms per story; with it, five "
            f"epochs are {found['ratio_five_epochs']:.1f} times as fast",
            f"tracking: {tracked['milliseconds_per_epoch']:.0f} ms per epoch, "
            f"{tracked['checkpoint']:.0f} ms per checkpoint",
            f"two threads are {two:.2f} times as fast as one" if two else "only one core here",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--stories", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--visual", choices=("basecase", "resnet"), default="basecase")
    parser.add_argument("--latent_dim", type=int, default=16)
    parser.add_argument("--json", type=Path, help="file for all figures")
    options = parser.parse_args()
    if options.stories < FEWEST_STORIES:
        parser.error(f"--stories {options.stories}: give at least {FEWEST_STORIES}")
    found = measure(options)
    print(report(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
