"""Training on a GPU: `python -m benchmarks.gpu --stories 2841 --epochs 5 --json FILE`

ResNet128 at vocabulary 30522, frames and tokens on the device: seconds for the epochs after preparation, with
how busy the GPU was (where `nvidia-smi` tells), and milliseconds per part of a step. Exact, bf16, and bf16
with CUDA graphs.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from tabulate import tabulate

from ablation.commands.stories import load_stories
from ablation.commands.training import compile_visual
from ablation.config.config import Config
from ablation.console import Console
from ablation.train.loop import LoopState, make_optimizer, train_epoch
from ablation.train.story_task import StoryTask
from benchmarks.epoch import part_works, storyteller
from benchmarks.repeated import write_repeated

VARIANTS = {
    "exact": {},
    "bf16": {"precision": "bf16"},
    "bf16, compiled": {"precision": "bf16", "compile": True},
}


def synchronised(work: Callable[[], object]) -> float:
    """Seconds until the device has done the work."""
    torch.cuda.synchronize()
    torch.compiler.cudagraph_mark_step_begin()
    started = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - started


def measure(config: Config, stories, epochs: int, device: torch.device) -> dict:
    """Seconds for the epochs, after one that warms up, and the GPU's utilisation in per cent."""
    model = storyteller(config).to(device)
    task = StoryTask(config, model, stories.train, stories.validation, stories.vocabulary, device)
    if config.compile:
        compile_visual(model)
    optimizer = make_optimizer(task)
    first = synchronised(lambda: train_epoch(task, optimizer, LoopState(), lambda epoch, step: None))
    numbers = range(1, epochs + 1)
    taken, busy = watched(
        lambda: [
            train_epoch(task, optimizer, LoopState(number), lambda epoch, step: None) for number in numbers
        ]
    )
    return {
        "first_epoch_seconds": first,
        "seconds": taken,
        "utilisation_percent": busy,
        "parts": parts(task),
    }


def watched(work: Callable[[], object]) -> tuple[float, float | None]:
    """Seconds of the work, and how busy the GPU was in per cent; None where no `nvidia-smi` tells."""
    if not shutil.which("nvidia-smi"):
        return synchronised(work), None
    watching = subprocess.Popen(
        [
            "nvidia-smi",
            "-i",
            f"GPU-{torch.cuda.get_device_properties(0).uuid}",
            "--query-gpu=utilization.gpu",
            "--format=csv,noheader,nounits",
            "-lms",
            "200",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    taken = synchronised(work)
    watching.terminate()
    busy = [float(line) for line in watching.communicate()[0].split() if line.strip().isdigit()]
    return taken, statistics.mean(busy) if busy else None


def parts(task: StoryTask) -> dict[str, float]:
    """Milliseconds of a step's parts, each forward and backward in float32, and of a step as configured."""
    batch, _ = next(task.training_batches(1))
    works = part_works(task, batch) | {"step": lambda: task.losses(batch)["total_loss"].backward()}
    found = {}
    for name, work in works.items():
        work()
        found[name] = 1000 * statistics.median([synchronised(work) for _ in range(20)])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stories", type=int, default=2841, help="training stories")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--json", type=Path, help="file for all figures")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("this benchmark needs a GPU that torch can use; on a CPU run benchmarks.epoch")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ABLATION_CACHE"] = str(Path(folder) / "cache")
        data = write_repeated(Path(folder), round(options.stories / 0.8))
        config = Config(visual="resnet", latent_dim=128, dataset=str(data), device="cuda")
        stories = load_stories(config, Console())
        device = torch.device("cuda")
        found = {}
        for name, keys in VARIANTS.items():
            found[name] = measure(replace(config, **keys), stories, options.epochs, device)
            print(name, json.dumps(found[name]), flush=True)
    rows = [
        (name, f["first_epoch_seconds"], f["seconds"], f["utilisation_percent"], *f["parts"].values())
        for name, f in found.items()
    ]
    headers = ("", "first epoch, s", f"{options.epochs} epochs, s", "busy, %")
    named = [f"{part}, ms" for part in found["exact"]["parts"]]
    print(f"{torch.cuda.get_device_name()}, {len(stories.train)} training windows")
    print(tabulate(rows, headers=(*headers, *named), floatfmt=".2f"))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
