"""What running a study costs: `jobs=2` against `jobs=1`, and what is spent beside training.

`python -m benchmarks.study --seeds 1 --json FILE` runs the published study twice, each in a store and with the
cells of its own; the data and the autoencoders are made before the clock starts. Nothing else may run beside it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mlflow import MlflowClient

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Runs the study with one process and with two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--stories", type=int, default=400)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    warm(options)
    found = {jobs: measured(options, jobs) for jobs in (1, 2)}
    ratio = found[1]["seconds"] / found[2]["seconds"]
    print(f"jobs=1 {found[1]['seconds']:.1f} s, jobs=2 {found[2]['seconds']:.1f} s: {ratio:.2f} times")
    for jobs, values in found.items():
        print(
            f"jobs={jobs}: {values['training']:.1f} process-seconds in the training loop and its validation, "
            f"{values['overhead']:.1%} more in all else"
        )
    if options.json:
        options.json.write_text(json.dumps({"ratio": ratio, "jobs": found}, indent=1))


def warm(options: argparse.Namespace) -> None:
    """Makes the data and asks the oracles, which every later run finds in the cache."""
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seeds):
            run(folder, options, "study", "--seeds", seed + 1, "--only", f"Basecase/{seed}", may_fail=True)


def measured(options: argparse.Namespace, jobs: int) -> dict[str, float]:
    """Wall seconds of the command, the seconds of its cells' training loops, and the share of the rest."""
    with tempfile.TemporaryDirectory() as folder:
        pretrain(folder, options)
        started = time.perf_counter()
        run(folder, options, "study", "--seeds", options.seeds, "--jobs", jobs)
        seconds = time.perf_counter() - started
        training = sum(loop_seconds(folder))
    return {"seconds": seconds, "training": training, "overhead": seconds * jobs / training - 1}


def pretrain(folder: str, options: argparse.Namespace) -> None:
    """The autoencoders that cells share."""
    for seed in range(options.seeds):
        run(folder, options, "pretrain", "--part", "text", "--seed", seed)


def run(folder: str, options: argparse.Namespace, *words: object, may_fail: bool = False) -> None:
    """One command of the program in the folder."""
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "ablation", *map(str, words), "--world_stories", str(options.stories)]
    subprocess.run(command, cwd=folder, env=environment, check=not may_fail, stdout=subprocess.DEVNULL)


def loop_seconds(folder: str) -> list[float]:
    """Of every cell, the seconds of its epochs, validation included, as the loop itself timed them."""
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = client.search_runs(experiments, "tags.kind = 'train'", max_results=1000)
    return [
        sum(point.value for point in client.get_metric_history(run.info.run_id, "speed/epoch_seconds"))
        for run in runs
    ]


if __name__ == "__main__":
    main()
