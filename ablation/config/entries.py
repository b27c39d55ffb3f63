"""The entry points: their names, what they do, and the settings each takes."""

import re
from dataclasses import dataclass, field
from typing import Any

from ablation.config.config import Config
from ablation.config.declare import Conflict, Settings, key, keys_of, nearest
from ablation.config.metrics import MEASURES
from ablation.config.recipes import RECIPES
from ablation.errors import shown

RUN_ID = re.compile(r"[0-9a-f]{32}")
RAY_KEYS = ("address", "gpus", "cpus")
"""What only a cluster's tasks take."""
ALSO_HELP = "more measures to read the study on, separated by commas: explored, never judged; none reads those that it declares"


def measures_named(also: str | None) -> list[str]:
    """Those that the key `also` names, each once."""
    return list(dict.fromkeys(name.strip() for name in (also or "").split(",") if name.strip()))


def _unknown_measures(also: str | None) -> list[Conflict]:
    known = ", ".join(MEASURES)
    return [
        (("also",), f"also: unknown measure {shown(name)}{nearest(name, MEASURES) or f'; there are {known}'}")
        for name in measures_named(also)
        if name not in MEASURES
    ]


def _experiment_of_a_run(study: str | None, experiment: str | None) -> list[Conflict]:
    """A run is found by its id, wherever it is."""
    if experiment is None or not RUN_ID.fullmatch(study or ""):
        return []
    told = f"experiment={shown(experiment)} is not needed beside the run {study}: leave it out"
    return [(("study", "experiment"), told)]


@dataclass(frozen=True)
class SummaryOptions(Settings):
    """What `summary` reads and writes."""

    study: str | None = key(
        None, "name, file or parent run id of a study to judge; none sums up every single configuration"
    )
    experiment: str | None = key(None, "name of the experiment to read; none reads all of them")
    out: str = key("results", "folder that the tables are written to")
    format: str = key(
        "csv",
        "csv alone, or with a Markdown or LaTeX copy of the table",
        choices=("csv", "markdown", "latex"),
    )
    figures: bool = key(False, "also draw a study: figures/ with each picture as PNG, SVG and PDF")
    also: str | None = key(None, ALSO_HELP)

    def conflicts(self) -> list[Conflict]:
        """Single configurations have no figures, and all their measures as they are."""
        found = _unknown_measures(self.also)
        if self.figures and self.study is None:
            found.append((("figures", "study"), "figures=true draws a study: name one with study"))
        if self.also and self.study is None:
            found.append((("also", "study"), f"also={shown(self.also)} reads a study: name one with study"))
        return found + _experiment_of_a_run(self.study, self.experiment)


@dataclass(frozen=True)
class ReportOptions(Settings):
    """What `report` reads and writes."""

    study: str = key("published", "name, file or parent run id of the study to report on")
    experiment: str | None = key(None, "name of the experiment to read; none reads all of them")
    out: str = key("results", "folder that report.html and figures/ are written to")
    also: str | None = key(None, ALSO_HELP)

    def conflicts(self) -> list[Conflict]:
        """What `also` names must be measures."""
        return _unknown_measures(self.also) + _experiment_of_a_run(self.study, self.experiment)


def _nothing_to_resume(command: str, resume: str | None) -> list[Conflict]:
    told = f"resume={shown(resume)} has no place in {command}, which goes on by itself: leave it out"
    return [(("resume",), told)] if resume else []


@dataclass(frozen=True)
class PrepareOptions(Config):
    """A configuration, of which the keys that touch the data matter."""

    export: str | None = key(
        None,
        "folder to write the embedded world to, as parquet in the StoryReasoning schema",
        identity=False,
    )

    def conflicts(self) -> list[Conflict]:
        """Other data sets are parquet already; the world is written whole."""
        found = super().conflicts()
        if self.export and self.dataset != "storyworld":
            told = f"export={shown(self.export)} writes only dataset=storyworld, not {shown(self.dataset)}"
            found.append((("export", "dataset"), told))
        if self.export and self.max_stories:
            told = (
                f"export={shown(self.export)} writes the whole world, whatever max_stories={self.max_stories} is: leave "
                "max_stories out; world_stories sets how large the world is"
            )
            found.append((("export", "max_stories"), told))
        return found + _nothing_to_resume("prepare", self.resume)


@dataclass(frozen=True)
class PretrainOptions(Config):
    """A configuration and which of its autoencoders to train."""

    part: str = key("text", "which autoencoder", choices=("text", "visual"), identity=False)

    def conflicts(self) -> list[Conflict]:
        """An unfinished one goes on by itself."""
        return super().conflicts() + _nothing_to_resume("pretrain", self.resume)


