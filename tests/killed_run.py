"""A command line in a process of its own that can be killed, at a phase of its work; everything it needs is imported
before it starts.
"""

import multiprocessing
import os
import random
import re
import signal
import socket
import sys
import time
from pathlib import Path

import mlflow
import torch

import ablation.commands.study  # noqa: F401
from ablation.__main__ import main
from ablation.commands import checkpoints, train, training
from ablation.track import delivery
from tests.servers import wait_until

SERVER = multiprocessing.get_context("forkserver")
PHASES = ("preparing", "pretraining", "training", "testing", "uploading")
HOST, BEATS = "HOST_OF_THIS_PROCESS", "SECONDS_BETWEEN_BEATS"
"""Variables of the environment: another host's name, as if the process ran there; the time between signs of life."""


def serve(words: list[str], folder: Path, environment: dict[str, str], often: bool) -> None:
    """The life of the process: one command, in that folder; with `often`, checkpoints as fast as they can be written,
    else at the end alone.
    """
    os.environ.update(environment)
    os.chdir(folder)
    torch.set_num_threads(1)
    note_phases(folder / "phases.txt")
    if HOST in environment:
        socket.gethostname = lambda: environment[HOST]
    if BEATS in environment:
        delivery.SECONDS_BETWEEN_BEATS = float(environment[BEATS])
    checkpoints.SECONDS_BETWEEN, checkpoints.SHARE = (0, 1.0) if often else (3600, 1.0)
    sys.stdout = sys.stderr = (folder / "told.txt").open("a", buffering=1)
    mlflow.set_tracking_uri(environment["MLFLOW_TRACKING_URI"])
    sys.exit(main(words))


def note_phases(file: Path) -> None:
    """Has each phase written down, with the time, as it begins."""

    def noting(place, name, phase):
        act = getattr(place, name)

        def noted(*words, **keys):
            with file.open("a") as opened:
                opened.write(f"{phase(*words)} {time.monotonic()}\n")
            return act(*words, **keys)

        setattr(place, name, noted)

    noting(train, "load_stories", lambda *_: "preparing")
    noting(training, "fit", lambda task, *_: "training" if hasattr(task, "predict") else "pretraining")
    noting(train, "_tested", lambda *_: "testing")
    noting(train, "log_storyteller", lambda *_: "uploading")


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

    def killed(
        self, phase: str, after: float, how: signal.Signals = signal.SIGKILL
    ) -> tuple[int, float, str]:
        """Stopped so many seconds after that phase, or a later one, has begun: exit code, the seconds that the process
        still took after the signal, and the phase that it hit.
        """
        before, process = len(self.phases()), self.start()
        reached = PHASES[PHASES.index(phase) :]
        wait_until(
            lambda: not process.is_alive() or any(p in reached for p, _ in self.phases()[before:]), 300
        )
        process.join(after)
        hit = self.phases()[-1][0] if len(self.phases()) > before else "starting"
        if process.is_alive():
            os.kill(process.pid, how)
        began = time.monotonic()
        process.join(60)
        return process.exitcode, time.monotonic() - began, hit

    def phases(self) -> list[tuple[str, float]]:
        """Each phase and when it began, over all tries."""
        file = self.folder / "phases.txt"
        lines = file.read_text().split("\n")[:-1] if file.exists() else []
        return [(phase, float(moment)) for phase, moment in map(str.split, lines)]

    def has_trained(self) -> bool:
        """Whether a checkpoint of its training lies on this machine."""
        ids = re.findall(r"^run: .*, id (\w+)", self.told(), re.MULTILINE)
        return any((self.folder / "cache" / "runs" / run_id / checkpoints.LAST).exists() for run_id in ids)

    def told(self) -> str:
        """All that it has said, over all tries."""
        file = self.folder / "told.txt"
        return file.read_text() if file.exists() else ""

    def last_line(self) -> str:
        """What it said last."""
        return (self.told().strip().splitlines() or [""])[-1]


def durations(phases: list[tuple[str, float]], ended: float) -> dict[str, float]:
    """Seconds of each phase of an undisturbed run."""
    ends = [moment for _, moment in phases[1:]] + [ended]
    found = dict.fromkeys(PHASES, 0.0)
    for (phase, began), end in zip(phases, ends, strict=True):
        found[phase] += end - began
    return found


def moments(row: int, seconds: dict[str, float]) -> list[tuple[str, float]]:
    """A moment in each phase, drawn by the number of the row, which also tells the phase that is the first."""
    draws, first = random.Random(row), PHASES[row % len(PHASES)]
    others = [phase for phase in PHASES if phase != first]
    draws.shuffle(others)
    return [(phase, draws.uniform(0, seconds[phase])) for phase in (first, *others)]
