"""Typed, validated, frozen settings: a dataclass whose fields are made with `key`.

`resolve` turns text or values into such a dataclass and gathers every problem before it raises.
"""

import difflib
import math
import types
import unicodedata
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, get_args, get_type_hints

from ablation.errors import ConfigError, shown

NONE_TEXT, LONGEST_TEXT = "none", 1000
UNPRINTED = ("Cc", "Cs")
"""Unicode categories that no text may hold: control characters and halves of characters."""
TRUE_TEXTS, FALSE_TEXTS = ("true", "yes", "1"), ("false", "no", "0")


@dataclass(frozen=True)
class Key:
    """One declared setting; `low` is inclusive, `above` and `below` are exclusive."""

    name: str
    kind: type
    optional: bool
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    low: float | None = None
    above: float | None = None
    below: float | None = None
    high: float | None = None
    identity: bool = True

    @property
    def limits(self) -> str:
        """The allowed values in words, e.g. `an integer >= 1` or `basecase | resnet`."""
        if self.choices:
            return " | ".join(self.choices)
        words = {int: "an integer", float: "a number", bool: "true | false", str: "text"}[self.kind]
        if self.low is not None and self.high is not None:
            words += f" from {self.low} to {self.high}"
        else:
            bounds = ((">=", self.low), (">", self.above), ("<=", self.high), ("<", self.below))
            limits = " and ".join(f"{sign} {bound}" for sign, bound in bounds if bound is not None)
            words = f"{words} {limits}".strip()
        return f"{words}, or {NONE_TEXT}" if self.optional else words


def key(default: Any, help: str, **rules: Any) -> Any:
    """A dataclass field that is a setting; `rules` are the remaining fields of `Key`."""
    return field(default=default, metadata={"help": help, **rules})


@cache
def keys_of(settings: type) -> dict[str, Key]:
    """Every setting that a dataclass declares, in order; a field that is not made with `key` is none."""
    hints = get_type_hints(settings)
    return {f.name: _key_of(f, hints[f.name]) for f in fields(settings) if "help" in f.metadata}


def _key_of(declared, hint) -> Key:
    optional = isinstance(hint, types.UnionType)
    kind = next(t for t in get_args(hint) if t is not type(None)) if optional else hint
    if declared.default is MISSING:
        raise TypeError(f"{declared.name} has no default")
    return Key(declared.name, kind, optional, declared.default, **declared.metadata)


def to_text(value: Any) -> str:
    """The canonical text of a value: what is logged, hashed and accepted back by `parse`."""
    if value is None:
        return NONE_TEXT
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def parse(declared: Key, given: Any) -> Any:
    """The typed value of a text or value. Raises ValueError with the limits when it has none."""
    if declared.optional and (given is None or str(given).strip().lower() in (NONE_TEXT, "")):
        return None
    value = _convert(declared, given)
    if declared.choices and value not in declared.choices:
        raise ValueError(f"{_shown(declared, given)}{nearest(value, declared.choices)}")
    inside = (
        (declared.low is None or value >= declared.low)
        and (declared.above is None or value > declared.above)
        and (declared.high is None or value <= declared.high)
        and (declared.below is None or value < declared.below)
    )
    if not inside:
        raise ValueError(_shown(declared, given))
    return value


def _convert(declared: Key, given: Any) -> Any:
    text = to_text(given).strip() if not isinstance(given, str) else given.strip()
    if declared.kind is bool and text.lower() in TRUE_TEXTS + FALSE_TEXTS:
        return text.lower() in TRUE_TEXTS
    if declared.kind is str and text:
        return _plain(declared, text)
    if declared.kind in (int, float):
        try:
            number = declared.kind(text)
        except ValueError:
            raise ValueError(_shown(declared, given)) from None
        if isinstance(number, int) or math.isfinite(number):
            return number
    raise ValueError(_shown(declared, given))


def _plain(declared: Key, text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise ValueError(
            f"{declared.name}={shown(text)} has {len(text):,} characters: give at most {LONGEST_TEXT:,}"
        )
    if any(unicodedata.category(character) in UNPRINTED for character in text):
        raise ValueError(
            f"{declared.name}={shown(text)} holds a control character or half a character: leave it out"
        )
    return text


def _shown(declared: Key, given: Any) -> str:
    return f"{declared.name}={shown(to_text(given))} is not allowed: give {declared.limits}"


def nearest(word: str, known) -> str:
    """`; did you mean …?` where one of those known is like the word."""
    close = difflib.get_close_matches(str(word)[:LONGEST_TEXT], list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


def unknown(word: str, known) -> str:
    """The message for a key that does not exist, with the nearest one that does."""
    return f"unknown key {shown(str(word))}{nearest(word, known) or '; --help lists the keys'}"


Conflict = tuple[tuple[str, ...], str]
"""The keys that it hangs on, and a sentence."""


class Settings:
    """Base of every settings dataclass: whatever way it is built, its values are typed and checked.

    Raises ConfigError that names every wrong type, bad value and conflict at once.
    """

    def __post_init__(self):
        problems: dict[str, str] = {}
        for name, declared in keys_of(type(self)).items():
            try:
                value = parse(declared, getattr(self, name))
            except ValueError as error:
                problems[name], value = str(error), declared.default
            object.__setattr__(self, name, value)
        of_sound_keys = [told for keys, told in self.conflicts() if problems.keys().isdisjoint(keys)]
        if problems or of_sound_keys:
            raise ConfigError([*problems.values(), *of_sound_keys])

    def conflicts(self) -> list[Conflict]:
        """Values that are fine alone and wrong together."""
        return []

    def texts(self) -> dict[str, str]:
        """Every setting as canonical text, in declared order."""
        return {name: to_text(getattr(self, name)) for name in keys_of(type(self))}


def resolve(settings: type, given: Mapping[str, Any]) -> Any:
    """`settings` built from texts or values. Raises ConfigError with every problem at once."""
    declared = keys_of(settings)
    problems = [unknown(name, declared) for name in given if name not in declared]
    known = {name: value for name, value in given.items() if name in declared}
    try:
        built = settings(**known)
    except ConfigError as error:
        raise ConfigError(problems + error.problems) from None
    if problems:
        raise ConfigError(problems)
    return built
