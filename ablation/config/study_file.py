"""A study read from its YAML file; every problem is gathered before it raises, as for a configuration."""

import math
import os
from pathlib import Path
from typing import Any

from ablation.config.config import Config
from ablation.config.declare import keys_of, nearest, to_text, unknown
from ablation.config.factorial import beneath, combined
from ablation.config.metrics import MEASURES
from ablation.config.study import Arm, Published, Stake, Study
from ablation.config.yaml_text import LONGEST_TEXT, read_yaml
from ablation.errors import LONGEST_PATH, ConfigError, shown

SHIPPED = Path(__file__).parents[1] / "studies"
SECTIONS = (
    "name",
    "question",
    "primary",
    "metrics",
    "baseline",
    "arms",
    "factorial",
    "one_factor_in",
    "one_factor_out",
    "published",
)
FIXED = {
    "seed": "seeds are the study's, every arm runs on the same ones, and --seeds says how many",
    "resume": "unfinished runs go on by themselves",
    "device": "it is the machine's: give it on the command line",
    "dataset": "arms compare on the same stories: give it on the command line",
    "world_stories": "it changes the test stories too: give it on the command line",
    "max_stories": "it changes the test stories too: give it on the command line",
    "scored_windows": "which windows are scored is the study's choice: set it in the baseline",
}
LONGEST_NAME, MOST_ARMS, LONGEST_PROBLEM = 60, 1000, 500
LONGEST_COMBINED = 200
"""Of a name that a factorial gives, which lists what the arm changes; trackers take 250."""
ONLY, ALL, ALL_BUT = "only ", "all", "all but "
"""Names of the arms that one_factor_in and one_factor_out give."""


def shipped_studies() -> list[str]:
    """Names of the studies that come with the package."""
    return sorted(file.stem for file in SHIPPED.glob("*.yaml"))


def load_study(name: str, overrides: dict[str, str] | None = None) -> Study:
    """A shipped study by its name, or one's own by its path; `overrides` go into every arm.

    Raises ConfigError with every problem of the file and of the overrides.
    """
    told = f"study={shown(name, LONGEST_PATH)}"
    try:
        text = _start_of(_file_of(name))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{told} cannot be read as text (UTF-8): {error}"]) from error
    try:
        content = read_yaml(text)
    except ValueError as error:
        raise ConfigError([f"{told} is not YAML that can be taken: {error}"]) from error
    return _Reader(name, content, overrides or {}).study(text)


def _file_of(name: str) -> Path:
    shipped, own = SHIPPED / f"{name}.yaml", Path(os.path.expanduser(name))
    if name in shipped_studies():
        return shipped
    if os.path.isfile(own):
        return own
    hint, known = nearest(name, shipped_studies()), ", ".join(shipped_studies())
    raise ConfigError(
        [f"study={shown(name, LONGEST_PATH)}: there is no such file{hint}; give a path or one of: {known}"]
    )


def _start_of(file: Path) -> str:
    """As much as is ever read, and a little more."""
    with file.open(encoding="utf-8") as opened:
        return opened.read(LONGEST_TEXT + 1)


