"""Which code ran."""

import subprocess
from pathlib import Path


def code_state() -> dict[str, str]:
    """Tags `code_commit` and `code_dirty`; `unknown` outside a git checkout."""
    commit, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    dirty = "unknown" if changes is None else "true" if changes else "false"
    return {"code_commit": commit or "unknown", "code_dirty": dirty}


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), *words],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
