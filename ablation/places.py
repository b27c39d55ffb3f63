"""Where things lie on this machine between runs."""

import errno
import os
import shutil
import tempfile
from glob import escape
from os.path import expanduser
from pathlib import Path

from ablation.errors import LONGEST_PATH, AblationError, reason, shown

ANOTHER_PLACE = "ABLATION_CACHE names another place for prepared data, MLFLOW_TRACKING_URI one for runs"
CURES = {
    errno.ENOSPC: f". Make room there, then the same command goes on; {ANOTHER_PLACE}",
    errno.EDQUOT: f". Make room there, then the same command goes on; {ANOTHER_PLACE}",
    errno.EROFS: f". It is read-only; {ANOTHER_PLACE}",
    errno.EACCES: f". Give this user the right to write there; {ANOTHER_PLACE}",
    errno.EPERM: f". Give this user the right to write there; {ANOTHER_PLACE}",
}


def cache_folder() -> Path:
    """Where prepared things live: $ABLATION_CACHE, else the user's cache folder."""
    chosen = os.environ.get("ABLATION_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(base) / "visual-storytelling-ablation"


def runs_folder() -> Path:
    """Where runs keep what the tracker has not taken yet, and the checkpoints to go on from."""
    return cache_folder() / "runs"


def write_whole(file: Path, text: str, mode: int = 0o666) -> None:
    """A small file that is there whole or as it was before, whenever the process is killed or the power fails."""
    beside = file.with_name(f"{file.name}.partial")
    with open(beside, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, mode)) as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    os.replace(beside, file)


def put_in_place(made: Path, place: Path) -> None:
    """A file or folder that was made beside its place: there whole or not at all, also after a loss of power."""
    for part in (*made.rglob("*"), made):
        _have_on_disk(part)
    os.replace(made, place)
    _have_on_disk(place.parent)


def _have_on_disk(place: Path) -> None:
    opened = os.open(place, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def clear_unfinished(folder: Path) -> int:
    """Removes what killed makers of that folder left beside it, `.NAME-…`, for one who holds its lock: others are not
    at it. How many there were.
    """
    left = list(folder.parent.glob(f".{escape(folder.name)}-*"))
    for part in left:
        shutil.rmtree(part, ignore_errors=True)
    return len(left)


def writable_folder(out: str) -> Path:
    """The folder named by the setting `out`, made where it is missing. Raises AblationError where it cannot be made or
    takes no file.
    """
    folder, told = Path(expanduser(out)), f"out={shown(out, LONGEST_PATH)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AblationError(f"{told} cannot be a folder: {reason(error)}. Name another folder") from error
    try:
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise AblationError(f"{told} cannot be written to: {reason(error)}. Name another folder") from error


def refused(error: OSError) -> str:
    """What the operating system refused, where, and what to do: a full disk, a folder that cannot be written."""
    place = error.filename or f"{cache_folder()} or the place of the runs"
    return f"{place}: {error.strerror or error}{CURES.get(error.errno, '')}"
