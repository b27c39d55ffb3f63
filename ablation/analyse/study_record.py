"""What a study declared, as its parent run holds it, and the run that fills each of its cells."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ablation.errors import TrackingError, reason

FINISHED, MISSING = "FINISHED", "missing"


@dataclass(frozen=True)
class StudyRecord:
    """What stands in a parent run's `study.json`: the declaration, resolved, and the state it ran in.

    `arms` hold name, changes and configuration, the baseline first; `cells` hold arm, seed, hash and the
    command that runs it; `stakes` hold delta, effect and reason by measure.
    """

    name: str
    question: str
    primary: str
    stakes: dict[str, dict[str, Any]]
    delta_hash: str
    arms: list[dict[str, Any]]
    cells: list[dict[str, Any]]
    command: str
    dataset: str
    data_hash: str
    code_hash: str
    code_commit: str
    code_dirty: str
    environment: str
    environment_hash: str
    published: dict[str, Any] | None = None

    @property
    def baseline(self) -> str:
        """The arm that the others are compared with."""
        return self.arms[0]["name"]

    @property
    def arm_names(self) -> list[str]:
        """The baseline first, then in the study's order."""
        return [arm["name"] for arm in self.arms]

    def arm(self, name: str) -> dict[str, Any]:
        """Name, changes and configuration of an arm, as texts."""
        return next(arm for arm in self.arms if arm["name"] == name)

    def to_json(self) -> str:
        """For the parent run."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "StudyRecord":
        """As the parent run holds it. Raises TrackingError when it is not what a study writes."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError, RecursionError) as error:
            raise TrackingError(
                f"the study's record is not one that this version wrote ({reason(error)}): run the study again"
            ) from error


@dataclass(frozen=True)
class Cell:
    """One arm with one seed, and its run; `state` is FINISHED, another status of MLflow, or missing."""

    arm: str
    seed: int
    command: str
    run: Any = None
    others: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        return self.run.status if self.run is not None else MISSING

    @property
    def finished(self) -> bool:
        return self.state == FINISHED

    @property
    def reason(self) -> str:
        """Why it is not finished, in one line."""
        if self.run is None:
            return "no run yet"
        told = self.run.tags.get("failure", "").splitlines()
        return told[0] if told else f"is {self.state}"


def cells_of(record: StudyRecord, runs: Sequence) -> list[Cell]:
    """Every declared cell with its run: the finished one (the newest of several), else the newest."""
    by_hash: dict[str, list] = {}
    for run in sorted(runs, key=lambda run: run.started):
        by_hash.setdefault(run.tags.get("cell_hash", ""), []).append(run)
    made = []
    for declared in record.cells:
        found = by_hash.get(declared["hash"], [])
        finished = [run for run in found if run.status == FINISHED]
        chosen = (finished or found or [None])[-1]
        others = [run.run_id for run in found if run is not chosen]
        made.append(Cell(declared["arm"], declared["seed"], declared["command"], chosen, others))
    return made


def code_of(cells: Sequence[Cell]) -> str:
    """The commits that the finished runs are from, each with a word where files had been changed."""
    changed = {"true": " with uncommitted changes"}
    tags = [cell.run.tags for cell in cells if cell.finished]
    told = {t.get("code_commit", "unknown")[:12] + changed.get(t.get("code_dirty"), "") for t in tags}
    return ", ".join(sorted(told)) or "no finished run"


def by_arm(record: StudyRecord, cells: Sequence[Cell]) -> dict[str, dict[int, Cell]]:
    """Arm to seed to cell."""
    table: dict[str, dict[int, Cell]] = {name: {} for name in record.arm_names}
    for cell in cells:
        table[cell.arm][cell.seed] = cell
    return table
