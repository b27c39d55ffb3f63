"""A run as it is written to a real store: by many at once, refused, left behind."""

import json
import threading

import pytest
from mlflow import MlflowClient

from ablation.errors import TrackingError
from ablation.track.left_behind import deliver, mark_dead_runs, undelivered
from ablation.track.mlflow_run import OWNER_TAG, MlflowRun, closing
from ablation.track.query import find_runs

DEAD = "{host} {boot} 1 0"


@pytest.fixture
def run(store):
    return MlflowRun.start("a run", {"kind": "train"})


def left_by_a_dead_process(run):
    """Stops the delivery and makes it look as if the process were gone."""
    run.delivery.close()
    run.delivery.thread.join()
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
    run.delivery.close()
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
    run.delivery.close()
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
    run.settle()
    run.delivery.close()
    run.delivery.thread.join()
    run.delivery.journal.append("batch", {"metrics": [["late", 7.0, 1, 3]]})
    left_by_a_dead_process(run)
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
    run.settle()
    run.delivery.close()
    run.delivery.thread.join()
    run.delivery.journal.append("status", {"status": "KILLED", "ended": 1})
    left_by_a_dead_process(run)
    MlflowClient().set_tag(run.run_id, OWNER_TAG, "elsewhere b 1 2")
    with pytest.raises(TrackingError, match=r"has gone on elsewhere meanwhile \(elsewhere\)"):
        deliver(run.run_id)
    assert find_runs("train")[0].status == "RUNNING"


def test_delivering_where_nothing_waits_says_so(command, store, monkeypatch):
    monkeypatch.setenv("ABLATION_CACHE", str(store / "cache"))
    code, out, _ = command("deliver", "--run", "0123")
    assert code == 0 and "nothing of run 0123 waits in" in out
    assert "nothing waits in" in command("deliver")[1]
