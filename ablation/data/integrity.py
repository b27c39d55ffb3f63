"""Whether a prepared store is whole."""

import json
from pathlib import Path

from ablation.data.folders import file_digest
from ablation.data.schema import SPLITS

Stamp = tuple[int, int, str]
"""Of a file: bytes, time of the last change in ns, digest."""
MANIFEST = {"made_from", "data_hash", "tokenizer_hash", "vocabulary", "files"}
FILES = {f"{split}{kind}" for split in SPLITS for kind in (".json", ".frames.u8", ".tokens.i32")}
"""That every store has, beside its tokenizer."""


def stamps(folder: Path) -> dict[str, Stamp]:
    """Of every file in a folder, by its place there; for the manifest."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {
        str(p.relative_to(folder)): (p.stat().st_size, p.stat().st_mtime_ns, file_digest(p)) for p in files
    }


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
            if now.st_mtime_ns != modified and file_digest(folder / name) != digest:
                return f"since {name} had been changed"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"since its list of files could not be read ({type(error).__name__})"
    return None
