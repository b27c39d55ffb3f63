"""What identifies a cell: it changes with what computes, and with nothing else."""

import os
import shutil
import subprocess
import sys

import pytest

from ablation.ownership import held, is_alive, this_process
from ablation.track.code_state import NOT_COMPUTING, PACKAGE, cell_hash, code_hash, code_state, packages


@pytest.fixture
def copy(tmp_path):
    folder = tmp_path / "ablation"
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def changed(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_the_code_hash_changes_with_the_code_that_computes(copy):
    before = code_hash(copy)
    assert before == code_hash()
    code_hash.cache_clear()
    changed(copy / "train" / "loop.py", "losses[TOTAL].backward()", "(2 * losses[TOTAL]).backward()")
    assert code_hash(copy) != before


def test_the_code_hash_ignores_comments_docstrings_layout_and_what_does_not_compute(copy):
    before = code_hash(copy)
    code_hash.cache_clear()
    changed(copy / "train" / "loop.py", '"""The one training loop.', '"""THE one  training loop.')
    changed(copy / "train" / "loop.py", "losses[TOTAL].backward()", "losses[ TOTAL ].backward()  # here")
    changed(copy / "analyse" / "judge.py", "FEWEST_FOR_VERDICT = 5", "FEWEST_FOR_VERDICT = 6")
    changed(copy / "console.py", "leave=False", "leave=True")
    assert code_hash(copy) == before


@pytest.mark.parametrize("name", NOT_COMPUTING)
def test_what_does_not_compute_exists(name):
    assert (PACKAGE / name).exists()


def test_a_cell_is_its_configuration_data_code_and_environment(monkeypatch):
    first = cell_hash("config", "data", {})
    assert first == cell_hash("config", "data", {})
    changed = (
        cell_hash("other", "data", {}),
        cell_hash("config", "other", {}),
        cell_hash("config", "data", {"tokenizer": "0"}),
    )
    assert len({first, *changed}) == 4
    assert packages()["torch"].startswith("2.")


def test_only_changes_of_the_package_count_as_uncommitted(copy, monkeypatch):
    def git(*words):
        who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", copy.parent, *who, *words], check=True, capture_output=True)

    monkeypatch.setattr("ablation.track.code_state.PACKAGE", copy)
    git("init")
    (copy.parent / "README.md").write_text("one")
    git("add", ".")
    git("commit", "-m", "all")
    (copy.parent / "README.md").write_text("two")
    (copy.parent / "my_study.yaml").write_text("name: mine")
    state = code_state()
    assert state["code_dirty"] == "false" and len(state["code_commit"]) == 40
    assert not any(name.startswith("mlflow.source") for name in state)
    (copy / "train" / "more.py").touch()
    assert code_state()["code_dirty"] == "true"
    assert code_state()["mlflow.source.git.branch"].endswith(" + uncommitted changes")
    git("add", ".")
    git("commit", "-m", "more")
    assert code_state()["code_dirty"] == "false"
    changed(copy / "console.py", "leave=False", "leave=True")
    assert code_state()["code_dirty"] == "true"


def test_a_process_lives_until_it_is_dead():
    assert is_alive(this_process())
    code = "from ablation.ownership import this_process; print(this_process(), flush=True); input()"
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stdin=subprocess.PIPE, cwd=PACKAGE.parent
    )
    mark = other.stdout.readline().decode().strip()
    assert is_alive(mark)
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert is_alive(mark) is False  # a zombie is dead too
    other.communicate()
    assert is_alive(mark) is False
    assert is_alive("elsewhere 123 4 5") is None and is_alive("") is None
    host, boot, process, *_ = this_process().split()
    assert is_alive(f"{host} {boot} {process} 1") is False  # its number was given anew


def test_a_lock_is_held_by_one_process_and_freed_by_its_death(tmp_path):
    file = tmp_path / "locks" / "x"
    code = (
        "import sys, pathlib\nfrom ablation.ownership import held\n"
        f"with held(pathlib.Path({str(file)!r}), wait=True) as ours: print(ours, flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stdin=subprocess.PIPE, cwd=PACKAGE.parent
    )
    assert other.stdout.readline() == b"True\n"
    with held(file, wait=False) as ours:
        assert not ours
    other.kill()
    other.communicate()
    with held(file, wait=False) as ours:
        assert ours
