"""Where things lie on this machine between runs."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Where prepared things live: $ABLATION_CACHE, else the user's cache folder."""
    chosen = os.environ.get("ABLATION_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(base) / "visual-storytelling-ablation"


def runs_folder() -> Path:
    """Where runs keep what the tracker has not taken yet, and the checkpoints to go on from."""
    return cache_folder() / "runs"


def write_whole(file: Path, text: str) -> None:
    """A small file that is there whole or as it was before, whenever the process is killed."""
    beside = file.with_name(f"{file.name}.partial")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, file)
