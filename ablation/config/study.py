"""A study: a baseline, arms as named changes to it, and what would matter on the measures it is judged by."""

from dataclasses import dataclass, field, replace
from functools import cached_property

from ablation.config.config import Config, recipe_texts, short_hash
from ablation.config.recipes import RECIPES


@dataclass(frozen=True)
class Stake:
    """What would matter on a measure, in its own units: differences within ±`delta` are negligible, and
    `effect` is the smallest one of interest. `reason` says why.
    """

    delta: float
    reason: str
    effect: float | None = None


@dataclass(frozen=True)
class Arm:
    """One row of the study. `config` has seed 0."""

    name: str
    changes: dict[str, str]
    config: Config

    @property
    def told(self) -> str:
        """Its changes; of one near to another recipe than the notebook, the recipe and what is off it."""
        recipe, changes = self.config.nearest_recipe, self.changes
        if recipe == "notebook":
            return _listed(changes)
        own, texts = recipe_texts(recipe), self.config.texts()
        off = {key: texts[key] for key in RECIPES[recipe] if texts[key] != own[key]}
        beside = {key: text for key, text in changes.items() if key not in {*RECIPES[recipe], "recipe"}}
        return _listed({"recipe": recipe} | off | beside)


def _listed(changes: dict[str, str]) -> str:
    return ", ".join(f"{key}={text}" for key, text in changes.items())


@dataclass(frozen=True)
class Published:
    """Figures published elsewhere: arm to loss column to value."""

    source: str
    dataset: str
    rows: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Study:
    """A checked study; the baseline is the first of `arms`."""

    name: str
    question: str
    primary: str
    stakes: dict[str, Stake]
    arms: tuple[Arm, ...]
    published: Published | None = None
    text: str = field(default="", compare=False)

    @property
    def baseline(self) -> Arm:
        """What every other arm is compared with."""
        return self.arms[0]

    @cached_property
    def delta_hash(self) -> str:
        """Of the primary measure and all that was declared about what would matter."""
        declared = {
            name: f"{stake.delta!r} {stake.effect!r} {stake.reason}" for name, stake in self.stakes.items()
        }
        return short_hash(declared | {"primary": self.primary})

    @cached_property
    def arms_hash(self) -> str:
        """Of the arms' names and configurations."""
        return short_hash({arm.name: arm.config.hash() for arm in self.arms})

    def cells(self, seeds: int) -> list[tuple[Arm, Config]]:
        """Every arm with every seed, seed by seed, so that the first seed of all arms comes first."""
        return [(arm, replace(arm.config, seed=seed)) for seed in range(seeds) for arm in self.arms]
