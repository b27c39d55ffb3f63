"""Where runs are kept: odd folder names, addresses that change, a crowded server, variables that outlived their use."""

import json
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from ablation.commands import judging
from ablation.commands.judging import find_study
from ablation.commands.outcome import where_to_look
from ablation.errors import TrackingError
from ablation.places import runs_folder
from ablation.track import models, query
from ablation.track.left_behind import mark_dead_runs, undelivered
from ablation.track.mlflow_run import MlflowRun
from ablation.track.owner import HEARTBEAT_TAG, OWNER_TAG
from ablation.track.patience import in_short, may_pass
from ablation.track.query import find_runs, get_record, local_artifact
from ablation.track.store import is_elsewhere, open_store, tracking_uri
from tests.test_tracked_run import left_by_a_dead_process

ODD_NAMES = ("My project", "Übung ä", "c#", "q?x", "50%25")


@pytest.fixture
def run(store, monkeypatch):
    monkeypatch.setenv("ABLATION_CACHE", str(store / "cache"))
    return MlflowRun.start("a run", {"kind": "train"})


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_folder_may_have_any_name(command, store, empty_store, name):
    folder = store / name
    folder.mkdir()
    shutil.copyfile(empty_store, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        mlflow.set_tracking_uri(None)
        open_store()
        made = MlflowRun.start("a run", {"kind": "train"})
        made.log_text("a,b", "scores/test.csv")
        made.finish()
        (found,) = find_runs("train")
        assert local_artifact(found, "scores/test.csv", store).read_text() == "a,b"
        left = {file.name for file in folder.iterdir()}
    assert left <= {"mlflow.db", "mlruns"} and not (store / name.replace(" ", "%20") / "x").exists()


def test_a_new_database_is_made_in_such_a_folder_whatever_else_its_address_says(store, monkeypatch):
    folder = store / "My project"
    folder.mkdir()
    mlflow.set_tracking_uri(f"sqlite:///{folder}/new.db?timeout=30")
    open_store()
    assert [file.name for file in folder.iterdir()] == ["new.db"]


@pytest.mark.parametrize(
    "words, code",
    [
        (["summary"], 3),
        (["summary", "--study", "published"], 3),
        (["report", "--study", "published"], 1),
        (["predict"], 1),
    ],
)
def test_reading_from_a_mistyped_address_makes_no_store(command, store, words, code):
    mlflow.set_tracking_uri(f"sqlite:///{store}/gone/mlfow.db")
    ended, _, err = command(*words)
    assert ended == code and f"there is no tracking store {store}/gone/mlfow.db" in err
    assert not (store / "gone").exists()


def test_the_ui_is_told_of_a_store_that_it_would_not_find_itself(store, monkeypatch):
    """`mlflow ui` opens, or makes, the mlflow.db of its folder, whatever MLFLOW_TRACKING_URI says."""
    assert where_to_look(("the runs", "#/runs")).startswith("see it with  mlflow ui  (")
    for uri in (f"sqlite:///{store}/other.db", f"sqlite:///{store}/My runs/mlflow.db"):
        mlflow.set_tracking_uri(uri)
        assert f"mlflow ui --backend-store-uri {shlex.quote(uri)}" in where_to_look(("the runs", "#/runs"))
    mlflow.set_tracking_uri("postgresql://me:secret@host/runs")
    told = where_to_look(("the runs", "#/runs"))
    assert 'mlflow ui --backend-store-uri "$MLFLOW_TRACKING_URI"' in told and "secret" not in told


def test_of_a_study_that_is_gone_on_with_its_name_finds_that_run(monkeypatch):
    """It keeps the time at which it was begun. One that was killed is no work, whatever the tracker says."""
    begun, trial = (
        SimpleNamespace(run_id=name, tags={"study": "mine"}, is_alive=False, started=started, ended=ended)
        for name, started, ended in (("begun", 1, 9), ("trial", 5, 0))
    )
    monkeypatch.setattr(judging, "find_runs", lambda kind, experiment: [begun, trial])
    assert find_study("mine", None) == (begun, [trial])
    trial.is_alive = True
    assert find_study("mine", None) == (trial, [begun])


def test_the_newest_model_is_that_of_a_run_that_has_one(monkeypatch, tmp_path):
    runs = [
        SimpleNamespace(run_id=name, name=name, ended=ended) for name, ended in (("ours", 1), ("theirs", 2))
    ]
    of_ours = SimpleNamespace(model_id="m-1")
    monkeypatch.setattr(models, "find_runs", lambda kind, extra: runs)
    monkeypatch.setattr(models, "_model_of", lambda run_id: (None, of_ours if run_id == "ours" else None))
    monkeypatch.setattr(models, "_fetched", lambda uri, beside: uri)
    found = models.find_model(None, tmp_path)
    assert found.packed == "models:/m-1"
    assert (
        found.told == "the model of run ours (ours, the newest finished one with a model; 1 newer have none)"
    )
    monkeypatch.setattr(models, "_model_of", lambda run_id: (None, None))
    with pytest.raises(TrackingError, match="none of the 2 finished runs has a model"):
        models.find_model(None, tmp_path)


def test_a_relative_address_means_the_same_from_another_folder(store, monkeypatch):
    monkeypatch.setenv("ABLATION_CACHE", str(store / "cache"))
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    run = MlflowRun.start("a run", {"kind": "train"})
    about = json.loads((run.folder / "tracker.json").read_text())
    assert about["tracking_uri"] == f"sqlite:///{store}/mlflow.db"
    assert (run.folder / "tracker.json").stat().st_mode & 0o077 == 0
    run.finish()


def test_what_is_left_for_a_store_that_is_gone_stays_and_makes_no_new_one(command, run, store):
    left_by_a_dead_process(run, "batch", {"metrics": [["late", 7.0, 1, 3]]})
    shutil.move("mlflow.db", "away.db")
    code, _, err = command("deliver")
    assert code == 1 and "mlflow.db is gone" in err and "discard" not in err
    assert not Path("mlflow.db").exists() and (run.folder / "journal").exists()
    shutil.move("away.db", "mlflow.db")
    assert command("deliver")[0] == 0 and get_record(run.run_id).metrics["late"] == 7.0


def test_a_moved_project_goes_on_where_it_is_now(run, store):
    left_by_a_dead_process(run, "batch", {"metrics": [["late", 7.0, 1, 3]]})
    (store / "moved").mkdir()
    shutil.move("mlflow.db", "moved/mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{store}/moved/mlflow.db")
    said = []
    mark_dead_runs(said.append)
    assert tracking_uri().endswith("moved/mlflow.db") and not Path("mlflow.db").exists()
    assert get_record(run.run_id).metrics["late"] == 7.0 and "now KILLED" in said[1]


def test_what_belongs_to_another_store_waits_for_it(run, store):
    left_by_a_dead_process(run, "batch", {"metrics": [["late", 7.0, 1, 3]]})
    shutil.copyfile("mlflow.db", "copy.db")
    mlflow.set_tracking_uri(f"sqlite:///{store}/copy.db")
    said = []
    mark_dead_runs(said.append)
    assert "is another store's" in said[0] and "now KILLED" in said[1]
    assert [each.run_id for each in undelivered()] == [run.run_id]
    Path("link.db").symlink_to("copy.db")
    assert not is_elsewhere(f"sqlite:///{store}/link.db") and not is_elsewhere("http://127.0.0.1:9")


def test_a_server_may_have_any_number_of_experiments(store, monkeypatch):
    MlflowRun.start("a run", {"kind": "train"}).finish()
    monkeypatch.setattr(query, "PAGE", 2)
    for n in range(5):
        MlflowClient().create_experiment(f"someone's {n}")
    assert len(find_runs("train")) == len(find_runs("train", "visual-storytelling")) == 1
    monkeypatch.setattr(query, "MOST_NAMED", 3)
    with pytest.raises(TrackingError, match=r"experiment mine does not exist; there are .* and 4 more"):
        find_runs("train", "mine")
    MlflowClient().delete_experiment(MlflowClient().get_experiment_by_name("someone's 1").experiment_id)
    with pytest.raises(TrackingError, match="experiment someone's 1 was deleted"):
        find_runs("train", "someone's 1")


def test_an_experiment_that_cannot_hold_runs_is_told_before_anything_is_made(command, store, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "77")
    code, _, err = command("main")
    assert code == 1 and "MLFLOW_EXPERIMENT_ID=77 names no experiment" in err
    served = MlflowClient().create_experiment("served", artifact_location="mlflow-artifacts:/5")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", served)
    with pytest.raises(TrackingError, match="set MLFLOW_TRACKING_URI to the server's address"):
        MlflowRun.start("a run", {})
    MlflowClient().delete_experiment(served)
    with pytest.raises(TrackingError, match="experiment served was deleted"):
        MlflowRun.start("a run", {})


def test_a_run_in_the_trash_or_that_was_never_there_is_told(run):
    run.close()
    MlflowClient().delete_run(run.run_id)
    with pytest.raises(TrackingError, match="was deleted: restore it"):
        MlflowRun.reopen(run.run_id)
    with pytest.raises(TrackingError, match="cannot be opened"):
        MlflowRun.reopen("0" * 32)


def test_a_used_run_in_the_variable_of_mlflow_run_stays_as_it_is(
    command, run, store, world, monkeypatch, caplog
):
    run.log_metrics({"a": 1.0}, 1)
    run.finish()
    before = get_record(run.run_id)
    monkeypatch.setenv("MLFLOW_RUN_ID", run.run_id)
    assert command("deliver")[0] == 0
    assert "a command has used already" in caplog.text
    assert get_record(run.run_id) == before
    monkeypatch.setenv("MLFLOW_RUN_ID", run.run_id)
    open_store()
    again = MlflowRun.start("another", {"kind": "train"})
    again.finish()
    assert again.run_id != run.run_id and get_record(run.run_id) == before


def test_a_run_of_another_machine_in_that_variable_is_not_taken(command, run, monkeypatch):
    tags = MlflowClient().get_run(run.run_id).data.tags
    run.close()
    MlflowClient().set_tag(run.run_id, OWNER_TAG, "elsewhere b 1 2")
    MlflowClient().set_tag(run.run_id, HEARTBEAT_TAG, tags[HEARTBEAT_TAG])
    monkeypatch.setenv("MLFLOW_RUN_ID", run.run_id)
    code, _, err = command("main")
    assert code == 1 and "is at work in process 1 on elsewhere" in err
    assert MlflowClient().get_run(run.run_id).data.tags[OWNER_TAG] == "elsewhere b 1 2"


def test_what_the_tracker_refuses_is_told_also_where_mlflow_logs_beside_the_work(run, monkeypatch):
    """MLFLOW_ENABLE_ASYNC_LOGGING: the call returns before the tracker has answered."""
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_LOGGING", "true")
    run.close()
    again = MlflowRun.reopen(run.run_id)
    again._put("batch", {"tags": {"x" * 1000: "too long"}})
    with pytest.raises(TrackingError, match="refuses"):
        again.finish()
    assert get_record(run.run_id).status == "FAILED" and runs_folder().exists()


def test_passwords_stay_out_of_messages():
    error = ConnectionError("API request to http://alice:S3CRET@nohost.invalid:5000 failed: name resolution")
    assert "S3CRET" not in in_short(error) and "http://nohost.invalid:5000" in in_short(error)
    assert in_short(ValueError("the value was refused")) == "the value was refused"


def test_which_troubles_pass():
    cloud = type("EndpointConnectionError", (Exception,), {"__module__": "botocore.exceptions"})
    denied = cloud("denied")
    denied.response = {"ResponseMetadata": {"HTTPStatusCode": 403}}
    assert not may_pass(denied)
    assert may_pass(cloud("no answer")) and may_pass(OSError(116, "Stale file handle"))
    assert not may_pass(OSError(28, "No space left on device"))
    assert not may_pass(
        MlflowException("When an mlflow-artifacts URI was supplied, the tracking URI must be")
    )
