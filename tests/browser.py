"""A real browser on a real MLflow server, for tests of what people see. Skips where one of the two is missing.

with chromium(width=1500) as page: page.goto(f"{server.uri}/#/…")
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import Server

WIDE, NARROW = 1500, 500
PATIENCE = 60_000  # milliseconds that anything may take to appear
ASSISTANT_WAS_SEEN = """
localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');
"""


def executable() -> str:
    """Of Chromium or Chrome; the test is skipped where there is neither, or no playwright."""
    pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install '.[browser]'")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        pytest.skip("needs chromium on PATH")
    return found


@contextmanager
def chromium(width: int = WIDE, height: int = 1000) -> Iterator:
    """A page of a fresh browser: nothing is remembered from one to the next. What it reports as an error of a script
    on the page fails the test.
    """
    path = executable()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(PATIENCE)
        page.add_init_script(ASSISTANT_WAS_SEEN)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        try:
            yield page
        finally:
            browser.close()
        assert not errors, json.dumps(errors[:3])


@contextmanager
def mlflow_ui(folder: Path) -> Iterator[Server]:
    """What plain `mlflow ui` shows in a folder with `mlflow.db`, on a free port."""
    server = Server(folder, f"sqlite:///{folder}/mlflow.db")
    try:
        yield server
    finally:
        server.kill()
