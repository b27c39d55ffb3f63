"""Memory that runs out: one message with the cure, and a run that says so; tried with a real limit."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ablation import __main__
from ablation.errors import AblationError
from ablation.memory import telling_of_memory
from ablation.track.query import find_runs

ROOT = Path(__file__).parents[1]
CHILD = """
import resource, sys
from ablation.__main__ import main
from ablation.commands import train

train_task = train.train_task

def with_little_more(*words, **keys):
    with open("/proc/self/statm") as pages:
        used = int(pages.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 150 * 2**20, resource.RLIM_INFINITY))
    try:
        return train_task(*words, **keys)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

train.train_task = with_little_more
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried"
        ),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 99 bytes."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_each_way_of_running_out_is_told_with_the_cure(capsys, monkeypatch, error):
    def run(settings, console):
        raise error

    monkeypatch.setattr(__main__, "import_module", lambda name: SimpleNamespace(run=run))
    assert __main__.main(["main"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: memory ran out (") and "batch_size" in told and "the same command" in told


def test_another_error_stays_what_it_is():
    with pytest.raises(RuntimeError, match="shape") as caught, telling_of_memory():
        raise RuntimeError("a shape that does not fit")
    assert not isinstance(caught.value, AblationError)


@pytest.mark.faults
def test_a_run_whose_memory_ends_fails_with_the_reason(world, store):
    words = ["main", "--dataset", world, "--windows", "sliding", "--batch_size", 512, "--text_pretraining", 1]
    environment = {"MLFLOW_TRACKING_URI": f"sqlite:///{store}/mlflow.db", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, words)],
        cwd=store,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("error: memory ran out (")
    (failed,) = find_runs("train")
    assert failed.status == "FAILED" and failed.tags["failure"].startswith("memory ran out (")


def test_pretraining_whose_memory_ends_fails_with_the_reason(command, world, store, monkeypatch):
    def full(*words):
        raise MemoryError

    monkeypatch.setattr("ablation.commands.pretrain.train_task", full)
    assert command("pretrain", "--dataset", world, "--text_pretraining", 1)[0] == 1
    assert find_runs("pretrain")[0].tags["failure"].startswith("memory ran out (MemoryError)")
