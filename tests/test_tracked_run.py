"""A run as it is written to a real store: by many at once, refused, left behind."""

import json
import shutil
import threading
import time
from dataclasses import replace

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from ablation.errors import TrackingError
from ablation.ownership import this_process
from ablation.track import given_run
from ablation.track.clock import now
from ablation.track.left_behind import deliver, mark_dead_runs, undelivered
from ablation.track.mlflow_run import MlflowRun, closing
from ablation.track.owner import HEARTBEAT_TAG, OWNER_TAG, silence
from ablation.track.query import find_runs, get_record, local_artifact
from ablation.track.store import label_bystander, open_store
from tests.servers import wait_until

DEAD = "{host} {boot} 1 0"


@pytest.fixture
def run(store):
    return MlflowRun.start("a run", {"kind": "train"})


def left_by_a_dead_process(run, *untold):
    """Stops the delivery and makes it look as if the process were gone, before it told `untold`, a call with its
    arguments.
    """
    if untold:
        run.settle()
    run.close()
    run.delivery.thread.join()
    if untold:
        run.delivery.journal.append(*untold)
    place = run.folder / "tracker.json"
    about = json.loads(place.read_text())
    host, boot, *_ = about[OWNER_TAG].split()
    place.write_text(json.dumps(about | {OWNER_TAG: DEAD.format(host=host, boot=boot)}))
    MlflowClient().set_tag(run.run_id, OWNER_TAG, DEAD.format(host=host, boot=boot))


