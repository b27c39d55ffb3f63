"""The page of a training or pretraining run in the MLflow UI, in Markdown. The first lines show without a click."""

import re
import shlex
import textwrap

from ablation.commands.outcome import diagnosis, outcome_table
from ablation.config.config import Config, recipe_texts
from ablation.config.entries import RECIPE_ENTRIES
from ablation.config.metrics import IMAGE, LOSSES, TEXT
from ablation.track.mlflow_run import MlflowRun
from ablation.track.views import run_page

LONGEST_LINE = 76
CELL_END = re.compile(r" +\|(?=.)")


def opening_note(config: Config) -> str:
    """What a run is, until it has an outcome."""
    return (
        f"**{config.run_name}**, seed {config.seed}: {config.epochs} epochs on `{config.dataset}`. Its losses will stand "
        f"here beside their floors once it is finished.\n\nRepeat it, or go on with it, with\n\n"
        f"{code_block(repeat_command(config))}\n"
    )


def outcome_note(config: Config, metrics: dict[str, float], best_epoch: int, tracked: MlflowRun) -> str:
    """What a run was, what it reached against its floors, and the command that repeats it."""
    pictures = run_page(tracked.experiment_id, tracked.run_id, "predictions")
    parts = [
        f"{diagnosis(metrics)} {against_floors(metrics)}",
        f"**{config.run_name}**, seed {config.seed}: {config.epochs} epochs on `{config.dataset}`, best validation total "
        f"in epoch {best_epoch}, from which the test losses come. What it predicts, epoch by epoch: "
        f"[pictures]({pictures}).",
        spaced_table(outcome_table(metrics, "github")),
        f"Repeat it with\n\n{code_block(repeat_command(config))}",
    ]
    return "\n\n".join(parts) + "\n"


def against_floors(metrics: dict[str, float]) -> str:
    """The test losses in percent of what a model that looks at nothing reaches, in a sentence."""
    told = []
    for part, loss in LOSSES.items():
        reached, trivial = metrics.get(f"test/{loss.name}"), metrics.get(f"floor/test_{loss.floor}")
        if reached is not None and trivial:
            share = 100 * (reached / trivial - 1)
            side = "above" if share >= 0 else "below"
            told.append(f"{part} {reached:.4f}, {abs(share):.1f} % {side} {loss.trivial} ({trivial:.4f})")
    return f"On test: {'; '.join(told)}." if told else ""


def pretraining_opening(part: str, config: Config) -> str:
    """What a pretraining run is, until it has an outcome."""
    return f"The {part} autoencoder on `{config.dataset}`, seed {config.seed}.\n\n{_pretraining_again(part, config)}"


def pretraining_note(
    part: str, config: Config, best: tuple[float, int], epochs: int, floor: dict[str, float]
) -> str:
    """What an autoencoder learned to do, and how well; `best` is the validation loss with its epoch."""
    text = {"copy": "copies descriptions", "language": "says each next word"}[config.text_task]
    (trivial,), (loss, epoch) = floor.values(), best
    whose = LOSSES[TEXT if part == "text" else IMAGE].trivial
    return (
        f"The {part} autoencoder {text if part == 'text' else 'reconstructs frames'}: validation loss {loss:.4f} in epoch "
        f"{epoch} of {epochs}, where {whose} reaches {trivial:.4f}.\n\nRuns with the same data (`{config.dataset}`), "
        f"tokenizer, split and keys start from it.\n\n{_pretraining_again(part, config)}"
    )


def _pretraining_again(part: str, config: Config) -> str:
    recipe = config.nearest_recipe
    named = [] if recipe == "notebook" else [f"--recipe {recipe}"]
    words = ["python -m ablation pretrain --part", part, *named, *_changed(config)]
    return f"Find it, or make it again, with\n\n{code_block(' '.join(words))}\n"


def spaced_table(text: str) -> str:
    """Markdown whose tables the MLflow UI, which sets cells side by side without a gap, shows with one."""
    return "\n".join(_spaced_row(line) for line in text.split("\n"))


def _spaced_row(line: str) -> str:
    return CELL_END.sub("&nbsp; |", line) if line.startswith("| ") else line


def code_block(command: str) -> str:
    """A command line in Markdown, in lines that leave the UI its other columns; an option stays with its value."""
    words = [shlex.quote(word).replace(" ", "\0") for word in shlex.split(command)]
    glued = re.sub(r"(--\w+) ", r"\1\0", " ".join(words))
    lines = textwrap.wrap(glued, LONGEST_LINE, break_long_words=False, break_on_hyphens=False)
    return textwrap.indent(" \\\n  ".join(lines).replace("\0", " "), "    ")


def repeat_command(config: Config) -> str:
    """The shortest `python -m ablation` command with the same configuration."""
    return " ".join(["python -m ablation", RECIPE_ENTRIES[config.nearest_recipe], *_changed(config)])


def _changed(config: Config) -> list[str]:
    """The keys off the nearest recipe, as words of a command line."""
    defaults = recipe_texts(config.nearest_recipe)
    return [
        f"--{name} {shlex.quote(text)}"
        for name, text in config.texts().items()
        if text != defaults.get(name, text) and name not in ("resume", "recipe", "part")
    ]
