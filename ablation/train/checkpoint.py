"""Checkpoints: everything needed to go on, in a file that loads without running code."""

import copy
import io
import shutil
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ablation.errors import AblationError, reason, shown
from ablation.places import put_in_place, refused
from ablation.train.loop import LoopState

FORMAT = 2
CURE = "Remove it, or start a new run"
PARTS = ("identity", "module", "optimizer", "state")


def snapshot(
    module: nn.Module, optimizer: torch.optim.Optimizer, state: LoopState, identity: dict[str, str]
) -> dict[str, Any]:
    """The contents of a checkpoint, copied: training may go on while they are written."""
    contents = {
        "format": FORMAT,
        "identity": identity,
        "module": module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "state": state.as_dict(),
    }
    return copy.deepcopy(contents)


def save_checkpoint(file: Path, contents: dict[str, Any]) -> None:
    """Written beside `file` and moved over it, so a killed write leaves the old one whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary, packed = file.with_suffix(".partial"), io.BytesIO()
    torch.save(contents, packed)  # not to the file: of a full disk torch does not tell
    try:
        temporary.write_bytes(packed.getbuffer())
        put_in_place(temporary, file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        error.filename = error.filename or str(file)
        raise AblationError(f"a checkpoint cannot be written: {refused(error)}") from error


def copy_checkpoint(file: Path, to: Path) -> None:
    """As safe as saving it there."""
    temporary = to.with_suffix(".partial")
    shutil.copyfile(file, temporary)
    put_in_place(temporary, to)


def load_checkpoint(file: Path) -> dict[str, Any]:
    """The contents, on the CPU; code in the file is not run. Raises AblationError when it is not a whole checkpoint."""
    try:
        contents = torch.load(file, map_location="cpu", weights_only=True)
        found, whole = contents["format"], all(isinstance(contents[part], dict) for part in PARTS)
        _check_sums(file)
    except Exception as error:
        told = "it holds more than weights" if "Weights only" in str(error) else reason(error)
        raise AblationError(f"{file} is not a whole checkpoint: {told}. {CURE}") from error
    if found != FORMAT or not whole:
        raise AblationError(f"{file} has format {shown(found)}, not {FORMAT}, or lacks a part of it. {CURE}")
    return contents


def damage_told(error: AblationError) -> str:
    """What `load_checkpoint` raised, without the cure: for one who has a better one."""
    return str(error).removesuffix(f". {CURE}")


def _check_sums(file: Path) -> None:
    """torch does not look at them: a flipped bit would load. Raises ValueError."""
    with zipfile.ZipFile(file) as packed:
        damaged = packed.testzip()
    if damaged:
        raise ValueError(f"the bytes of {damaged} are not those that were written")


def restore(
    contents: dict[str, Any], module: nn.Module, optimizer: torch.optim.Optimizer | None = None
) -> LoopState:
    """Puts a checkpoint's contents back into module and optimiser; returns where training stood.

    Raises AblationError when they are another model's.
    """
    try:
        module.load_state_dict(contents["module"])
        if optimizer is not None:
            optimizer.load_state_dict(contents["optimizer"])
        return LoopState.from_dict(contents["state"])
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AblationError(
            f"the checkpoint cannot be put back into this model: {reason(error)}. {CURE}"
        ) from error
