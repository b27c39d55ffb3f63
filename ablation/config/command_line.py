"""`--key value` words into settings, and the help text; nothing heavier than the declarations."""

import textwrap
from dataclasses import replace

from ablation.config.config import Config
from ablation.config.declare import Key, Settings, keys_of, nearest, parse, resolve, to_text, unknown
from ablation.config.entries import ENTRY_POINTS, RECIPE_ENTRIES, EntryPoint
from ablation.config.recipes import with_recipe
from ablation.config.study_file import load_study
from ablation.errors import ConfigError, shown

HELP_WORDS = ("--help", "-h", "help")
HELP_COLUMN = 32


def read_words(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """`--key value` and `--key=value` as a mapping; and every word without a key, key without a value, and key given
    twice, of which the last counts.
    """
    given, problems, rest = {}, [], list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--") or len(word) == 2:
            problems.append(f"'{shown(word)}' stands alone: write --key value")
            continue
        name, equals, value = word[2:].partition("=")
        if not equals:
            if not rest or rest[0].startswith("--"):
                problems.append(f"--{shown(name)} has no value: write --{shown(name)} value")
                continue
            value = rest.pop(0)
        if name in given:
            both = f"{shown(given[name])} and {shown(value)}"
            problems.append(f"--{shown(name)} is given twice ({both}): give it once")
        given[name] = value
    return given, problems


def settings_of(entry: EntryPoint, words: list[str]) -> Settings:
    """The checked settings of an entry point. Raises ConfigError with every problem."""
    given, problems = read_words(words)
    if entry.name in RECIPE_ENTRIES.values() and "recipe" in given:
        others = ", ".join(f"{name} ({recipe})" for recipe, name in RECIPE_ENTRIES.items())
        problems.append(
            f"recipe is set by the entry point itself, each recipe has its own: {others}; "
            "or use `python -m ablation train --recipe …`"
        )
    if entry.takes_recipe:
        given = with_recipe({"recipe": entry.recipe} | given)
    try:
        settings = _with_overrides(entry, given) if entry.takes_overrides else resolve(entry.settings, given)
    except ConfigError as error:
        raise ConfigError(problems + error.problems) from None
    if problems:
        raise ConfigError(problems)
    return settings


def _with_overrides(entry: EntryPoint, given: dict[str, str]) -> Settings:
    """The settings of an entry point that also takes keys of a configuration, as canonical texts; the study
    file that they go into is checked too.
    """
    own, more = keys_of(entry.settings), keys_of(Config)
    problems = [unknown(name, own | more) for name in given if name not in own and name not in more]
    overrides = {}
    if "recipe" in given:
        problems.append("recipe cannot be given: the study itself says which keys its arms set")
    for name in [name for name in given if name in more and name not in own]:
        try:
            overrides[name] = to_text(parse(more[name], given[name]))
        except ValueError as error:
            problems.append(str(error))
    if not problems:  # else arms would lack what was meant for them
        problems += _problems_of_study(own["study"], given, overrides)
    try:
        settings = resolve(entry.settings, {name: value for name, value in given.items() if name in own})
    except ConfigError as error:
        raise ConfigError(error.problems + problems) from None
    if problems:
        raise ConfigError(problems)
    return replace(settings, overrides=overrides)


def _problems_of_study(declared: Key, given: dict[str, str], overrides: dict[str, str]) -> list[str]:
    try:
        load_study(parse(declared, given.get("study", declared.default)), overrides)
    except ConfigError as error:
        return error.problems
    except ValueError:  # no name at all, which is told with the other settings
        return []
    return []


def entry_of(name: str) -> EntryPoint:
    """The entry point of that name. Raises ConfigError with the nearest one that exists."""
    if name not in ENTRY_POINTS:
        hint = nearest(name, ENTRY_POINTS) or f"; the commands are {', '.join(ENTRY_POINTS)}"
        raise ConfigError([f"unknown command {shown(name)}{hint}"])
    return ENTRY_POINTS[name]


def general_help() -> str:
    """What `python -m ablation --help` prints."""
    rows = "\n".join(f"  {entry.name:<10}{entry.help}" for entry in ENTRY_POINTS.values())
    return (
        "usage: python -m ablation COMMAND [--key value …]\n\n"
        f"{rows}\n\n`python -m ablation COMMAND --help` lists the keys of a command."
    )


def entry_help(entry: EntryPoint) -> str:
    """The keys of one entry point: name, default, limits, what for; the main ones first."""
    declared = keys_of(entry.settings)
    listed = list(entry.listed or ENTRY_POINTS["main"].listed)
    rest = [name for name in declared if name not in listed]
    lines = [f"usage: python -m ablation {entry.name} [--key value …]", "", f"  {entry.help}", ""]
    for title, names in (("main keys", listed), ("more keys", rest)):
        if names:
            lines += [f"{title}:", *(_key_help(declared[name], entry.defaults[name]) for name in names), ""]
    if entry.takes_overrides:
        lines.append("Any key of a configuration (`python -m ablation main --help`) goes into every arm.")
    return "\n".join(lines).rstrip()


def _key_help(declared: Key, default: object) -> str:
    head = f"  --{declared.name} {to_text(default)}"
    text = f"{declared.help} ({declared.limits})"
    indent = " " * HELP_COLUMN
    told = textwrap.fill(text, width=100, initial_indent=indent, subsequent_indent=indent)
    return f"{head}\n{told}" if len(head) >= HELP_COLUMN else head + told[len(head) :]
