"""Whether a folder, or a part of the code, is the same as before."""

import hashlib
from functools import lru_cache
from os.path import isdir
from pathlib import Path


def folder_digest(place: str) -> str | None:
    """Sixteen hexadecimal digits of the names and bytes of a folder's files, those of its own folders left out; None
    where there is no such folder.
    """
    if not isdir(place):
        return None
    files = sorted(file for file in Path(place).iterdir() if file.is_file())
    return _digest_of(tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for file in files))


@lru_cache
def _digest_of(stamped: tuple[tuple[Path, int, int], ...]) -> str:
    """Computed anew where a size or a time has changed: weights have gigabytes."""
    total = hashlib.blake2b(digest_size=8)
    for file, _, _ in stamped:
        total.update(f"{file.name} {file_digest(file)}\n".encode())
    return total.hexdigest()


def code_digest(*places: Path) -> str:
    """Twelve hexadecimal digits of Python files, of a folder those in it: for what is kept on disk of what they compute."""
    total = hashlib.sha256()
    for place in places:
        for module in sorted(place.glob("*.py")) if place.is_dir() else [place]:
            total.update(module.read_bytes())
    return total.hexdigest()[:12]


def file_digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "blake2b").hexdigest()
