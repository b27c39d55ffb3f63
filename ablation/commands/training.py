"""What every training run does around the loop: checkpoints, metrics, progress, a way back in."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import torch

from ablation.commands.checkpoints import BEST, LAST, PLACE, Checkpoints
from ablation.commands.recorder import Recorder
from ablation.console import Console
from ablation.data.sources import cache_folder
from ablation.errors import AblationError, TrackingError
from ablation.memory import keep_freed_memory
from ablation.models.storyteller import Storyteller
from ablation.track.mlflow_run import MlflowRun
from ablation.track.query import download
from ablation.train.checkpoint import load_checkpoint, restore, snapshot
from ablation.train.loop import SELECTED_BY, LoopState, Task, fit, make_optimizer

Work = Callable[[], None]
AfterEpoch = Callable[[LoopState], Work]


def choose_device(device: str) -> torch.device:
    """`auto` is a GPU where there is one. Raises AblationError when the one asked for is missing."""
    if device == "cuda" and not torch.cuda.is_available():
        raise AblationError("device=cuda: torch finds no GPU here; give device=cpu or device=auto")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def require_compiler() -> None:
    """Raises AblationError without the C++ compiler that `compile_visual` takes."""
    compilers = [os.environ.get("CXX", ""), "g++", "clang++"]
    if not any(name and shutil.which(name) for name in compilers):
        raise AblationError(
            "compile=true needs a C++ compiler (g++ or clang++, or one named in CXX) and finds none: "
            "install one or leave compile=false"
        )


def compile_visual(module: Storyteller) -> None:
    """Compiles the visual networks in place; on a GPU their kernels are replayed as CUDA graphs."""
    for part in module.visual_parts:
        if next(part.parameters()).is_cuda:
            part.forward = _kept(torch.compile(part.forward, mode="reduce-overhead"))
        else:
            part.compile()


def _kept(replayed: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
    """What a graph made, copied: replayed again, it writes over the place that it wrote to before."""
    return lambda images: replayed(images).clone()


def train_task(
    task: Task,
    run: MlflowRun,
    identity: dict[str, str],
    console: Console,
    label: str,
    after_epoch: AfterEpoch = lambda state: lambda: None,
) -> LoopState:
    """Trains to the end, from the run's last checkpoint where it has one; leaves the best weights
    in `task.module`. What `after_epoch` returns is done beside the training of the next epoch.
    """
    keep_freed_memory()
    folder = run_folder(run)
    optimizer = make_optimizer(task)
    state = _starting_point(task, optimizer, run, folder, identity, console)
    tick = _bar(console, label, task)
    logged = run.logged_steps(SELECTED_BY)
    for epoch, metrics in enumerate(state.history, start=1):
        if epoch not in logged:  # killed between its checkpoint and its metrics
            run.log_metrics(metrics, step=epoch)

    checkpoints = Checkpoints(run, folder)
    with Recorder(console, last=checkpoints.write) as recorder:

        def record(state: LoopState, metrics: dict[str, float], is_best: bool) -> None:
            epoch, new = state.epoch, metrics if state.epoch not in logged else {}
            contents, more = snapshot(task.module, optimizer, state, identity), after_epoch(state)

            def write() -> None:
                checkpoints.keep(contents, is_best)
                if new:
                    run.log_metrics(new, step=epoch)
                more()

            recorder.submit(write)
            console.say(f"{label}: epoch {epoch} of {task.epochs}, {_losses(metrics)}")

        fit(task, optimizer, state, record, tick)
    console.close()
    restore(load_checkpoint(_local_copy(run, folder, BEST)), task.module)
    return state


def run_folder(run: MlflowRun) -> Path:
    """Where a run keeps its files until they are in the tracker."""
    folder = cache_folder() / "runs" / run.run_id
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def forget(run: MlflowRun) -> None:
    """Removes the local files of a finished run: the tracker has them."""
    shutil.rmtree(run_folder(run), ignore_errors=True)


def _starting_point(task, optimizer, run, folder, identity, console) -> LoopState:
    try:
        contents = load_checkpoint(_local_copy(run, folder, LAST))
    except TrackingError:
        return LoopState()
    differing = sorted(k for k, v in identity.items() if contents["identity"].get(k) != v)
    if differing:
        told = ", ".join(f"{k}={contents['identity'].get(k)} there, {identity[k]} here" for k in differing)
        raise TrackingError(f"run {run.run_id} cannot go on with another configuration: {told}")
    state = restore(contents, task.module, optimizer)
    console.say(f"going on after epoch {state.epoch} of {task.epochs}")
    return state


def _local_copy(run: MlflowRun, folder: Path, name: str) -> Path:
    """The file in the run's folder, fetched from the tracker when it is not there."""
    if not (folder / name).exists():
        found = download(run.run_id, f"{PLACE}/{name}", folder)
        shutil.move(found, folder / name)
    return folder / name


def _bar(console: Console, label: str, task: Task) -> Callable[[int, int], None]:
    steps = task.steps_per_epoch()

    def tick(epoch: int, step: int) -> None:
        console.progress(label, (epoch - 1) * steps + step, task.epochs * steps)

    return tick


def _losses(metrics: dict[str, float]) -> str:
    """The validation losses of an epoch beside the training ones; the total where it is a sum."""
    names = [name.removeprefix("train/") for name in metrics if name.startswith("train/")]
    names = names if len(names) > 2 else names[1:]
    told = (f"{n.removesuffix('_loss')} {metrics[f'train/{n}']:.4f}/{metrics[f'val/{n}']:.4f}" for n in names)
    return "train/val " + ", ".join(told)
