"""What every training run does around the loop: checkpoints, metrics, progress, a way back in."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch

from ablation.commands.checkpoints import BEST, Checkpoints, find_checkpoint, starting_point
from ablation.commands.recorder import Recorder
from ablation.console import Console
from ablation.errors import AblationError, NonFiniteLoss, TrackingError
from ablation.memory import keep_freed_memory
from ablation.models.storyteller import Storyteller
from ablation.track.mlflow_run import MlflowRun
from ablation.train.checkpoint import load_checkpoint, restore, snapshot
from ablation.train.loop import LoopState, Task, fit, make_optimizer, require_finite

Work = Callable[[], None]
AfterEpoch = Callable[[LoopState], Work]


def choose_device(device: str) -> torch.device:
    """`auto` is a GPU where there is one. Raises AblationError when the one asked for is missing."""
    if device == "cuda" and not torch.cuda.is_available():
        raise AblationError("device=cuda: torch finds no GPU here; give device=cpu or device=auto")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def machine(device: torch.device) -> dict[str, str]:
    """Tags that tell what computes: `cpu` or the GPU's name, and the threads of this process."""
    name = f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type
    return {"device": name, "threads": str(torch.get_num_threads())}


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
        name = "logits" if hasattr(part, "logits") else "forward"  # a decoder is asked for either
        if next(part.parameters()).is_cuda:
            setattr(part, name, _kept(torch.compile(getattr(part, name), mode="reduce-overhead")))
        else:
            setattr(part, name, torch.compile(getattr(part, name)))


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
    once_more: Callable[[LoopState], None] = lambda state: None,
    restored: Work = lambda: None,
) -> LoopState:
    """Trains to the end, from the run's last checkpoint where it has one; leaves the best weights
    in `task.module`. What `after_epoch` returns is done beside the training of the next epoch; `once_more` is for the
    epoch whose end a run goes on from; `restored` follows weights that come from a checkpoint.
    """
    keep_freed_memory()
    run.set_tags(machine(next(task.module.parameters()).device))
    optimizer, contents = make_optimizer(task), starting_point(run, identity, console)
    state = restore(contents, task.module, optimizer) if contents else LoopState()
    if contents:
        restored()
        console.say(f"going on after {_reached(state)} of {task.epochs}")
    # of a run killed between its checkpoint and its metrics, or of the one that it continues
    for epoch, metrics in enumerate(state.history, start=1):
        run.log_metrics(metrics, step=epoch)
    if state.history and not state.under_way.step:
        once_more(state)
    checkpoints, bar = Checkpoints(run, run.folder), _bar(console, label, task)
    kept = _reached(state) if contents else ""
    with Recorder(console, last=checkpoints.write) as recorder:

        def keep(is_best: bool, more: Work = lambda: None) -> None:
            nonlocal kept
            kept = _reached(state)
            contents = snapshot(task.module, optimizer, state, identity)
            recorder.submit(lambda: (checkpoints.keep(contents, is_best), more()))

        def after_step(epoch: int, step: int) -> None:
            bar(epoch, step)
            if checkpoints.are_due and recorder.is_idle:
                require_finite(task.module, state)
                keep(is_best=False)

        def record(state: LoopState, metrics: dict[str, float], is_best: bool) -> None:
            epoch, more = state.epoch, after_epoch(state)
            keep(is_best, lambda: (run.log_metrics(metrics, step=epoch), more()))
            console.say(f"{label}: epoch {epoch} of {task.epochs}, {_losses(metrics)}")

        try:
            fit(task, optimizer, state, record, after_step)
        except NonFiniteLoss as error:
            raise error.keeping(kept) from None
        except (KeyboardInterrupt, TrackingError):
            with suppress(NonFiniteLoss):
                require_finite(task.module, state)
                checkpoints.keep(snapshot(task.module, optimizer, state, identity), state.is_at_its_best)
            raise
    console.close()
    restore(_best(run, state), task.module)
    return state


def _best(run: MlflowRun, state: LoopState) -> dict[str, Any]:
    """The checkpoint of the best epoch. Raises TrackingError where the file is of another: one that a call before left,
    which trained on otherwise.
    """
    contents = load_checkpoint(find_checkpoint(run, BEST))
    epoch = contents["state"].get("epoch")
    if epoch != state.best_epoch:
        raise TrackingError(
            f"run {run.run_id}: {BEST} is of epoch {epoch}, and epoch {state.best_epoch} is the best: the same command trains "
            "on from an earlier checkpoint, or anew where none is whole"
        )
    return contents


def _bar(console: Console, label: str, task: Task) -> Callable[[int, int], None]:
    steps = task.steps_per_epoch()

    def tick(epoch: int, step: int) -> None:
        console.progress(label, (epoch - 1) * steps + step, task.epochs * steps)

    return tick


def _reached(state: LoopState) -> str:
    step = state.under_way.step
    return f"step {step} of epoch {state.epoch + 1}" if step else f"epoch {state.epoch}"


def _losses(metrics: dict[str, float]) -> str:
    """The validation losses of an epoch beside the training ones; the total where it is a sum."""
    names = [name.removeprefix("train/") for name in metrics if name.startswith("train/")]
    names = names if len(names) > 2 else names[1:]
    told = (f"{n.removesuffix('_loss')} {metrics[f'train/{n}']:.4f}/{metrics[f'val/{n}']:.4f}" for n in names)
    return "train/val " + ", ".join(told)
