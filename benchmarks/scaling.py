"""What stories cost, from few to many: `python -m benchmarks.scaling --stories 400 1000 2000 4000 --json FILE`

Preparing on one core, and one epoch of the basecase at vocabulary 30522 on one thread, each per story: a
cost that grows linearly stays the same.
"""

import argparse
import json
import math
import os
import resource
import tempfile
from pathlib import Path

import torch
from tabulate import tabulate

from ablation.commands.stories import load_stories
from ablation.config.config import Config
from ablation.console import Console
from ablation.data.sources import open_source
from ablation.data.store import prepare
from benchmarks.epoch import cores, ours, seconds, story_task
from benchmarks.repeated import TEST_STORIES, write_repeated

MEGABYTE = 1024


def measure(stories: int, folder: Path) -> dict[str, float]:
    """Milliseconds per story and the largest resident memory so far."""
    os.environ["ABLATION_CACHE"] = tempfile.mkdtemp(dir=folder)  # nothing is found prepared
    data = write_repeated(folder, stories)
    config = Config(visual="basecase", dataset=str(data), device="cpu")
    source = open_source(config.dataset, stories)
    with cores(1):
        prepared = seconds(lambda: prepare(config, source))
    task = story_task(config, load_stories(config, Console()))
    trained = seconds(ours(task))
    return {
        "stories": stories,
        "prepare_milliseconds_per_story": 1000 * prepared / (stories + TEST_STORIES),
        "epoch_milliseconds_per_story": 1000 * trained / stories,
        "resident_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE,
    }


def exponent(rows: list[dict[str, float]], name: str) -> float:
    """Of the power law through the first and the last row: 1 is linear."""
    first, last = rows[0], rows[-1]
    done = [row["stories"] + TEST_STORIES * name.startswith("prepare") for row in (first, last)]
    return 1 + math.log(last[name] / first[name]) / math.log(done[1] / done[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stories", type=int, nargs="+", default=[400, 1000, 2000, 4000])
    parser.add_argument("--json", type=Path, help="file for all figures")
    options = parser.parse_args()
    if options.stories[0] == options.stories[-1]:
        parser.error(
            f"--stories {options.stories[0]} alone tells no growth: name two numbers of stories or more"
        )
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        measure(100, Path(folder))  # what is imported is imported now
        rows = [measure(stories, Path(folder)) for stories in options.stories]
    print(tabulate(rows, headers="keys", floatfmt=".1f"))
    names = ("prepare_milliseconds_per_story", "epoch_milliseconds_per_story")
    exponents = {name.split("_")[0]: exponent(rows, name) for name in names}
    print("\n".join(f"{name}: cost grows as stories^{value:.2f}" for name, value in exponents.items()))
    if options.json:
        options.json.write_text(json.dumps({"rows": rows, "exponents": exponents}, indent=1))


if __name__ == "__main__":
    main()
