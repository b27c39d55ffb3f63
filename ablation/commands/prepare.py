"""`prepare`: download or make, check and cache a data set, and print what it is like."""

import shutil
from dataclasses import replace
from os.path import expanduser
from pathlib import Path

from ablation.commands.notes import repeat_command
from ablation.commands.stories import load_stories
from ablation.config.entries import PrepareOptions
from ablation.console import Console
from ablation.data.sources import StorySource
from ablation.data.statistics import measure, table
from ablation.data.store import prepare
from ablation.errors import LONGEST_PATH, AblationError, DataError, reason, shown
from ablation.track.store import label_bystander


def run(options: PrepareOptions, console: Console) -> int:
    """The command `prepare`."""
    label_bystander(f"prepare {options.dataset}", "prepare")
    folder = free_folder(options.export) if options.export else None
    stories = load_stories(options, console)
    for name, count in stories.profile.items():
        console.say(f"  {name.replace('_', ' '):<20} {count:>8,}")
    console.say("\n" + statistics(options, stories.source, console))
    if folder:
        shutil.copytree(stories.source.location, folder, dirs_exist_ok=True)
        console.say(f"\nexported to {folder}: `datasets.load_dataset` reads it")
    console.say(f"\ntrain on it:  {repeat_command(options)}")
    return 0


def statistics(options: PrepareOptions, source: StorySource, console: Console) -> str:
    """The data set beside StoryReasoning: raw over all windows, equalised over the first ones."""
    options = replace(options, scored_windows="same")
    raw = prepare(replace(options, equalize=False, windows="sliding"), source, console.progress)
    equalised = None
    try:
        equalised = prepare(replace(options, equalize=True, windows="first"), source, console.progress)
    except DataError as error:
        console.say(f"data: nothing is told of equalised frames: {error}")
    console.close()
    return table(measure(source, raw, equalised, options.max_stories), source.name)


def free_folder(export: str) -> Path:
    """Made where it is missing. Raises AblationError when it holds something already, or cannot be made."""
    folder = Path(expanduser(export))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = any(folder.iterdir())
    except FileExistsError:
        taken = True
    except OSError as error:
        raise AblationError(
            f"export={shown(export, LONGEST_PATH)} cannot be a folder: {reason(error)}"
        ) from error
    if taken:
        raise AblationError(f"export={folder} exists and is not an empty folder: name another")
    return folder
