"""The files of a data set's folder, looked for with care: it may be any folder."""

import os
from pathlib import Path

from ablation.errors import LONGEST_PATH, DataError, reason, shown

MOST_LOOKED_AT = 200_000
"""Files of a folder and all that is within, a second's work; a data set has a few hundred."""


def files_under(folder: Path, suffix: str) -> list[Path]:
    """Those with that ending, in order, links to folders not followed.

    Raises DataError where one is no file, where a folder cannot be read, or where too many lie there.
    """
    found, looked_at = [], 0
    for within, folders, names in os.walk(folder, onerror=_refuse):
        looked_at += len(folders) + len(names)
        if looked_at > MOST_LOOKED_AT:
            raise DataError(
                f"{folder} holds more than {MOST_LOOKED_AT:,} files: give the data set's own folder"
            )
        found += [Path(within, name) for name in folders + names if name.endswith(suffix)]
    for file in found:
        if not file.is_file():
            what = "a folder" if file.is_dir() else "a broken link" if file.is_symlink() else "no file"
            raise DataError(
                f"{shown(str(file), LONGEST_PATH)} is {what}, not a file of stories: move it elsewhere"
            )
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise DataError(
        f"{shown(str(error.filename), LONGEST_PATH)} cannot be looked into: {reason(error)}"
    ) from error
