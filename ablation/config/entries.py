"""The entry points: their names, what they do, and the settings each takes."""

from dataclasses import dataclass

from ablation.config.config import Config
from ablation.config.declare import Settings, key


@dataclass(frozen=True)
class SummaryOptions(Settings):
    """What `summary` reads and writes."""

    experiment: str | None = key(None, "name of the experiment to read; none reads all of them")
    out: str = key("results", "folder that the tables are written to")
    format: str = key(
        "csv",
        "csv alone, or with a Markdown or LaTeX copy of the table",
        choices=("csv", "markdown", "latex"),
    )


@dataclass(frozen=True)
class PrepareOptions(Config):
    """A configuration, of which the keys that touch the data matter."""

    export: str | None = key(
        None,
        "folder to write the embedded world to, as parquet in the StoryReasoning schema",
        identity=False,
    )

    def conflicts(self) -> list[str]:
        """Other data sets are parquet already."""
        problems = super().conflicts()
        if self.export and self.dataset != "storyworld":
            problems.append(f"export={self.export} writes only dataset=storyworld, not {self.dataset}")
        return problems


@dataclass(frozen=True)
class PretrainOptions(Config):
    """A configuration and which of its autoencoders to train."""

    part: str = key("text", "which autoencoder", choices=("text", "visual"), identity=False)


@dataclass(frozen=True)
class EntryPoint:
    """One command; `listed` keys stand in MLproject with their defaults, `module` in ablation/commands."""

    name: str
    settings: type
    help: str
    listed: tuple[str, ...]
    module: str
    in_mlproject: bool = True


ENTRY_POINTS = {
    entry.name: entry
    for entry in (
        EntryPoint(
            "main",
            Config,
            "train ONE configuration of the original's recipe, as one MLflow run",
            ("visual", "latent_dim", "epochs", "batch_size", "learning_rate", "seed", "dataset"),
            "train",
        ),
        EntryPoint(
            "summary",
            SummaryOptions,
            "query the tracking server and write the tables of the results",
            ("experiment", "out", "format"),
            "summary",
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
        EntryPoint("train", Config, "the same as main, with --recipe", (), "train", in_mlproject=False),
    )
}
RECIPE_ENTRIES = {"notebook": "main"}
