"""Which runs compare: an arm's with the baseline's of the same seed, and on which measures."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ablation.analyse.study_record import Cell, StudyRecord
from ablation.config.config import Config
from ablation.config.declare import keys_of
from ablation.config.metrics import Measure

SAME_TAGS = {
    "data_hash": "other data",
    "split_hash": "other stories or windows to validate and test on",
    "code_hash": "other code",
    "environment_hash": "other package versions",
}


@dataclass
class Pairs:
    """Seeds whose runs pair, and why the others do not."""

    seeds: list[int] = field(default_factory=list)
    dropped: dict[int, str] = field(default_factory=dict)

    def drop(self, reasons: Mapping[int, str]) -> None:
        """Those of the pairs that have one."""
        self.dropped |= {seed: why for seed, why in reasons.items() if seed in self.seeds}
        self.seeds = [seed for seed in self.seeds if seed not in self.dropped]

    @property
    def told(self) -> str:
        """The dropped seeds in words, those with the same reason together."""
        seeds: dict[str, list[str]] = {}
        for seed, why in sorted(self.dropped.items()):
            seeds.setdefault(why, []).append(str(seed))
        return "; ".join(f"seed{'s' * (len(of) > 1)} {', '.join(of)}: {why}" for why, of in seeds.items())


def pair(record: StudyRecord, arm: dict[int, Cell], baseline: dict[int, Cell]) -> Pairs:
    """Of one arm. What is not finished does not pair, which the list of missing cells tells."""
    pairs = Pairs()
    for seed in sorted(arm.keys() & baseline.keys()):
        ours, theirs = arm[seed], baseline[seed]
        if not (ours.finished and theirs.finished):
            continue
        why = mismatch(ours.run, theirs.run, declared_keys(record, ours.arm, theirs.arm))
        if why:
            pairs.dropped[seed] = why
        else:
            pairs.seeds.append(seed)
    return pairs


def declared_keys(record: StudyRecord, arm: str, baseline: str) -> set[str]:
    """The keys that two arms differ in by declaration, whichever of the two names them, or a recipe."""
    ours, theirs = (record.arm(name)["config"] for name in (arm, baseline))
    return {name for name in ours if ours[name] != theirs.get(name)}


def mismatch(ours, theirs, declared: Collection[str]) -> str:
    """Why two runs do not pair; empty when they do. They may differ in the keys `declared` only."""
    for tag, words in SAME_TAGS.items():
        if ours.tags.get(tag) != theirs.tags.get(tag):
            return f"{words} ({tag} {ours.tags.get(tag)} and {theirs.tags.get(tag)})"
    for name, key in keys_of(Config).items():
        values = _param(ours, name), _param(theirs, name)
        if key.identity and name not in declared and values[0] != values[1]:
            return f"{name} is {values[0]} and {values[1]}, which the arm does not declare"
    return ""


def _param(run, name: str) -> str | None:
    """As it works: `scored_windows=same` are those of `windows`."""
    value = run.params.get(name)
    return run.params.get("windows") if (name, value) == ("scored_windows", "same") else value


def other_yardstick(measure: Measure, ours, theirs) -> str:
    """What gives two runs another scale on a measure, in words; empty when they share it."""
    differing = []
    for name in measure.yardstick:
        values = [run.params.get(name, run.tags.get(name)) for run in (ours, theirs)]
        if values[0] != values[1]:
            differing.append(f"{name} {values[0]} and {values[1]}")
    return ", ".join(differing)