def test_many_runs_may_begin_with_the_same_new_data_set(store):
    """MLflow itself fails where two write it at the same moment."""
    runs = [MlflowRun.start(f"run {n}", {}) for n in range(8)]
    for round_ in range(5):
        begin = threading.Barrier(len(runs))

        def log(run, digest=f"digest {round_}", begin=begin):
            begin.wait()
            run.log_dataset("stories", digest, "here", {"stories": 3})

        threads = [threading.Thread(target=log, args=(run,)) for run in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for run in runs:
            run.settle()
    for run in runs:
        assert len(MlflowClient().get_run(run.run_id).inputs.dataset_inputs) == 5
        run.finish()


def test_a_metric_has_one_value_for_each_step_whoever_logs_it(run):
    run.log_metrics({"a": 1.0, "b": 2.0}, 1)
    run.log_metrics({"a": 3.0, "c": 4.0}, 1)
    run.settle()
    run.close()
    again = MlflowRun.reopen(run.run_id)
    again.log_metrics({"a": 5.0, "d": 6.0}, 1)
    again.finish()
    for name, value in {"a": 1.0, "b": 2.0, "c": 4.0, "d": 6.0}.items():
        assert [p.value for p in MlflowClient().get_metric_history(run.run_id, name)] == [value]
    assert not run.folder.exists()


def test_a_journal_that_is_told_twice_changes_nothing(run):
    run.log_metrics({"a": 1.0, "b": float("nan")}, 1)
    run.log_text("text", "folder/a.txt")
    run.log_dataset("stories", "0123", "here", {})
    run.settle()
    run.close()
    (run.folder / "journal" / "taken").unlink()
    again = MlflowRun.reopen(run.run_id)
    again.finish()
    for name in ("a", "b"):
        assert len(MlflowClient().get_metric_history(run.run_id, name)) == 1
    assert len(MlflowClient().get_run(run.run_id).inputs.dataset_inputs) == 1
    assert [f.path for f in MlflowClient().list_artifacts(run.run_id, "folder")] == ["folder/a.txt"]


def test_a_run_that_was_deleted_under_its_process_fails_and_says_so(run):
    MlflowClient().delete_run(run.run_id)
    run.log_metrics({"a": 1.0}, 1)
    with pytest.raises(TrackingError, match="refuses what the run tells it"):
        run.settle()


def test_the_end_of_a_run_is_told_although_what_came_before_was_refused(run):
    with pytest.raises(TrackingError), closing(run):
        run._put("batch", {"tags": {"x" * 1000: "too long"}})
        run.settle()
    ended = MlflowClient().get_run(run.run_id)
    assert ended.info.status == "FAILED" and "refuses" in ended.data.tags["failure"]


def test_runs_of_dead_processes_are_marked_and_their_journals_delivered(run):
    living = MlflowRun.start("another", {"kind": "train"})
    left_by_a_dead_process(run, "batch", {"metrics": [["late", 7.0, 1, 3]]})
    assert [each.run_id for each in undelivered()] == [run.run_id]
    said = []
    mark_dead_runs(said.append)
    dead, alive = (MlflowClient().get_run(each.run_id) for each in (run, living))
    assert (dead.info.status, alive.info.status) == ("KILLED", "RUNNING")
    assert "the same command goes on" in dead.data.tags["failure"] and dead.data.metrics["late"] == 7.0
    assert len(said) == 2 and "1 entries delivered" in said[0] and "now KILLED" in said[1]
    mark_dead_runs(said.append)
    assert len(said) == 2 and not list(undelivered())
    living.finish()


def test_what_is_left_here_does_not_overwrite_a_run_that_went_on_elsewhere(run):
    left_by_a_dead_process(run, "status", {"status": "KILLED", "ended": 1})
    MlflowClient().set_tag(run.run_id, OWNER_TAG, "elsewhere b 1 2")
    with pytest.raises(TrackingError, match=r"has gone on elsewhere meanwhile \(elsewhere\)"):
        deliver(run.run_id)
    assert find_runs("train")[0].status == "RUNNING"


def test_what_cannot_be_delivered_is_named_and_does_not_hold_up_the_rest(
    command, run, store, monkeypatch, caplog
):
    """A run that the server lacks, a folder that the power failed at, one of another's."""
    monkeypatch.setenv("ABLATION_CACHE", str(store / "cache"))
    run = MlflowRun.start("a run", {"kind": "train"})
    left_by_a_dead_process(run, "batch", {"metrics": [["late", 7.0, 1, 3]]})
    gone, torn, odd = (run.folder.parent / name for name in ("0" * 32, "1" * 32, "2" * 32))
    shutil.copytree(run.folder, gone)
    about = json.loads((gone / "tracker.json").read_text())
    (gone / "tracker.json").write_text(json.dumps(about | {"run_id": gone.name}))
    for folder, text in ((torn, ""), (odd, "[]")):
        folder.mkdir()
        (folder / "tracker.json").write_text(text)
    code, out, err = command("deliver")
    assert code == 1 and "Traceback" not in err and "1 of 2 runs could not be delivered" in err
    assert "remove that folder to discard it" in err and str(gone) in err
    assert f"run {run.run_id}: 1 entries delivered" in out
    assert MlflowClient().get_run(run.run_id).data.metrics["late"] == 7.0
    assert all(str(folder) in caplog.text for folder in (torn, odd))


def test_a_dead_run_that_may_not_be_marked_is_told_and_the_others_are_marked(run, monkeypatch):
    other = MlflowRun.start("another", {"kind": "train"})
    for each in (run, other):
        each.settle()
        each.close()
        left_by_a_dead_process(each)
    real = MlflowClient.set_terminated

    def refuse(self, run_id, *words):
        if run_id == run.run_id:
            raise MlflowException("not yours", error_code=PERMISSION_DENIED)
        return real(self, run_id, *words)

    monkeypatch.setattr(MlflowClient, "set_terminated", refuse)
    said = []
    mark_dead_runs(said.append)
    assert [f"run {run.run_id} (a run) reads RUNNING" in said[0], "not yours" in said[0]] == [True, True]
    assert MlflowClient().get_run(other.run_id).info.status == "KILLED"


def test_marking_waits_for_a_tracker_that_is_away_for_a_moment(run, monkeypatch):
    run.settle()
    run.close()
    left_by_a_dead_process(run)
    real, calls = MlflowClient.set_terminated, []

    def first_away(*words):
        calls.append(words)
        if len(calls) == 1:
            raise ConnectionError("down")
        return real(*words)

    monkeypatch.setattr("ablation.track.patience.pauses", lambda: iter([0.01] * 100))
    monkeypatch.setattr(MlflowClient, "set_terminated", first_away)
    mark_dead_runs(lambda said: None)
    assert MlflowClient().get_run(run.run_id).info.status == "KILLED"


@pytest.fixture
def given(store, monkeypatch):
    """A run that `mlflow run` has opened for this process."""
    opened = MlflowClient().create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", opened)
    return opened


def silent(run_id, owner, seconds):
    MlflowClient().set_tag(run_id, OWNER_TAG, owner)
    MlflowClient().set_tag(run_id, HEARTBEAT_TAG, str(now() - 1000 * seconds))


def test_a_run_of_mlflow_run_is_owned_before_its_command_makes_it_its_own(given):
    open_store()
    assert MlflowClient().get_run(given).data.tags[OWNER_TAG] == this_process()
    mark_dead_runs(lambda said: None)
    assert MlflowClient().get_run(given).info.status == "RUNNING"
    dead = " ".join([*this_process().split()[:2], "1", "0"])
    said = []
    silent(given, dead, 10)
    mark_dead_runs(said.append)
    assert MlflowClient().get_run(given).info.status == "RUNNING"  # `mlflow run` ends it in a moment
    silent(given, dead, 130)
    mark_dead_runs(said.append)
    assert MlflowClient().get_run(given).info.status == "KILLED" and "now KILLED" in said[0]


def test_its_signs_of_life_go_on_until_it_is_open_for_writing(given, monkeypatch):
    monkeypatch.setattr(given_run, "SECONDS_BETWEEN_BEATS", 0.05)
    label_bystander("report", "report")
    silent(given, this_process(), 500)
    wait_until(lambda: silence(MlflowClient().get_run(given).data.tags) < 60, 20)
    run = MlflowRun.start("mine", {"kind": "train"})
    time.sleep(0.5)
    silent(given, this_process(), 500)
    time.sleep(0.5)
    assert silence(MlflowClient().get_run(given).data.tags) > 400
    run.finish()
    tags = MlflowClient().get_run(given).data.tags
    assert tags["kind"] == "train" and tags["mlflow.runName"] == "mine"


def test_a_run_of_mlflow_run_that_takes_no_labels_does_not_end_the_command(
    command, store, monkeypatch, caplog
):
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    monkeypatch.setenv("ABLATION_CACHE", str(store / "cache"))
    code, out, _ = command("deliver")
    assert code == 0 and "nothing waits" in out and "cannot be told about" in caplog.text


def test_runs_of_others_are_left_alone(store):
    mark = "host boot 1 2"
    for owner, heartbeat in (("alice", "1"), (mark, "fast")):
        MlflowClient().create_run("0", tags={OWNER_TAG: owner, HEARTBEAT_TAG: heartbeat})
    ours = MlflowClient().create_run("0", tags={OWNER_TAG: mark, HEARTBEAT_TAG: "1"}).info.run_id
    said = []
    mark_dead_runs(said.append)
    assert len(said) == 1 and ours in said[0]


def test_delivering_where_nothing_waits_says_so(command, store, monkeypatch):
    monkeypatch.setenv("ABLATION_CACHE", str(store / "cache"))
    code, out, _ = command("deliver", "--run", "0123")
    assert code == 0 and "nothing of run 0123 waits in" in out
    assert "nothing waits in" in command("deliver")[1]


def test_a_file_that_cannot_be_fetched_is_not_one_that_the_run_lacks(store, tmp_path, monkeypatch):
    run = MlflowRun.start("one", {"kind": "train"})
    run.log_text("a,b", "scores/test.csv")
    run.finish()
    far = replace(get_record(run.run_id), artifact_uri="mlflow-artifacts:/1/far")
    assert local_artifact(far, "scores/test.csv", tmp_path).read_text() == "a,b"
    assert local_artifact(far, "scores/other.csv", tmp_path) is None

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(MlflowClient, "download_artifacts", refuse)
    with pytest.raises(TrackingError, match=r"scores/test\.csv cannot be fetched"):
        local_artifact(far, "scores/test.csv", tmp_path)
