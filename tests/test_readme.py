"""Every command of the README and the docs: each is one that the program takes, and those of the README are run."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ablation.analyse.verdicts import MEANINGS
from ablation.config.command_line import entry_of, settings_of
from ablation.config.entries import ENTRY_POINTS
from tests.test_tutorial import missing_places

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"^    ((?:[A-Z_]+=\S+ )*(?:python|mlflow|pip|pytest|uvx?|curl)\b.*)$", re.MULTILINE)
INLINE = re.compile(r"`(python -m ablation [^`…]+)`")
LINK = re.compile(r"\]\(([^)]+)\)")
OWN = "python -m ablation "
SMALL = {
    "main": "--max_stories 24 --epochs 1 --text_pretraining 1",
    "cured": "--max_stories 24 --epochs 1 --text_pretraining 1 --visual_pretraining 1",
    "study": "--max_stories 24",
}
ELSEWHERE = {
    "pip install uv && uvx": "installs everything anew: run by hand on a fresh machine",
    "pip install uv && uv run": "is what runs these tests",
    "pip install -r requirements.txt 'ruff": "installs what these tests run with",
    "pytest": "is what runs these tests",
    "mlflow ui": "tests/test_in_the_browser.py looks at it",
}


def commands(page: Path) -> list[str]:
    """The indented lines that a reader would copy; a comment at their end and a line's continuation are not theirs."""
    text = page.read_text().replace("\\\n", " ")
    return [re.split(r"\s{2,}#", line)[0].strip() for line in COMMAND.findall(text)]


def within_texts(page: Path) -> list[str]:
    """Those that a sentence or a table names; `NAME` stands for any."""
    return [line for line in INLINE.findall(page.read_text()) if "NAME" not in line]


def own_words(command: str) -> list[str]:
    """What follows `python -m ablation`."""
    return shlex.split(command[command.index(OWN) + len(OWN) :])


OWN_COMMANDS = sorted(
    {(page.name, line) for page in PAGES for line in commands(page) + within_texts(page) if OWN in line}
)
BENCHMARKS = sorted({line for page in PAGES for line in commands(page) if "-m benchmarks." in line})


@pytest.fixture
def example(tmp_path, monkeypatch):
    """A folder with the study file that the docs show."""
    text = (ROOT / "docs" / "study.md").read_text()
    shown = re.search(r"## A study is a file\n\n.*:\n\n((?:    .*\n)+)", text)
    (tmp_path / "norm.yaml").write_text(re.sub(r"^    ", "", shown[1], flags=re.MULTILINE))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page, command", OWN_COMMANDS, ids=lambda text: text)
def test_a_command_that_is_shown_is_one_that_the_program_takes(page, command, example):
    name, *words = own_words(command)
    assert words == ["--help"] or settings_of(entry_of(name), words)


def test_what_commands_write_into_a_checkout_leaves_it_clean():
    """Else the next run would be marked as one of changed code."""
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    folders = {entry.settings.out for entry in ENTRY_POINTS.values() if hasattr(entry.settings, "out")}
    assert {f"{folder}/" for folder in folders} <= set(ignored) and "docs/tutorial/" in ignored


def test_verdicts_mean_the_same_in_the_docs_and_in_a_report():
    table = re.search(
        r"\| verdict \| means \|\n\|---\|---\|\n((?:\|.*\n)+)", (ROOT / "docs" / "study.md").read_text()
    )
    rows = [row.strip("|").split(" | ") for row in table[1].splitlines()]
    assert {name.strip(" `"): meaning.strip() for name, meaning in rows} == MEANINGS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    places = [place for place in LINK.findall(page.read_text()) if "://" not in place]
    assert missing_places(page, places) == []


@pytest.mark.slow
@pytest.mark.parametrize("command", BENCHMARKS, ids=str)
def test_a_benchmark_that_is_shown_has_these_options(command):
    _, _, module, *words = shlex.split(command)
    told = subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert all(word.split("=")[0] in told.stdout for word in words if word.startswith("--"))


def test_every_command_of_the_readme_is_run_somewhere():
    left = [
        line for line in commands(PAGES[0]) if OWN not in line and not line.startswith("python -m benchmarks")
    ]
    assert [line for line in left if not line.startswith(tuple(ELSEWHERE))] == []


@pytest.mark.slow
def test_the_commands_of_the_readme_run_in_their_order(command, store):
    """On few stories, single runs for one epoch; 3 is the code of a study of which only a part was asked for."""
    partly = set()
    for line in commands(PAGES[0]):
        if OWN not in line:
            continue
        name, *words = own_words(line)
        settings = settings_of(entry_of(name), words)
        study = getattr(settings, "study", None)
        if name == "study":
            (partly.add if settings.only else partly.discard)(study)
        code, _, err = command(name, *words, *SMALL.get(name, "").split())
        unfinished = code == 3 and "cells are not finished" in err
        assert unfinished if study in partly else code == 0, f"{line}\n{err}"
