"""No name leads out of its folder, to a shell, or to another's files."""

import shlex
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ablation.analyse.tables import in_file_name
from ablation.commands.summary import _sum_up
from ablation.config.config import Config, recipe_texts
from ablation.config.entries import SummaryOptions
from ablation.config.mlproject import mlproject
from ablation.console import Console
from ablation.data import files
from ablation.data.sources import cache_folder, open_source
from ablation.data.store import prepare
from ablation.data.windows import all_windows
from ablation.errors import DataError
from ablation.track.query import RunRecord
from tests.test_bad_files import STORIES, data_set, everything, prepared, rows_of, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("stories") / "mine", rows_of(40))


NAMES = (
    "my[1]",
    "a**b",
    "x{1}",
    " ",
    "-rf",
    "ü ñ",
    "%20",
    "a b",
    "n" * 250,
    "é" * 120,
    "b'",
    "$(id)",
    ";id",
)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:12]))
def test_a_folder_of_any_name_is_prepared_inside_the_cache(tmp_path, name):
    store = prepared(write(tmp_path / name, rows_of(40)))
    assert store.folder.parent == cache_folder() / "prepared" and store.index("train").read


def test_no_other_folder_of_a_like_name_is_read(tmp_path):
    write(tmp_path / "abb", rows_of(30))
    assert len(everything(data_set(tmp_path / "a?b"))) == 2 * STORIES
    assert len(everything(data_set(tmp_path / "a*b"))) == 2 * STORIES


@pytest.mark.parametrize(
    "name",
    ["", " ", "./nowhere", "~nobody-of-that-name/x", "x" * 5000, "a" * 300 + "/b", "../../up", "/", "\0", "a\0/b", "a/../b", "x.parquet", "/dev/null", "/proc/self/mem", "a/b/c"],
    ids=lambda name: ascii(name[:12]),
)  # fmt: skip
def test_a_name_of_no_data_set_is_refused_at_once(name, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(files, "MOST_LOOKED_AT", 1000)
    with pytest.raises(
        DataError, match=r"give a folder|give the data set's own folder|offline, use|neither parquet"
    ):
        open_source(name, 20)


def record(run_id: str, **tags) -> RunRecord:
    params = recipe_texts("notebook")
    tags = {"config_hash": run_id, "data_hash": "d"} | tags
    return RunRecord(run_id, run_id, "FINISHED", 1, params, tags, {"train/total_loss": 0.5}, ended=2)


ESCAPES = (
    "../../up",
    "/etc/up",
    "a/b",
    "a\\b",
    "..",
    "nul\0",
    "x" * 900,
    "é" * 200,
    "line\nbreak",
    "",
    ".",
    "-rf",
    "$(id)",
    "COM1:",
)


def test_no_name_of_an_arm_leads_out_of_the_folder(tmp_path, monkeypatch):
    """An arm's name is a tag of the tracking server: anyone may have written it."""
    runs = [record(str(number), arm=name) for number, name in enumerate(ESCAPES)]
    histories = {
        (run.run_id, f"train/{n}_loss"): {1: 0.5}
        for run in runs
        for n in ("total", "image", "context", "text")
    }
    monkeypatch.setattr("ablation.commands.summary.find_runs", lambda *_: runs)
    monkeypatch.setattr("ablation.commands.summary.metric_histories", lambda *_: histories)
    out = tmp_path / "deep" / "down"
    assert _sum_up(SummaryOptions(out=str(out)), Console()) == 0
    assert len(list(out.glob("loss_summary_*.csv"))) == len(ESCAPES)
    assert {file.parent for file in tmp_path.rglob("*") if file.is_file()} == {out}


@given(st.text(), st.text())
def test_a_name_in_a_file_name_is_one_and_no_other(one, other):
    for name in (one, other, "../" + one, one * 50):
        part = in_file_name(name)
        assert "/" not in part and "\0" not in part and len(part.encode()) <= 170
    assert (in_file_name(one) == in_file_name(other)) == (one.lower() == other.lower())


@pytest.mark.parametrize(
    "name", ["ResNet128-e10", "Basecase", "all but word copy", "fused_dim=32,text_dim=16", "é"]
)
def test_the_names_of_arms_stay_as_they_are(name):
    assert in_file_name(name) == name.lower()


@pytest.mark.parametrize("name", [n for n in ESCAPES if n], ids=lambda name: ascii(name[:9]))
def test_no_name_of_a_data_set_leads_out_of_the_cache(folder, name):
    source = replace(open_source(str(folder), 20), name=name.replace("\0", ""))
    store = prepare(Config(dataset=str(folder)), source)
    inside = cache_folder().resolve() / "prepared"
    assert inside in store.folder.resolve().parents and len(store.folder.name.encode()) < 200
    assert len(all_windows(store, "train", "frame4"))


def test_mlflow_quotes_what_it_gives_to_a_shell(tmp_path):
    from mlflow.projects._project_spec import load_project

    (tmp_path / "MLproject").write_text(mlproject())
    (tmp_path / "conda.yaml").write_text(yaml.safe_dump({"dependencies": ["python"]}))
    value = f"x; touch {tmp_path}/ran; $(id) `id` 'a"
    command = (
        load_project(str(tmp_path)).get_entry_point("main").compute_command({"dataset": value}, str(tmp_path))
    )
    words = shlex.split(command)
    assert words[words.index("--dataset") + 1] == value
