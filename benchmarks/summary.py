"""How long `summary` takes on a store of 1,000 runs: a study of 50 arms × 20 seeds, written by this program.

`python -m benchmarks.summary --runs 1000 --json FILE`; the numbers of the runs are drawn, their size is real.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from ablation.analyse.study_record import StudyRecord
from ablation.config.config import Config
from ablation.train.scores import StoryScores

ROOT = Path(__file__).parents[1]
SEEDS, EPOCHS, STORIES = 20, 5, 100
LOSSES = ("total_loss", "image_loss", "context_loss", "text_loss")
HEALTH = ("prediction_spread", "target_spread", "dead_units", "text_condition_gap", "image_condition_gap")
FLOORS = ("image_median", "image_copy_last", "image_best_of_4", "text_unigram", "image_oracle", "text_oracle")


def main() -> None:
    """Fills a store in a temporary folder and times the command on it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), options.runs)
        seconds = sorted(timed(Path(folder)) for _ in range(options.repeats))
    result = {"runs": options.runs, "seconds": seconds, "median": statistics.median(seconds)}
    print(
        f"summary of {options.runs} runs: {result['median']:.2f} s (median of {options.repeats}, {seconds})"
    )
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


def timed(folder: Path) -> float:
    """Seconds of one command, start of Python and imports included."""
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "ablation", "summary", "--study", "drawn", "--out", "tables"]
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def fill(folder: Path, runs: int) -> None:
    """A parent run and its children, each with the params, metrics, tags and scores of a real run."""
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.create_experiment("drawn", artifact_location=f"{folder}/artifacts")
    arms = {f"arm{number}": Config(fused_dim=16 + number) for number in range(-(-runs // SEEDS))}
    parent = client.create_run(experiment, run_name="study drawn").info.run_id
    client.log_batch(parent, tags=[RunTag("kind", "study"), RunTag("study", "drawn")])
    client.log_text(parent, record(arms).to_json(), "study.json")
    draws = np.random.default_rng(0)
    for arm, config in arms.items():
        for seed in range(SEEDS):
            fill_run(client, experiment, parent, arm, replace(config, seed=seed), draws)


def record(arms: dict[str, Config]) -> StudyRecord:
    """The declaration of the drawn study."""
    cells = [
        {"arm": arm, "seed": seed, "hash": f"{arm}-{seed}", "run_id": None, "command": "none"}
        for arm in arms
        for seed in range(SEEDS)
    ]
    declared = [
        {"name": arm, "changes": {"fused_dim": str(config.fused_dim)}, "config": config.texts()}
        for arm, config in arms.items()
    ]
    stakes = {"test/image_loss": {"delta": 0.002, "effect": None, "reason": "drawn"}}
    state = dict.fromkeys(
        ("data_hash", "code_hash", "code_commit", "code_dirty", "environment", "environment_hash"), "drawn"
    )
    return StudyRecord(
        "drawn", "How long?", "test/image_loss", stakes, "h", declared, cells, "none", "storyworld", **state
    )


def fill_run(client: MlflowClient, experiment: str, parent: str, arm: str, config: Config, draws) -> None:
    """One finished training run."""
    run_id = client.create_run(experiment, run_name=config.run_name).info.run_id
    tags = {"kind": "train", "mlflow.parentRunId": parent, "cell_hash": f"{arm}-{config.seed}", "arm": arm}
    tags |= dict.fromkeys(("data_hash", "split_hash", "code_hash", "environment_hash"), "drawn")
    tags |= {"delta_hash": "h", "study": "drawn", "mlflow.note.content": "x" * 1500}
    metrics = [
        Metric(f"{split}/{name}", draws.random(), 1, epoch)
        for epoch in range(1, EPOCHS + 1)
        for split, names in (("train", LOSSES), ("val", LOSSES), ("health", HEALTH))
        for name in names
    ]
    once = {f"test/{name}": draws.random() for name in LOSSES}
    once |= {f"floor/{part}{name}": draws.random() for name in FLOORS for part in ("", "test_")}
    once |= {f"health/test_{name}": draws.random() for name in HEALTH}
    metrics += [Metric(name, value, 1, 1) for name, value in once.items()]
    params = [Param(name, text) for name, text in config.texts().items()]
    client.log_batch(run_id, metrics, params, [RunTag(name, text) for name, text in tags.items()])
    scores = draws.random((4, STORIES))
    ids = [f"test-{number:05d}" for number in range(STORIES)]
    table = StoryScores(ids, np.ones(STORIES, int), *scores[:3], (50 * scores[3]).astype(int) + 40)
    client.log_text(run_id, table.csv(), "scores/test.csv")
    client.set_terminated(run_id)


if __name__ == "__main__":
    main()
