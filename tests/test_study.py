"""Whole studies with the real commands, a real store and real processes: found, killed, resumed, shared."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient

from ablation.commands.judging import find_study, read_record
from ablation.commands.study import stories_of
from ablation.config.study_file import load_study
from ablation.console import Console, Silent
from ablation.track.code_state import code_hash, code_hashes
from ablation.track.query import find_runs, metric_history
from ablation.track.views import run_page
from tests.servers import wait_until

ROOT = Path(__file__).parents[1]
STUDY = {
    "name": "small",
    "question": "Does the norm matter?",
    "primary": "test/image_loss",
    "metrics": {
        "test/image_loss": {"delta": 0.01, "effect": 0.02, "reason": "two grey levels"},
        "test/text_loss": {"delta": 0.1, "reason": "a tenth of a nat"},
    },
    "baseline": {
        "arm": "Basecase",
        "visual": "basecase",
        "epochs": 2,
        "text_pretraining": 1,
        "batch_size": 4,
    },
    "arms": {"norm": {"latent_norm": "layernorm"}, "wide": {"fused_dim": 32}},
}
CELLS = [(arm, seed) for arm in ("Basecase", "norm", "wide") for seed in (0, 1)]


@pytest.fixture
def study(store):
    """The path of a small study of three arms, in the working folder."""
    (store / "small.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    return "small.yaml"


def cells_in_store() -> Counter:
    """How many finished runs each cell has."""
    return Counter(
        (run.tags["arm"], int(run.params["seed"])) for run in find_runs("train") if run.status == "FINISHED"
    )


def as_listed(parent) -> list:
    """The runs of a study in the order of its view."""
    place = f"place.study-{parent.run_id[:8]}"
    runs = [parent, *find_runs("train")]
    return sorted((run for run in runs if place in run.tags), key=lambda run: run.tags[place])


def values(run_id: str) -> dict:
    names = [
        f"{split}/{loss}_loss" for split in ("train", "val", "test") for loss in ("total", "image", "text")
    ]
    return {name: metric_history(run_id, name) for name in names}


def test_a_study_runs_is_found_again_and_judged(command, study, world, store, monkeypatch):
    words = ("study", "--study", study, "--seeds", 2, "--jobs", 2, "--dataset", world)
    code, out, err = command(*words)
    assert code == 0, err
    assert cells_in_store() == Counter(CELLS)
    parent, older = find_study("small", None)
    assert parent.status == "FINISHED" and not older
    children = find_runs("train", extra=f"tags.`mlflow.parentRunId` = '{parent.run_id}'")
    assert len(children) == 6
    assert {run.tags["delta_hash"] for run in children} == {parent.tags["delta_hash"]}
    assert {run.tags["study"] for run in children} == {"small"}
    assert len(find_runs("pretrain")) == 2
    assert "[6 of 6]" in out
    assert [run.name for run in as_listed(parent)] == [
        "study small",
        *("Basecase", "Basecase-s1", "norm", "norm-s1", "wide", "wide-s1"),
    ]
    assert all(run.tags["verdict"] == f"{run.tags['verdict.small']} (small)" for run in children)
    assert parent.tags["verdict.small"] in parent.tags["mlflow.note.content"]
    key = f"study-{parent.run_id[:8]}"
    views = MlflowClient().get_experiment(parent.experiment_id).tags
    assert f"viewStateShareKey={key}" in out and f"mlflow.sharedViewState.{key}" in views
    assert "exploratory" in out or "invalid: not learning" in out
    assert parent.tags["mlflow.note.content"].startswith("**Does the norm matter?**")
    assert "report/report.html" in {f.path for f in MlflowClient().list_artifacts(parent.run_id, "report")}
    artifacts = {f.path for f in MlflowClient().list_artifacts(parent.run_id, "summary")}
    assert {"summary/arms.csv", "summary/arms.md", "summary/Results_Summary.csv"} <= artifacts

    code, out, _ = command(*words)
    assert code == 0 and "6 of 6 cells are finished already" in out and "going on with the study's run" in out
    assert len(find_runs("train")) == 6 and len(find_runs("study")) == 1

    code, out, _ = command(*(w if w != 2 else 3 for w in words[:5]), "--dataset", world)
    assert code == 0 and "6 of 9 cells are finished already" in out
    assert len(find_runs("train")) == 9 and len(find_runs("study")) == 1

    code, out, err = command("summary", "--study", study, "--out", "tables", "--format", "latex")
    assert code == 0, err
    also = "health/test_image_retrieval, health/test_image_skill"
    code, out, err = command(
        "summary", "--study", study, "--out", "drawn", "--figures", "true", "--also", also
    )
    assert code == 0 and "figures/arms" in out, err
    assert "true frame among the ten nearest (share), explored:" in out
    assert "no run has a value of health/test_image_skill" in out  # parquet has no oracle
    explored = pd.read_csv(store / "drawn" / "arms.csv").query("metric == 'health/test_image_retrieval'")
    assert explored["n"].tolist() == [3] * 3 and explored["pairs"].tolist() == [0, 3, 3]
    assert set(explored["verdict"][1:]) <= {"exploratory", "invalid: not learning"}
    assert run_page(parent.experiment_id, parent.run_id) in out
    report = f"python -m ablation report --study {study} --out drawn --also {also.replace(' ', '')}"
    assert report in out
    assert {p.suffix for p in (store / "drawn" / "figures").iterdir()} == {".png", ".svg", ".pdf"}
    arms = pd.read_csv(store / "tables" / "arms.csv")
    assert arms["arm"].tolist() == ["Basecase", "norm", "wide"] * 2
    assert arms["n"].tolist() == [3] * 6 and arms["pairs"].tolist() == [0, 3, 3] * 2
    assert not arms["bootstrap_low"][1:3].isna().any()
    observed = pd.read_csv(store / "tables" / "cells.csv")
    tracked = {run.run_id: run.metrics["test/image_loss"] for run in find_runs("train")}
    assert dict(zip(observed["run_id"], observed["test/image_loss"], strict=True)) == pytest.approx(tracked)
    means = observed.groupby("arm", sort=False)["test/image_loss"].mean()
    assert means.tolist() == pytest.approx(arms.query("metric == 'test/image_loss'")["mean"].tolist())
    assert "toprule" in (store / "tables" / "arms.tex").read_text()
    first = {p.name: p.read_bytes() for p in (store / "tables").iterdir()}
    command("summary", "--study", parent.run_id, "--out", "tables", "--format", "latex")
    assert first == {p.name: p.read_bytes() for p in (store / "tables").iterdir()}

    bars = []
    monkeypatch.setattr(Console, "progress", lambda self, *moved: bars.append(moved))
    code, out, err = command("report", "--study", "small", "--out", "page", "--also", also)
    assert code == 0 and "report.html" in out, err
    assert bars == sorted(bars) and {label for label, _, _ in bars} == {"the report"} and len(set(bars)) > 8
    page = (store / "page" / "report.html").read_text()
    assert "The same on true frame among the ten nearest (share) (exploratory)" in page
    logged = MlflowClient().download_artifacts(parent.run_id, "report/report.html", str(store))
    assert Path(logged).read_text() == page
    assert page.count('src="data:image/png;base64,') == 3 * 3 * 6  # arms × ranks × frames
    assert {p.stem for p in (store / "page" / "figures").iterdir()} == {
        "arms", "differences", "curves_image", "curves_text", "curves_total"
    }  # fmt: skip

    code, out, _ = command("plan", "--study", study, "--seeds", 6, "--dataset", world)
    assert code == 0 and "9 of 18 cells are left to run: about" in out
    assert "seeds to detect 0.02" in out and "pilot" in out


def test_stories_that_several_yardsticks_share_are_told_of_once(world):
    said = []

    class Heard(Silent):
        def say(self, text=""):
            said.append(text)

    assert len(stories_of(load_study("causes", {"dataset": str(world)}), Heard())) > 2
    assert len(set(said)) == len(said) > 0


def test_a_configuration_run_by_itself_is_a_cell_too(command, study, world, store):
    base = STUDY["baseline"] | {"dataset": str(world)}
    words = [word for key, value in base.items() if key != "arm" for word in (f"--{key}", value)]
    assert command("main", *words)[0] == 0
    (alone,) = find_runs("train")
    code, _, err = command("study", "--study", study, "--seeds", 1, "--dataset", world, "--only", "Basecase")
    assert code == 3 and "2 of 3 cells are not finished" in err and "--only norm/0" in err
    parent, _ = find_study("small", None)
    cells = {(c["arm"], c["seed"]): c["run_id"] for c in read_record(parent.run_id).cells}
    assert cells["Basecase", 0] == alone.run_id and len(find_runs("train")) == 1
    assert [run.run_id for run in as_listed(parent)] == [parent.run_id, alone.run_id]
    code, _, err = command("summary", "--study", "small", "--out", "tables")
    assert code == 3 and "no run yet" in err
    missing = pd.read_csv(store / "tables" / "missing_cells.csv")
    assert missing["arm"].tolist() == ["norm", "wide"] and "--only wide/0" in missing["command"][1]
    arms = pd.read_csv(store / "tables" / "arms.csv")
    assert arms["note"][1] == "no finished run"
    found = ("study", "--study", study, "--dataset", world, "--only", "Basecase/0")
    command(*found, "--seeds", 2)
    code, _, err = command(*found, "--seeds", 1)
    assert code == 3 and "5 of 6 cells are not finished" in err
    assert err.count("--seeds 2") == 6 and "--seeds 1" not in err  # also for those of the second seed


def test_a_failing_cell_stops_no_other_and_code_that_changed_runs_anew(command, world, store, monkeypatch):
    content = STUDY | {"arms": {"huge": {"image_weight": 1e39}, "norm": {"latent_norm": "layernorm"}}}
    (store / "small.yaml").write_text(yaml.safe_dump(content))
    words = ("study", "--study", "small.yaml", "--seeds", 1, "--dataset", world)
    code, out, err = command(*words)
    assert code == 3 and "[3 of 3]" in out and "1 of 3 cells are not finished" in err
    assert "total_loss is inf in epoch 1" in err and "--only huge/0" in err
    parent, _ = find_study("small", None)
    assert parent.status == "FAILED"
    assert cells_in_store() == Counter([("Basecase", 0), ("norm", 0)])
    code, out, err = command(*words)
    assert code == 3 and "2 of 3 cells are finished already" in out
    assert len([run for run in find_runs("train") if run.tags["arm"] == "huge"]) == 1

    monkeypatch.setattr("ablation.track.code_state.code_hash", lambda: "changed")
    code_hashes.cache_clear()
    code, out, _ = command("plan", "--study", "small.yaml", "--seeds", 1, "--dataset", world)
    monkeypatch.undo()
    code_hashes.cache_clear()
    assert "3 of 3 cells are left to run" in out and code_hash() != "changed"


def launch(store: Path, study: str, world: Path, *words: object) -> subprocess.Popen:
    """A study in a process of its own, as from a terminal."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "MLFLOW_TRACKING_URI": f"sqlite:///{store}/mlflow.db",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "ablation", "study", "--study", study, "--dataset", str(world)]
    with (store / f"out-{time.monotonic_ns()}.txt").open("w") as out:
        return subprocess.Popen(
            command + [str(word) for word in words],
            cwd=store,
            env=environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


@pytest.mark.faults
def test_a_study_that_is_killed_goes_on_by_the_same_command(study, world, store):
    words = ("--seeds", 2, "--jobs", 2)
    driver = launch(store, study, world, *words)
    wait_until(lambda: find_runs("study"))
    wait_until(lambda: sum(cells_in_store().values()) >= 2)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    before = {run.run_id: run for run in find_runs("train")}
    done = {run_id: values(run_id) for run_id, run in before.items() if run.status == "FINISHED"}
    again = launch(store, study, world, *words)
    assert again.wait(timeout=240) == 0, next(store.glob("out-*")).read_text()
    assert cells_in_store() == Counter(CELLS)
    runs = find_runs("train")
    assert len(runs) == 6 and {run.status for run in runs} == {"FINISHED"}
    assert {run.status for kind in ("study", "pretrain") for run in find_runs(kind)} == {"FINISHED"}
    assert len(find_runs("study")) == 1 and len(find_runs("pretrain")) == 2
    for run_id, known in done.items():
        assert values(run_id) == known
    for run in runs:
        for name in run.metrics:
            steps = [m.step for m in MlflowClient().get_metric_history(run.run_id, name)]
            assert len(steps) == len(set(steps)), (run.name, name)


@pytest.mark.faults
def test_of_processes_that_begin_a_study_at_once_one_leads(study, world, store):
    both = [launch(store, study, world, "--seeds", 2) for _ in range(2)]
    assert [process.wait(timeout=240) for process in both] == [0, 0]
    told = sorted(file.read_text() for file in store.glob("out-*"))
    assert sum("it leads this study" in text for text in told) == 1
    assert [run.status for run in find_runs("study")] == ["FINISHED"]
    assert cells_in_store() == Counter(CELLS) and len(find_runs("train")) == 6


@pytest.mark.faults
def test_processes_at_one_study_share_its_cells_and_the_first_judges(study, world, store):
    leader = launch(store, study, world, "--seeds", 2)
    wait_until(lambda: find_runs("study"))
    helper = launch(store, study, world, "--seeds", 2)
    assert [process.wait(timeout=240) for process in (leader, helper)] == [0, 0]
    led, helped = (file.read_text() for file in sorted(store.glob("out-*")))
    assert f"is at work in process {leader.pid} on" in helped and "leads this study" in helped
    assert "all of these cells are finished" in helped and "verdict" in led
    assert cells_in_store() == Counter(CELLS) and len(find_runs("train")) == 6
    assert [run.status for run in find_runs("study")] == ["FINISHED"]


@pytest.mark.faults
def test_two_studies_at_once_on_one_store_run_each_cell_once(study, world, store):
    other = STUDY | {
        "name": "other",
        "arms": STUDY["arms"] | {"both": {"fused_dim": 32, "latent_norm": "layernorm"}},
    }
    (store / "other.yaml").write_text(yaml.safe_dump(other))
    drivers = [launch(store, name, world, "--seeds", 2) for name in (study, "other.yaml")]
    assert [driver.wait(timeout=240) for driver in drivers] == [0, 0], [
        p.read_text() for p in store.glob("out-*")
    ]
    assert cells_in_store() == Counter([*CELLS, ("both", 0), ("both", 1)])
    assert len(find_runs("train")) == 8 and len(find_runs("pretrain")) == 2
    for name, count in (("small", 6), ("other", 8)):
        parent, _ = find_study(name, None)
        record = json.loads(Path(parent.artifact_uri, "summary", "..", "study.json").read_text())
        assert len(record["cells"]) == count and parent.status == "FINISHED"


@pytest.mark.parametrize(
    "words, named",
    [
        (["study", "--study", "publishd"], "did you mean published?"),
        (["study", "--seeds", "0", "--jbos", "2"], "did you mean jobs?"),
        (["study", "--visual", "resnet"], "the study itself sets visual"),
        (["study", "--latent_dimm", "3"], "did you mean latent_dim?"),
        (["study", "--learning_rate", "-1"], "learning_rate=-1"),
        (["study", "--engine", "ray"], "MLFLOW_TRACKING_URI=http"),
        (["plan", "--study", "nope.yaml"], "there is no such file"),
        (["summary", "--study", "small", "--also", "health/test_skill"], "unknown measure health/test_skill"),
        (["report", "--also", "test/imageloss"], "did you mean test/image_loss?"),
        (["report", "--also", "zzz"], "unknown measure zzz; there are test/image_loss, test/text_loss,"),
        (["summary", "--also", "test/image_loss"], "reads a study: name one with study"),
    ],
)
def test_a_bad_study_command_ends_with_2_and_leaves_no_run(command, store, words, named):
    code, _, err = command(*words)
    assert code == 2 and named in err and "Traceback" not in err
    assert not find_runs("study")


def test_a_summary_of_a_study_that_was_never_run(command, store):
    code, _, err = command("summary", "--study", "published")
    assert code == 1 and "holds no study published" in err and "python -m ablation study" in err
