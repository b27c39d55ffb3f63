"""The tutorial runs from its first cell to its last, in a fresh folder."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"
RUNNER = """
import json, sys
scope = {"__name__": "__main__"}
for number, cell in enumerate(json.load(open(sys.argv[1]))["cells"]):
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), f"cell {number}", "exec"), scope)
assert scope["over_floor"].shape == (2, 3) and len(scope["told"]) == 1
"""


def source(kind):
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]


def test_it_is_plain_python_that_any_notebook_runs():
    for text in source("code"):
        compile(text, "cell", "exec")


def test_its_links_lead_somewhere():
    places = [part.split(")")[0] for text in source("markdown") for part in text.split("](")[1:]]
    assert places and missing_places(NOTEBOOK, places) == []


def missing_places(page, places):
    """Of these links of a page, those whose file or heading is not there."""
    return [place for place in places if not is_there(page, *place.partition("#")[::2])]


def is_there(page, name, heading):
    found = page.parent / name if name else page
    return found.exists() and (not heading or heading in headings(found.read_text()))


def headings(page):
    titles = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-") for title in titles}


def test_what_it_shows_is_kept_and_names_no_place_of_a_machine():
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert all(cell["outputs"] for cell in cells if "plt." in "".join(cell["source"][1:]))
    assert {output["output_type"] for output in outputs} <= {"stream", "display_data", "execute_result"}
    shown = "".join("".join(output.get("text", [])) for output in outputs)
    assert not re.search(r"/(tmp|root|work|Users|home/(?!you\b))", shown)


@pytest.mark.slow
def test_it_runs(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (tmp_path / "MLproject").write_text("")
    environment = os.environ | {
        "MPLBACKEND": "Agg",
        "PYTHONPATH": str(ROOT),
        "ABLATION_CACHE": str(tmp_path / "cache"),
    }
    words = [sys.executable, "-c", RUNNER, str(NOTEBOOK)]
    ended = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert (folder / "tutorial" / "results" / "report.html").exists()
