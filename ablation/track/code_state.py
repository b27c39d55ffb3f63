"""Which code ran, and with which packages."""

import ast
import hashlib
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

from ablation.config.config import short_hash

PACKAGE = Path(__file__).parents[1]
NOT_COMPUTING = (
    "__main__.py",
    "analyse",
    "commands/checkpoints.py",
    "commands/deliver.py",
    "commands/epoch_records.py",
    "commands/judging.py",
    "commands/study_tags.py",
    "commands/modelling.py",
    "commands/notes.py",
    "commands/opening.py",
    "commands/outcome.py",
    "commands/plan.py",
    "commands/planned.py",
    "commands/predict.py",
    "commands/prepare.py",
    "commands/recorder.py",
    "commands/registering.py",
    "commands/report.py",
    "commands/study.py",
    "commands/study_note.py",
    "commands/study_progress.py",
    "commands/summary.py",
    "commands/try_page.py",
    "config/command_line.py",
    "config/entries.py",
    "config/factorial.py",
    "config/metrics.py",
    "config/mlproject.py",
    "config/study.py",
    "config/study_file.py",
    "console.py",
    "engines",
    "errors.py",
    "helpers.py",
    "ownership.py",
    "page",
    "places.py",
    "predict",
    "stopping.py",
    "track",
)
"""Code that no loss depends on."""
COMPUTING_PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "pillow",
    "tokenizers",
    "transformers",
    "datasets",
    "pyarrow",
    "scikit-learn",
)


def code_state() -> dict[str, str]:
    """Tags `code_commit` and `code_dirty` (of this package alone; `unknown` outside a git checkout), the digest of
    the code that losses depend on and of the packages that it runs with.
    """
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=normal", "--", ".")
    dirty = "unknown" if changes is None else "true" if changes else "false"
    told = ", ".join(f"{name} {version}" for name, version in packages().items())
    about = {"code_commit": commit or "unknown", "code_dirty": dirty, "environment": told, **code_hashes()}
    return about | (_shown_as_changed() if changes else {})


def _shown_as_changed() -> dict[str, str]:
    """The UI shows branch and commit as the run's source, and nothing else of it."""
    branch = _git("rev-parse", "--abbrev-ref", "HEAD") or "HEAD"
    return {"mlflow.source.git.dirty": "true", "mlflow.source.git.branch": f"{branch} + uncommitted changes"}


@cache
def code_hash(package: Path = PACKAGE) -> str:
    """Of the code that computes, without its comments, docstrings and layout."""
    total = hashlib.blake2b(digest_size=6)
    for file in sorted(package.rglob("*.py")):
        name = file.relative_to(package).as_posix()
        if not any(name == left or name.startswith(f"{left}/") for left in NOT_COMPUTING):
            total.update(f"{name}\n{_bare(file.read_text(encoding='utf-8'))}\n".encode())
    return total.hexdigest()


def _bare(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not _is_text(part)]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def packages() -> dict[str, str]:
    """Python and the packages that losses depend on, with their versions."""
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in COMPUTING_PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "none"
    return found


def cell_hash(config_hash: str, data_hash: str, folders: dict[str, str]) -> str:
    """Identifies a cell of a study: configuration with its seed, data, code and environment, and the digests of the local
    `folders`, by key, that the configuration names.
    """
    return short_hash({"config_hash": config_hash, "data_hash": data_hash} | code_hashes() | folders)


@cache
def code_hashes() -> dict[str, str]:
    """The digests of the code and of its environment, as they are tagged."""
    return {"code_hash": code_hash(), "environment_hash": short_hash(packages())}


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(PACKAGE), *words],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
