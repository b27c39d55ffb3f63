"""Stories in folders: pictures 1 to 4, and texts 1 to 4 beside them or in the lines of one file."""

from pathlib import Path

from ablation.data.batches import INPUTS
from ablation.errors import LONGEST_PATH, AblationError, shown
from ablation.predict.story import MOST_CHARACTERS, InputError, Story, read_stories

TEXTS = "texts.txt"
NUMBERS = [str(number) for number in range(1, INPUTS + 1)]
NAMES = f"1.jpg … {INPUTS}.jpg and 1.txt … {INPUTS}.txt (or {TEXTS} with {INPUTS} lines)"


def read_story_folders(folder: Path, answers: Path | None = None) -> dict[str, Story]:
    """By name, the story of the folder, or those of the folders in it but hidden ones and `answers`, which is written to.
    Raises AblationError with every problem.
    """
    if not folder.is_dir():
        raise AblationError(f"{shown(str(folder), LONGEST_PATH)} is not a folder: give one with {NAMES}")
    inner = sorted(place for place in folder.iterdir() if place.is_dir() and not place.name.startswith("."))
    inner = [place for place in inner if answers is None or place.resolve() != answers.resolve()]
    places = [folder.resolve()] if _pictures(folder) else inner
    if not places:
        raise AblationError(f"{folder} holds no story: put in {NAMES}, or one folder for each story")
    rows, problems = {}, []
    for place in places:
        try:
            rows[place.name] = (_four(place, _pictures(place)), _texts(place))
        except InputError as error:
            problems += error.problems
    try:
        stories = read_stories(rows)
    except InputError as error:
        raise InputError(problems + error.problems) from None
    if problems:
        raise InputError(problems)
    return dict(zip(rows, stories, strict=True))


def _pictures(place: Path) -> list[Path]:
    return [
        file
        for file in place.iterdir()
        if file.stem in NUMBERS and file.suffix.lower() not in ("", ".txt") and file.is_file()
    ]


def _four(place: Path, files: list[Path]) -> list[Path]:
    """One for each number. Raises InputError where one is missing or there are two."""
    found = {number: sorted(file for file in files if file.stem == number) for number in NUMBERS}
    problems = [
        f"{place.name}: picture {number} is missing: name it {number}.jpg (or .png, .webp …)"
        if not some
        else f"{place.name}: {' and '.join(file.name for file in some)} are both picture {number}: keep one"
        for number, some in found.items()
        if len(some) != 1
    ]
    if problems:
        raise InputError(problems)
    return [file for (file,) in found.values()]


def _texts(place: Path) -> list[str]:
    """Raises InputError where they are not four."""
    together = place / TEXTS
    if together.is_file():
        lines = [line for line in _read(together).splitlines() if line.strip()]
        if len(lines) != INPUTS:
            told = f"{place.name}: {TEXTS} has {len(lines)} lines with words: give {INPUTS}, one for each picture"
            raise InputError([told])
        return lines
    missing = [f"{number}.txt" for number in NUMBERS if not (place / f"{number}.txt").is_file()]
    if missing:
        told = f"{place.name}: {', '.join(missing)} missing: write each frame's description there, or all in {TEXTS}"
        raise InputError([told])
    return [_read(place / f"{number}.txt") for number in NUMBERS]


def _read(file: Path) -> str:
    """Raises InputError where it is no text of a few thousand characters."""
    try:
        if file.stat().st_size > 4 * INPUTS * MOST_CHARACTERS:
            raise InputError(
                [f"{file}: its {file.stat().st_size:,} bytes are more than a description: shorten it"]
            )
        return file.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise InputError([f"{file}: byte {error.start} is not UTF-8: save it as UTF-8"]) from error
    except OSError as error:
        raise InputError([f"{file}: {error.strerror}: make it readable"]) from error
