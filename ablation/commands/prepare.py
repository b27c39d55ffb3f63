"""`prepare`: download or make, check and cache a data set, and print what is in it."""

import shutil
from pathlib import Path

from ablation.commands.stories import load_stories
from ablation.config.entries import PrepareOptions
from ablation.console import Console
from ablation.data.sources import embedded_world
from ablation.errors import AblationError
from ablation.track.mlflow_run import label_bystander


def run(options: PrepareOptions, console: Console) -> int:
    """The command `prepare`."""
    label_bystander(f"prepare {options.dataset}", "prepare")
    stories = load_stories(options, console)
    for name, count in stories.profile.items():
        console.say(f"  {name.replace('_', ' '):<20} {count:>8,}")
    console.say(f"  prepared in          {stories.store.folder}")
    if options.export:
        export(options, console)
    return 0


def export(options: PrepareOptions, console: Console) -> None:
    """Writes the embedded world as parquet. Raises AblationError when the folder is not free."""
    folder = Path(options.export).expanduser()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AblationError(f"export={folder} exists and is not an empty folder: name another")
    made = embedded_world(options.world_stories, console.progress)
    shutil.copytree(made, folder, dirs_exist_ok=True)
    console.say(f"  exported to          {folder}")
