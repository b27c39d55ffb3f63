"""MLproject and docs/configuration.md, written from the declarations.

`python -m ablation.config.mlproject` rewrites both; a test holds the files equal to this.
"""

from pathlib import Path

from ablation.config.declare import Key, keys_of, to_text
from ablation.config.entries import ENTRY_POINTS, Config, EntryPoint
from ablation.config.recipes import RECIPES

MLFLOW_TYPES = {int: "float", float: "float", bool: "string", str: "string"}
GENERATED = "Written by `python -m ablation.config.mlproject` from the declarations; do not edit."


def mlproject() -> str:
    """The text of MLproject."""
    entries = "\n".join(_entry(e) for e in ENTRY_POINTS.values() if e.in_mlproject)
    return (
        f"# {GENERATED}\n"
        "# MLflow has no type for whole numbers: `float` it is, and the program checks.\n"
        "name: visual-storytelling-ablation\n\nconda_env: conda.yaml\n\n"
        f"entry_points:\n{entries}"
    )


def _entry(entry: EntryPoint) -> str:
    declared = keys_of(entry.settings)
    parameters = "".join(
        f"      {name}: {{type: {MLFLOW_TYPES[declared[name].kind]}, "
        f'default: "{to_text(entry.defaults[name])}"}}\n'
        for name in entry.listed
    )
    flags = " ".join(f"--{name} {{{name}}}" for name in entry.listed)
    return (
        f"  {entry.name}:\n    parameters:\n{parameters}"
        f'    command: "python -m ablation {entry.name} {flags}"\n'
    )


def configuration_page() -> str:
    """The text of docs/configuration.md: every key of a configuration."""
    rows = "\n".join(_row(declared) for declared in keys_of(Config).values())
    return (
        f"# Configuration\n\n<!-- {GENERATED} -->\n\n"
        "Every key of one configuration. Give any of them but `recipe` as `--key value` on the command line or "
        "`-P key=value` to `mlflow run`. The entry point sets the recipe (`python -m ablation train --recipe …` chooses it, "
        "and so does an arm of a study). The recipe `notebook` (entry point `main`) is the original study with its "
        "defects, `cured` (entry point `cured`) the one that learns; where `cured` has a value of its own, it is "
        "shown.\n\n"
        "| key | notebook | cured | allowed | what it is |\n|---|---|---|---|---|\n"
        f"{rows}\n"
    )


def _row(declared: Key) -> str:
    limits = declared.limits.replace("|", "\\|")
    own = RECIPES["cured"].get(declared.name)
    cured = "" if own is None else f"`{to_text(own)}`"
    return f"| `{declared.name}` | `{to_text(declared.default)}` | {cured} | {limits} | {declared.help} |"


def write(root: Path) -> None:
    """Writes both files under the top folder of the project."""
    (root / "MLproject").write_text(mlproject())
    (root / "docs" / "configuration.md").write_text(configuration_page())


if __name__ == "__main__":
    write(Path(__file__).parents[2])