@dataclass(frozen=True)
class PlanOptions(Settings):
    """A study and its size. `overrides` are configuration keys that go into every arm, as texts."""

    study: str = key("published", "a study that comes with the package, or the path of one's own file")
    seeds: int = key(5, "runs of every arm, with the seeds 0, 1, …", low=1, high=1000)
    jobs: int = key(1, "processes at once, the threads divided among them", low=1, high=1024)
    overrides: dict[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class StudyOptions(PlanOptions):
    """How a study is run."""

    engine: str = key("local", "processes of this machine, or a Ray cluster", choices=("local", "ray"))
    address: str | None = key(
        None, "of the Ray cluster, such as auto or ray://head:10001; none starts one on this machine"
    )
    gpus: float = key(0.0, "GPUs of each run under engine=ray; a fraction shares one", low=0, high=64)
    cpus: int = key(1, "CPU cores of each run under engine=ray", low=1, high=1024)
    only: str | None = key(None, "run only this part: an arm, or an arm and a seed such as ResNet32/3")

    def conflicts(self) -> list[Conflict]:
        """What is said of a cluster's tasks needs a cluster."""
        if self.engine == "ray":
            return []
        declared = keys_of(type(self))
        said = [name for name in RAY_KEYS if getattr(self, name) != declared[name].default]
        return [
            (
                (name, "engine"),
                f"{name}={shown(getattr(self, name))} is of engine=ray only, and engine is local: give both or neither",
            )
            for name in said
        ]


@dataclass(frozen=True)
class DeliverOptions(Settings):
    """What `deliver` looks for."""

    run: str | None = key(None, "id of the run to deliver; none delivers all that wait on this machine")


MODEL_HELP = (
    "a run id, models:/NAME@ALIAS, models:/ID or a folder with a model; none takes the newest finished run's"
)


@dataclass(frozen=True)
class PredictOptions(Settings):
    """What `predict` reads and writes."""

    model: str | None = key(None, MODEL_HELP)
    input: str | None = key(
        None,
        "folder with 1.jpg … 4.jpg (or .png …) and 1.txt … 4.txt, or texts.txt with four lines; or a folder of such "
        "folders; none takes an example",
    )
    out: str = key(
        "prediction", "folder that the fifth frame, its description and a picture of all are written to"
    )


@dataclass(frozen=True)
class TryOptions(Settings):
    """Which model a page is for."""

    model: str | None = key(None, MODEL_HELP)
    port: int = key(7860, "of the page, on this machine only; 0 takes a free one", low=0, high=65_535)


@dataclass(frozen=True)
class EntryPoint:
    """One command; `listed` keys stand in MLproject with their defaults, `module` in ablation/commands.
    Where `takes_overrides`, keys of a configuration are accepted too.
    """

    name: str
    settings: type
    help: str
    listed: tuple[str, ...]
    module: str
    in_mlproject: bool = True
    takes_overrides: bool = False
    recipe: str = "notebook"

    @property
    def defaults(self) -> dict[str, Any]:
        """Of every key, under the entry's recipe."""
        declared = {name: key.default for name, key in keys_of(self.settings).items()}
        return declared | (RECIPES[self.recipe] | {"recipe": self.recipe} if self.takes_recipe else {})

    @property
    def takes_recipe(self) -> bool:
        """Whether its settings are a configuration's."""
        return issubclass(self.settings, Config)


TRAINING_KEYS = ("visual", "latent_dim", "epochs", "batch_size", "learning_rate", "seed", "dataset")
ENTRY_POINTS = {
    entry.name: entry
    for entry in (
        EntryPoint(
            "main",
            Config,
            "train ONE configuration of the original's recipe, as one MLflow run",
            TRAINING_KEYS,
            "train",
        ),
        EntryPoint(
            "cured",
            Config,
            "train ONE configuration of the recipe that learns, as one MLflow run",
            TRAINING_KEYS,
            "train",
            recipe="cured",
        ),
        EntryPoint(
            "study",
            StudyOptions,
            "run every arm of a study file × seeds, as child runs of one parent run, and judge them",
            ("study", "seeds", "jobs", "engine", "address"),
            "study",
            takes_overrides=True,
        ),
        EntryPoint(
            "plan",
            PlanOptions,
            "show the cells of a study, what they cost and what so many seeds can tell; runs nothing",
            ("study", "seeds", "jobs"),
            "plan",
            takes_overrides=True,
        ),
        EntryPoint(
            "summary",
            SummaryOptions,
            "query the tracking server and write the tables of the results",
            ("study", "experiment", "out", "format"),
            "summary",
        ),
        EntryPoint(
            "report",
            ReportOptions,
            "write a study as one self-contained HTML page, with its figures as files",
            ("study", "experiment", "out"),
            "report",
        ),
        EntryPoint(
            "prepare",
            PrepareOptions,
            "download, check and cache a data set, and print its statistics",
            ("dataset", "export"),
            "prepare",
        ),
        EntryPoint(
            "pretrain",
            PretrainOptions,
            "train (or find) the text or the visual autoencoder that a configuration needs",
            ("part", "dataset", "seed"),
            "pretrain",
        ),
        EntryPoint(
            "predict",
            PredictOptions,
            "ask a trained model what follows four frames and their descriptions",
            ("model", "input", "out"),
            "predict",
        ),
        EntryPoint(
            "try",
            TryOptions,
            "serve a page on this machine on which a trained model can be asked",
            ("model", "port"),
            "try_page",
        ),
        EntryPoint(
            "deliver",
            DeliverOptions,
            "bring to the tracking server what runs could not tell it while it was away",
            ("run",),
            "deliver",
        ),
        EntryPoint(
            "train", Config, "the same as main or cured, chosen by --recipe", (), "train", in_mlproject=False
        ),
    )
}
RECIPE_ENTRIES = {"notebook": "main", "cured": "cured"}
