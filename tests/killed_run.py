"""A command line in a process of its own that can be killed; everything it needs is imported before it starts."""

import multiprocessing
import os
import random
import signal
import sys
import time
from pathlib import Path

import mlflow
import torch

import ablation.commands.study  # noqa: F401
from ablation.__main__ import main
from ablation.commands import checkpoints

SERVER = multiprocessing.get_context("forkserver")


def serve(words: list[str], folder: Path, environment: dict[str, str], often: bool) -> None:
    """The life of the process: one command, in that folder; with `often`, checkpoints as fast as they can be written."""
    os.environ.update(environment)
    os.chdir(folder)
    torch.set_num_threads(1)
    if often:
        checkpoints.SECONDS_BETWEEN, checkpoints.SHARE = 0, 1.0
    sys.stdout = sys.stderr = (folder / "told.txt").open("a", buffering=1)
    mlflow.set_tracking_uri(environment["MLFLOW_TRACKING_URI"])
    sys.exit(main(words))


class KilledRun:
    """One command, tried again in the same folder until it is let through."""

    def __init__(self, folder: Path, words: list[object], often: bool = True, **environment: str):
        store = {
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
            "ABLATION_CACHE": str(folder / "cache"),
        }
        self.folder, self.words, self.often = folder, [str(word) for word in words], often
        self.environment = store | environment
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> multiprocessing.Process:
        SERVER.set_forkserver_preload(["tests.killed_run"])
        process = SERVER.Process(target=serve, args=(self.words, self.folder, self.environment, self.often))
        process.start()
        return process

    def whole(self, within: float = 300) -> tuple[int, float]:
        """Exit code and seconds, undisturbed."""
        began, process = time.monotonic(), self.start()
        process.join(within)
        return process.exitcode, time.monotonic() - began

    def killed(self, after: float, how: signal.Signals = signal.SIGKILL) -> tuple[int, float]:
        """Exit code, and the seconds that the process still took after the signal."""
        process = self.start()
        process.join(after)
        if process.is_alive():
            os.kill(process.pid, how)
        began = time.monotonic()
        process.join(60)
        return process.exitcode, time.monotonic() - began

    def told(self) -> str:
        """All that it has said, over all tries."""
        file = self.folder / "told.txt"
        return file.read_text() if file.exists() else ""

    def last_line(self) -> str:
        """What it said last."""
        return (self.told().strip().splitlines() or [""])[-1]


def moments(seed: int, whole: float, count: int) -> list[float]:
    """Seconds after the start, anywhere within an undisturbed run."""
    draws = random.Random(seed)
    return [draws.uniform(0, whole) for _ in range(count)]