class _Reader:
    """Turns the content of a file into a Study and gathers what is wrong with it."""

    def __init__(self, name: str, content: Any, overrides: dict[str, str]):
        self.file, self.overrides = name, overrides
        self.problems: list[str] = []
        self.combined: set[str] = set()
        self.content = content if isinstance(content, dict) else {}
        if self.content is not content:
            self.problems.append("it must be a mapping of sections: " + ", ".join(SECTIONS))

    def study(self, text: str) -> Study:
        """Raises ConfigError."""
        self.problems += [
            unknown(str(s), SECTIONS).replace("key", "section", 1) for s in self.content if s not in SECTIONS
        ]
        name, question = self._words("name"), self._words("question")
        stakes, primary = self._stakes(), self._words("primary")
        if primary and primary not in stakes:
            self.problems.append(f"primary={primary} must stand under metrics, with its delta and reason")
        arms, published = self._arms(), self._published()
        if self.problems:
            raise ConfigError(
                [f"study {self.file}: {shown(problem, LONGEST_PROBLEM)}" for problem in self.problems]
            )
        return Study(name, question, primary, stakes, tuple(arms), published, text)

    def _words(self, section: str, within: dict | None = None) -> str:
        value = (self.content if within is None else within).get(section)
        if not isinstance(value, str) or not value.strip():
            self.problems.append(f"{section} is missing: give it as text")
            return ""
        words = " ".join(value.split())
        if not words.isprintable():
            self.problems.append(f"{section} holds characters that cannot be printed: {shown(words)}")
        return words

    def _mapping(self, section: str) -> dict:
        value = self.content.get(section, {})
        if not isinstance(value, dict):
            self.problems.append(f"{section} must be a mapping, not {shown(value)}")
            return {}
        return {str(key): inner for key, inner in value.items()}

    def _stakes(self) -> dict[str, Stake]:
        made = {}
        for name, declared in self._mapping("metrics").items():
            if name not in MEASURES:
                self.problems.append(unknown(name, MEASURES).replace("key", "metric", 1))
            elif not isinstance(declared, dict) or set(declared) - {"delta", "effect", "reason"}:
                self.problems.append(f"metrics: {name} takes delta, effect and reason, not {shown(declared)}")
            else:
                made[name] = self._stake(name, declared)
        return made

    def _stake(self, name: str, declared: dict) -> Stake:
        numbers = {}
        for word in ("delta", "effect"):
            value = declared.get(word)
            good = _is_number(value) and 0 < value < 1e9
            if not good and not (word == "effect" and value is None):
                self.problems.append(
                    f"metrics: {name}: {word}={shown(value)} is not allowed: give a number > 0"
                )
            numbers[word] = float(value) if good else None
        reason = self._words("reason", declared)
        return Stake(numbers["delta"] or 1.0, reason, numbers["effect"])

    def _arms(self) -> list[Arm]:
        base = dict(self._mapping("baseline"))
        name = str(base.pop("arm", "baseline"))
        changes = self._written()
        varied = {key for change in changes.values() for key in change} | set(base)
        for key in self.overrides.keys() & varied:
            self.problems.append(f"{key}={self.overrides[key]} cannot be given: the study itself sets {key}")
        for key in self.overrides.keys() & {"seed", "resume"}:
            self.problems.append(f"{key}={self.overrides[key]} cannot be given: {FIXED[key]}")
        arms = [self._arm(name, {}, base), *(self._arm(n, c, base) for n, c in changes.items())]
        built = [arm for arm in arms if arm is not None]
        self._check_distinct(built)
        self._check_windows(built)
        if not changes:
            self.problems.append("it has no arm: give arms, factorial, one_factor_in or one_factor_out")
        return built

    def _written(self) -> dict[str, dict[str, Any]]:
        """Arm to its changes, in the order of the file's sections."""
        changes: dict[str, dict[str, Any]] = {}
        sizes = [len(self._mapping(s)) for s in ("arms", "one_factor_in", "one_factor_out")]
        if sum(sizes) + self._combinations() > MOST_ARMS:
            self.problems.append(f"it has more than {MOST_ARMS:,} arms: take a part of them")
            return {}
        for more in (self._changes_under("arms"), self._factorial(), self._alone(), self._left_out()):
            for name, change in more.items():
                if name in changes:
                    self.problems.append(f"arm {name} stands there twice")
                changes[name] = change
        return changes

    def _changes_under(self, section: str) -> dict[str, dict]:
        made = {}
        for name, change in self._mapping(section).items():
            if isinstance(change, dict) and change:
                made[name] = {str(key): value for key, value in change.items()}
            else:
                self.problems.append(f"{section}: {name} must name the keys it changes, not {shown(change)}")
        return made

    def _factorial(self) -> dict[str, dict]:
        """Every combination of the listed values; the one that equals the baseline is the baseline."""
        levels = self._mapping("factorial")
        for key, values in levels.items():
            if not isinstance(values, list) or len(values) < 2:
                self.problems.append(
                    f"factorial: {key} needs a list of at least two values, not {shown(values)}"
                )
                return {}
        made = combined(levels, self._mapping("baseline"), self.overrides)
        self.combined = set(made)
        return made

    def _combinations(self) -> int:
        levels = self._mapping("factorial").values()
        return math.prod(len(values) for values in levels if isinstance(values, list)) if levels else 0

    def _alone(self) -> dict[str, dict]:
        return {ONLY + name: change for name, change in self._changes_under("one_factor_in").items()}

    def _left_out(self) -> dict[str, dict]:
        factors = self._changes_under("one_factor_out")
        if not factors:
            return {}
        made = {ALL: _merged(factors)}
        for left in factors:
            made[ALL_BUT + left] = _merged({n: c for n, c in factors.items() if n != left})
        return made

    def _arm(self, name: str, changes: dict[str, Any], base: dict[str, Any]) -> Arm | None:
        whose = f"arm {shown(name)}: "
        longest = LONGEST_COMBINED if name in self.combined else LONGEST_NAME
        if not _file_safe(name, longest):
            self.problems.append(
                f"{whose}its name must be 1 to {longest} letters, digits, spaces or any of . _ + = , -"
                + (": write it under arms, with a name of your own" if name in self.combined else "")
            )
        self.problems += [f"{whose}{key} cannot be an arm's: {FIXED[key]}" for key in changes if key in FIXED]
        fixed_in_base = [key for key in base if key in FIXED and key != "scored_windows"]
        if not changes:
            self.problems += [
                f"baseline: {key} cannot be set in a study file: {FIXED[key]}" for key in fixed_in_base
            ]
        given = beneath(base, changes, self.overrides) | changes
        declared = keys_of(Config)
        wrong = [unknown(key, declared) for key in given if key not in declared]
        try:
            config = Config(**{key: value for key, value in given.items() if key in declared})
        except ConfigError as error:
            wrong += error.problems
        if wrong:
            self.problems += [whose + problem for problem in wrong]
            return None
        return Arm(name, {key: to_text(getattr(config, key)) for key in changes}, config)

    def _check_distinct(self, arms: list[Arm]) -> None:
        names: dict[str, str] = {}
        hashes: dict[str, str] = {}
        for arm in arms:
            for found, key, what in (
                (names, arm.name.lower().replace(" ", "_"), "name"),
                (hashes, arm.config.hash(), "configuration"),
            ):
                if key in found:
                    pair = {arm.name, found[key]}
                    self.problems.append(
                        f"arm {arm.name} has the same {what} as arm {found[key]}{self._of_two_changes(pair)}"
                    )
                found.setdefault(key, arm.name)

    def _of_two_changes(self, pair: set[str]) -> str:
        left_out = any(name.startswith(ALL_BUT) for name in pair)
        changes = len(self._mapping("one_factor_out")) if left_out else 0
        if changes == 2:
            return ": to leave one of two changes out is to put the other in, so take factorial for two"
        return ": to leave the only change out is the baseline, so take arms for one" if changes == 1 else ""

    def _check_windows(self, arms: list[Arm]) -> None:
        scored = {getattr(arm.config, "scored", arm.config.windows) for arm in arms}
        if len(scored) > 1:
            self.problems.append(
                "arms train on other windows and would be scored on them too: set scored_windows in the "
                "baseline to first or sliding, so that all are scored on the same"
            )

    def _published(self) -> Published | None:
        content = self._mapping("published")
        if not content:
            return None
        rows = content.get("rows")
        if not isinstance(rows, dict) or not all(isinstance(row, dict) for row in rows.values()):
            self.problems.append("published: rows must map arms to their losses")
            return None
        self.problems += [
            f"published: {shown(str(arm))}: {shown(str(column))}={shown(value)} is not allowed: give a number"
            for arm, row in rows.items()
            for column, value in row.items()
            if not _is_number(value)
        ]
        source, dataset = self._words("source", content), self._words("dataset", content)
        return Published(source, dataset, {str(arm): dict(row) for arm, row in rows.items()})


def _merged(factors: dict[str, dict]) -> dict[str, Any]:
    return {key: value for change in factors.values() for key, value in change.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _file_safe(name: str, longest: int) -> bool:
    return 0 < len(name) <= longest and all(c.isalnum() or c in " ._+=,-" for c in name)
