"""Whether a prepared store is whole, and whether a folder is the same as before."""

import hashlib
import json
from functools import lru_cache
from os.path import isdir
from pathlib import Path

from ablation.data.sources import SPLITS

Stamp = tuple[int, int, str]
"""Of a file: bytes, time of the last change in ns, digest."""
MANIFEST = {"made_from", "data_hash", "tokenizer_hash", "vocabulary", "files"}
FILES = {f"{split}{kind}" for split in SPLITS for kind in (".json", ".frames.u8", ".tokens.i32")}
"""That every store has, beside its tokenizer."""


def stamps(folder: Path) -> dict[str, Stamp]:
    """Of every file in a folder, by its place there; for the manifest."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): (p.stat().st_size, p.stat().st_mtime_ns, _digest(p)) for p in files}


def damage_of(folder: Path) -> str | None:
    """What is wrong with a store, None when nothing: every file is there, as long as it was, and
    where it was touched since, with the same bytes.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        files, missing = manifest["files"], MANIFEST - manifest.keys()
        if missing or not files.keys() >= FILES:
            return "since its list of files is not whole"
        for name, (size, modified, digest) in files.items():
            now = (folder / name).stat()
            if now.st_size != size:
                return f"since {name} had {now.st_size:,} bytes instead of {size:,}"
            if now.st_mtime_ns != modified and _digest(folder / name) != digest:
                return f"since {name} had been changed"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"since its list of files could not be read ({type(error).__name__})"
    return None


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
        total.update(f"{file.name} {_digest(file)}\n".encode())
    return total.hexdigest()


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "blake2b").hexdigest()
