"""A factorial design: every combination of levels, as what it changes on a study's baseline."""

from itertools import product
from typing import Any

from ablation.config.config import Config
from ablation.config.declare import Key, keys_of, parse, to_text
from ablation.config.recipes import recipe_of


def combined(
    levels: dict[str, list], base: dict[str, Any], overrides: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """Arm to its changes; the combination that equals the baseline is the baseline."""
    made = {}
    for values in product(*levels.values()) if levels else ():
        change = _off_baseline(dict(zip(levels, values, strict=True)), base, overrides)
        if change:
            made[",".join(f"{key}={to_text(value)}" for key, value in change.items())] = change
    return made


def beneath(base: dict[str, Any], changes: dict[str, Any], overrides: dict[str, str]) -> dict[str, Any]:
    """What an arm is made of besides its own changes; a recipe that it names takes the place of the baseline's."""
    first = {} if "recipe" in changes else recipe_of(base)
    return first | base | recipe_of(changes) | overrides


def _off_baseline(given: dict[str, Any], base: dict[str, Any], overrides: dict[str, str]) -> dict[str, Any]:
    """Of a combination, the recipe that is another one than the baseline's, and what else is off beneath it."""
    recipe = {key: value for key, value in _off(given, base).items() if key == "recipe"}
    return _off(given, beneath(base, recipe, overrides))


def _off(given: dict[str, Any], under: dict[str, Any]) -> dict[str, Any]:
    """What is another value than under it; a key that there is not stays, to be told of."""
    declared = keys_of(Config)
    return {
        key: value
        for key, value in given.items()
        if key not in declared or _other(declared[key], value, under.get(key, declared[key].default))
    }


def _other(declared: Key, value: Any, before: Any) -> bool:
    return _canonical(declared, value) != _canonical(declared, before)


def _canonical(declared: Key, value: Any) -> str:
    """As the configuration has it: a 0 for a float is 0.0. A value that is not allowed stays as it is."""
    try:
        return to_text(parse(declared, value))
    except ValueError:
        return to_text(value)
