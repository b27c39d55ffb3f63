"""The cells of a study before they run, and the commands that run them."""

import shlex
from dataclasses import dataclass

from ablation.config.config import Config
from ablation.config.declare import NONE_TEXT
from ablation.config.entries import StudyOptions
from ablation.config.study import Arm, Study
from ablation.data.store import named_folders
from ablation.errors import ConfigError
from ablation.track.code_state import cell_hash
from ablation.track.query import find_runs


@dataclass(frozen=True)
class Planned:
    """One cell before it runs; `run_id` is that of a finished run of it."""

    arm: Arm
    config: Config
    hash: str
    run_id: str | None = None

    @property
    def name(self) -> str:
        """Arm and seed."""
        return f"{self.arm.name}/{self.config.seed}"

    @property
    def run_name(self) -> str:
        """In the tracker: the arm as the study calls it, with `-s3` for seed 3."""
        return f"{self.arm.name}-s{self.config.seed}" if self.config.seed else self.arm.name


def planned_cells(study: Study, seeds: int, data_hash: str) -> list[Planned]:
    """Every cell with the finished run that it has, wherever that came from."""
    finished = {
        run.tags["cell_hash"]: run.run_id
        for run in find_runs(
            "train", extra=f"tags.data_hash = '{data_hash}' and attributes.status = 'FINISHED'"
        )
        if "cell_hash" in run.tags
    }
    cells = []
    for arm, config in study.cells(seeds):
        identity = cell_hash(config.hash(), data_hash, named_folders(config))
        cells.append(Planned(arm, config, identity, finished.get(identity)))
    return cells


def chosen_cells(cells: list[Planned], only: str | None) -> list[Planned]:
    """All, or those of an arm or of an arm and a seed. Raises ConfigError when there is no such one."""
    if only is None:
        return cells
    chosen = [cell for cell in cells if only in (cell.arm.name, cell.name)]
    if not chosen:
        names = ", ".join(dict.fromkeys(cell.arm.name for cell in cells))
        seeds = max(cell.config.seed for cell in cells)
        raise ConfigError([f"only={only} is no cell: the arms are {names}, with the seeds 0 to {seeds}"])
    return chosen


def study_command(options: StudyOptions, only: str | None = None) -> str:
    """The command line of a study, or of a part of it, whose share of the processes is then all."""
    texts, defaults = options.texts() | {"only": only or NONE_TEXT}, StudyOptions().texts()
    if only:
        texts["jobs"] = defaults["jobs"]
    changed = {n: t for n, t in texts.items() if n in ("study", "seeds") or t != defaults[n]}
    words = [word for name, text in (changed | options.overrides).items() for word in (f"--{name}", text)]
    return shlex.join(["python", "-m", "ablation", "study", *words])
