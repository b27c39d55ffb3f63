"""How a run ended stands in the tracker at once, whatever the disk refuses, the tracker refuses or takes long for."""

import errno
import os
import signal
import threading
from contextlib import suppress

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from ablation.errors import TrackingError
from ablation.ownership import held
from ablation.stopping import listen, whole
from ablation.track import mlflow_run
from ablation.track.endings import FAILURE_TAG, NOTE_TAG
from ablation.track.journal import Journal
from ablation.track.left_behind import mark_dead_runs
from ablation.track.mlflow_run import MlflowRun, closing
from ablation.track.query import find_runs
from ablation.track.run_folder import lock_of
from ablation.track.sending import Sender
from tests.test_tracked_run import left_by_a_dead_process


@pytest.fixture
def run(store, monkeypatch):
    monkeypatch.setattr(mlflow_run, "SECONDS_TO_DELIVER_A_STOP", 0.5)
    started = MlflowRun.start("a run", {"kind": "train"})
    started.describe("its page")
    return started


def told(run):
    """Status, failure and page."""
    found = MlflowClient().get_run(run.run_id)
    return found.info.status, found.data.tags.get(FAILURE_TAG, ""), found.data.tags[NOTE_TAG]


def is_free(run):
    with held(lock_of(run.run_id), wait=False) as free:
        return free


def refuse_files(monkeypatch):
    def refuse(*_):
        raise MlflowException("no room for files", error_code=PERMISSION_DENIED)

    monkeypatch.setattr(MlflowClient, "log_artifact", refuse)


def test_a_full_disk_here_does_not_hide_the_end(run, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    run.settle()
    monkeypatch.setattr(Journal, "_write", full)
    with pytest.raises(TrackingError, match="No space left"), closing(run):
        run.log_metrics({"a": 1.0}, 1)
    status, failure, page = told(run)
    assert status == "FAILED" and "No space left" in failure and page.endswith("its page") and is_free(run)


def test_a_stop_is_told_though_a_file_is_still_on_its_way(run, monkeypatch):
    """And no sign of life of the sender that is still at it makes it run again."""
    on_its_way, arrived = threading.Event(), threading.Event()

    def slow(*_):
        on_its_way.set()
        arrived.wait(20)

    monkeypatch.setattr(MlflowClient, "log_artifact", slow)
    with pytest.raises(KeyboardInterrupt), closing(run):
        run.log_text("large", "a.txt")
        assert on_its_way.wait(10)
        run.log_metrics({"late": 1.0}, 1)
        raise KeyboardInterrupt
    assert told(run)[0] == "KILLED" and "same command goes on" in told(run)[1]
    arrived.set()
    run.delivery.thread.join()
    assert told(run)[0] == "KILLED" and "late" not in MlflowClient().get_run(run.run_id).data.metrics
    monkeypatch.undo()
    MlflowRun.reopen(run.run_id).finish()
    assert told(run) == ("FINISHED", "", "its page")
    assert MlflowClient().get_run(run.run_id).data.metrics == {"late": 1.0}


def test_what_is_refused_at_the_very_end_fails_the_run_until_it_is_delivered(run, monkeypatch, command):
    with monkeypatch.context() as refusing, pytest.raises(TrackingError, match="no room for files"):
        refuse_files(refusing)
        with closing(run):
            run.log_text("text", "a.txt")
    status, failure, page = told(run)
    assert status == "FAILED" and "no room for files" in failure and page.startswith("**FAILED**")
    left_by_a_dead_process(run)
    code, _, err = command("deliver")
    assert code == 0, err
    assert told(run) == ("FINISHED", "", "its page")
    assert [file.path for file in MlflowClient().list_artifacts(run.run_id)] == ["a.txt"]


def test_a_stop_that_waits_behind_an_error_does_not_hide_the_end(run):
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    listen(signal.SIGTERM)
    try:
        with suppress(KeyboardInterrupt), closing(run), whole():
            os.kill(os.getpid(), signal.SIGTERM)
            raise TrackingError("the reason")
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert told(run)[:2] == ("FAILED", "the reason") and is_free(run)


def test_a_stop_while_the_end_is_told_lets_go_of_the_run(run, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as changed, pytest.raises(KeyboardInterrupt):
        changed.setattr(MlflowRun, "finish", stopped)
        with closing(run):
            pass
    run.delivery.thread.join(10)
    assert is_free(run) and not run.delivery.thread.is_alive()


@pytest.mark.parametrize("at", ["take_over", "_steps"])
def test_a_stop_while_a_run_is_opened_ends_it(run, monkeypatch, at):
    """A new one, and one that goes on."""
    run.fail("stopped", "KILLED")

    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as changed, pytest.raises(KeyboardInterrupt):
        changed.setattr(mlflow_run, at, stopped)
        MlflowRun.start("new", {"kind": "train"}) if at == "take_over" else MlflowRun.reopen(run.run_id)
    assert {each.status for each in find_runs("train")} == {"KILLED"} and is_free(run)


def test_what_is_delivered_without_an_end_is_marked(run, command):
    left_by_a_dead_process(run, "status", {"status": "RUNNING"})
    code, out, err = command("deliver")
    assert code == 0, err
    assert "1 entries delivered" in out and "now KILLED" in out and told(run)[0] == "KILLED"


def test_nobody_takes_a_run_over_that_another_took_over_during_an_outage(run, monkeypatch):
    """Both had found it free."""
    run.fail("stopped", "KILLED")
    real, tries = Sender.claim, []

    def claim(sender):
        tries.append(sender)
        if len(tries) == 1:
            tags = {"owner": "elsewhere b 1 2 3", "heartbeat": str(mlflow_run.now())}
            for name, text in tags.items():
                MlflowClient().set_tag(run.run_id, name, text)
            MlflowClient().update_run(run.run_id, status="RUNNING")
            raise ConnectionError("down")
        real(sender)

    monkeypatch.setattr("ablation.track.patience.pauses", lambda: iter([0.01] * 100))
    monkeypatch.setattr(Sender, "claim", claim)
    with pytest.raises(TrackingError, match="is at work"):
        MlflowRun.reopen(run.run_id)
    assert len(tries) == 1 and is_free(run)
    mark_dead_runs(lambda said: None)
    assert told(run)[0] == "RUNNING"
