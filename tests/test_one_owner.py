"""A run has one writer at a time, on one machine or on two, and who was cut off does not come between."""

import http.server
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from email.utils import formatdate
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from ablation.ownership import held, is_alive, this_process
from ablation.places import cache_folder
from ablation.track import delivery, run_folder
from ablation.track.clock import server_now
from ablation.track.endings import FAILURE_TAG, NOTE_TAG
from ablation.track.journal import Journal
from ablation.track.left_behind import mark_dead_runs, undelivered
from ablation.track.mlflow_run import MlflowRun, closing
from ablation.track.owner import CLAIM_TAG, HEARTBEAT_TAG, OWNER_TAG, AtWork, is_at_work
from ablation.track.run_folder import lock_of
from tests.servers import wait_until
from tests.test_tracked_run import left_by_a_dead_process

ROOT = Path(__file__).parents[1]
ELSEWHERE = "elsewhere b 1 2 3"


@pytest.fixture
def run(store, monkeypatch):
    monkeypatch.setattr(run_folder, "SECONDS_TO_LET_GO", 0)
    return MlflowRun.start("a run", {"kind": "train"})


@pytest.fixture
def process():
    """A living process; its mark and itself."""
    code = "from ablation.ownership import this_process; print(this_process(), flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, **pipes)
    yield started.stdout.readline().strip(), started
    started.kill()
    started.communicate()


def server_says(run):
    found = MlflowClient().get_run(run.run_id)
    return found.info.status, found.data.tags


def values(run, name):
    return [(p.step, p.value) for p in MlflowClient().get_metric_history(run.run_id, name)]


def give_to(run, owner, beat=None):
    """As if that process had taken it over."""
    MlflowClient().set_tag(run.run_id, OWNER_TAG, owner)
    MlflowClient().set_tag(run.run_id, HEARTBEAT_TAG, str(beat or server_now()))


def cut_off(run):
    """Has the run's process think that the server was away."""
    run.settle()
    run.delivery.gone_since = time.monotonic()


def test_a_run_that_a_living_process_is_at_is_not_opened_again(run, process):
    mark, other = process
    run.settle()
    run.close()
    give_to(run, mark)
    with pytest.raises(
        AtWork, match=rf"run {run.run_id} is at work in process {other.pid} on .*then the same"
    ):
        MlflowRun.reopen(run.run_id)
    assert server_says(run)[1][OWNER_TAG] == mark
    other.kill()
    other.wait()
    again = MlflowRun.reopen(run.run_id)
    assert server_says(run)[1][OWNER_TAG] == this_process()
    again.finish()


def test_a_run_of_another_machine_is_opened_once_it_is_silent_or_for_the_same_claim(run):
    run.set_tags({CLAIM_TAG: "ours"})
    run.settle()
    run.close()
    give_to(run, ELSEWHERE)
    for tags in ({}, {CLAIM_TAG: "other"}):
        with pytest.raises(AtWork, match="counts as dead 15 minutes after its last sign of life"):
            MlflowRun.reopen(run.run_id, tags)
    MlflowRun.reopen(run.run_id, {CLAIM_TAG: "ours"}).close()
    give_to(run, ELSEWHERE, beat=server_now() - 901_000)
    MlflowRun.reopen(run.run_id).finish()


def test_no_second_process_writes_where_one_is(run):
    with pytest.raises(AtWork, match="is at work"):
        MlflowRun.reopen(run.run_id)
    run.log_metrics({"a": 1.0}, 1)
    run.fail("stopped", "KILLED")
    MlflowRun.reopen(run.run_id).finish()
    assert values(run, "a") == [(1, 1.0)] and not run.folder.exists()


def test_a_run_that_could_not_be_opened_whole_is_free_again(run, monkeypatch):
    run.settle()
    run.close()
    before = set(threading.enumerate())
    with monkeypatch.context() as changed, pytest.raises(KeyboardInterrupt):
        changed.setattr(
            "ablation.track.mlflow_run._steps", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        MlflowRun.reopen(run.run_id)
    wait_until(lambda: set(threading.enumerate()) <= before, 20)
    MlflowRun.reopen(run.run_id).finish()


def test_who_was_cut_off_does_not_write_into_a_run_that_went_on_elsewhere(run):
    cut_off(run)
    give_to(run, ELSEWHERE)
    with pytest.raises(AtWork, match=r"has gone on elsewhere meanwhile \(elsewhere\)"), closing(run):
        run.log_metrics({"a": 1.0}, 1)
        run.settle()
    status, tags = server_says(run)
    assert status == "RUNNING" and FAILURE_TAG not in tags and not values(run, "a")
    with held(lock_of(run.run_id), wait=False) as free:
        assert free


def test_a_run_that_is_anothers_is_not_finished(run):
    """Also where nobody has noticed an outage, as after a machine's sleep."""
    run.settle()
    give_to(run, ELSEWHERE)
    with pytest.raises(AtWork, match="gone on elsewhere"):
        run.finish()
    assert server_says(run)[0] == "RUNNING" and run.folder.exists()


def test_signs_of_life_end_where_a_run_is_anothers(run, monkeypatch):
    run.settle()
    monkeypatch.setattr(delivery, "SECONDS_BETWEEN_BEATS", 0)
    give_to(run, ELSEWHERE, beat=1234567890123)
    run.delivery.beaten = 0
    with pytest.raises(AtWork):
        run.log_metrics({"a": 1.0}, 1)
        run.settle()
    assert server_says(run)[1][HEARTBEAT_TAG] == "1234567890123"


def test_a_living_run_that_was_marked_dead_elsewhere_runs_again(run, monkeypatch, tmp_path):
    run.describe("a page")
    cut_off(run)
    give_to(run, ELSEWHERE, beat=server_now() - 901_000)
    with monkeypatch.context() as there:
        there.setenv("ABLATION_CACHE", str(tmp_path / "another machine"))
        mark_dead_runs(lambda said: None)
    assert server_says(run)[0] == "KILLED"
    give_to(run, this_process())
    run.log_metrics({"a": 1.0}, 1)
    run.settle()
    status, tags = server_says(run)
    assert status == "RUNNING" and FAILURE_TAG not in tags and tags[NOTE_TAG] == "a page"
    run.finish()
    assert server_says(run)[0] == "FINISHED"


def test_signs_of_life_are_never_set_back(run):
    old = {HEARTBEAT_TAG: "1000000000000", OWNER_TAG: ELSEWHERE}
    run._put("batch", {"metrics": [["a", 1.0, 1, 1]], "tags": old | {"other": "1"}})
    run.settle()
    tags = server_says(run)[1]
    assert (
        int(tags[HEARTBEAT_TAG]) > 1_600_000_000_000
        and tags[OWNER_TAG] == this_process()
        and tags["other"] == "1"
    )


def test_a_finished_run_stays_finished_though_a_sign_of_life_is_due(run):
    run._put("status", {"status": "FINISHED", "ended": 1_700_000_000_000})
    run.settle()
    run.delivery.beaten = 0
    run.delivery.put("name", {"name": "later"})
    run.settle()
    assert server_says(run)[0] == "FINISHED"


def test_what_lies_here_is_set_aside_where_the_run_went_on_elsewhere(run, monkeypatch, tmp_path, caplog):
    run.log_metrics({"a": 1.0}, 1)
    run.settle()
    run.close()
    run.delivery.thread.join()
    run.delivery.journal.append("batch", {"metrics": [["a", 2.0, 1, 2]]})
    (run.folder / "last.pt").write_text("old")
    left_by_a_dead_process(run)
    with monkeypatch.context() as there:
        there.setenv("ABLATION_CACHE", str(tmp_path / "another machine"))
        second = MlflowRun.reopen(run.run_id)
        second.log_metrics({"a": 3.0}, 2)
        second.fail("stopped", "KILLED")
        give_to(run, ELSEWHERE)
    again = MlflowRun.reopen(run.run_id)
    assert not (again.folder / "last.pt").exists()
    again.finish()
    assert values(run, "a") == [(1, 1.0), (2, 3.0)]
    (aside,) = (cache_folder() / "set-aside").glob(f"{run.run_id}-*")
    assert (aside / "last.pt").read_text() == "old" and str(aside) in caplog.records[-1].message


def test_what_lies_here_stays_where_a_process_died_before_the_run_was_its_own(run):
    """It has written its mark here, but the server has not got it."""
    left_by_a_dead_process(run, "batch", {"metrics": [["a", 1.0, 1, 1]]})
    owner = server_says(run)[1][OWNER_TAG]
    run_folder.take_over(run.run_id, owner, mlflow.get_tracking_uri())
    MlflowRun.reopen(run.run_id).finish()
    assert values(run, "a") == [(1, 1.0)] and not list(cache_folder().glob(f"set-aside/{run.run_id}-*"))


def test_a_dead_run_is_not_marked_while_another_process_opens_it(run):
    left_by_a_dead_process(run, "batch", {"metrics": [["late", 7.0, 1, 3]]})
    said = []
    with held(lock_of(run.run_id), wait=False):
        assert mark_dead_runs(said.append) == []
        assert run.run_id not in [waiting.run_id for waiting in undelivered()]
    assert server_says(run)[0] == "RUNNING" and said == []
    mark_dead_runs(said.append)
    assert server_says(run)[0] == "KILLED"


def test_the_mark_of_a_process_tells_containers_of_a_machine_apart():
    *rest, numbered_by, cache = this_process().split()
    assert numbered_by.isdigit() and is_alive(" ".join([*rest, numbered_by, cache]))
    assert is_alive(" ".join([*rest, "1", cache])) is None
    assert is_alive(" ".join([*rest, numbered_by])) and is_alive(" ".join(rest))  # earlier versions'


def test_a_machine_that_started_anew_knows_its_processes_of_before_for_dead():
    host, _, *rest, cache = this_process().split()
    assert is_alive(f"{host} before {' '.join(rest)} {cache}") is False
    for other in ("unknown", "0123456789ab"):  # another machine of the same name
        assert is_alive(f"{host} before {' '.join(rest)} {other}") is None
    assert is_alive(f"elsewhere before {' '.join(rest)} {cache}") is None


def test_a_run_goes_on_at_once_after_the_power_failed(run):
    """Though its last sign of life is seconds old."""
    run.settle()
    run.close()
    host, _, *rest = this_process().split()
    give_to(run, " ".join([host, "before", *rest]))
    said = []
    mark_dead_runs(said.append)
    assert server_says(run)[0] == "KILLED" and "now KILLED" in said[0]
    MlflowRun.reopen(run.run_id).finish()


@pytest.fixture
def server_with_a_clock():
    """Says that it is so many seconds later."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response_only(200)
            self.send_header("Date", formatdate(time.time() + self.server.ahead, usegmt=True))
            self.end_headers()

        def log_message(self, *words):
            pass

    with ExitStack() as stack:

        def start(ahead):
            server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer))
            server.ahead = ahead
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            mlflow.set_tracking_uri(f"http://127.0.0.1:{server.server_port}")

        yield start
        mlflow.set_tracking_uri(None)


def test_machines_judge_by_the_clock_of_the_server(server_with_a_clock, monkeypatch):
    server_with_a_clock(3600)
    assert abs(server_now() / 1000 - time.time() - 3600) < 5
    tags = {OWNER_TAG: ELSEWHERE, HEARTBEAT_TAG: str(int(time.time() + 3600 - 10) * 1000)}
    assert is_at_work("RUNNING", tags)
    real = time.time
    monkeypatch.setattr("time.time", lambda: real() - 7200)
    assert is_at_work("RUNNING", tags) and not is_at_work("RUNNING", tags | {HEARTBEAT_TAG: "1"})


def test_without_a_server_that_tells_the_time_the_machines_clock_counts(tmp_path):
    for uri in (f"sqlite:///{tmp_path}/none.db", "http://127.0.0.1:9"):
        mlflow.set_tracking_uri(uri)
        assert abs(server_now() / 1000 - time.time()) < 1
    mlflow.set_tracking_uri(None)


def test_a_batch_as_large_as_mlflow_takes_arrives(run):
    run.settle()
    run.close()
    run.delivery.thread.join()
    journal = Journal(run.folder / "journal")
    for n in range(12):
        metrics = [[f"m{i}", 0.0, 1, n] for i in range(90)]
        journal.append("batch", {"metrics": metrics, "tags": {f"tag{n}.{i}": "1" for i in range(5)}})
    MlflowRun.reopen(run.run_id).finish()
    assert len(values(run, "m0")) == 12 and "tag11.4" in server_says(run)[1]


def test_resume_of_a_run_at_work_is_refused(command, run, process, monkeypatch):
    mark, other = process
    monkeypatch.setattr("ablation.commands.train.load_stories", _a_few_stories)
    run.settle()
    run.close()
    give_to(run, mark)
    code, _, err = command("main", "--resume", run.run_id)
    assert code == 1 and f"is at work in process {other.pid}" in err and "Traceback" not in err


def _a_few_stories(*_):
    class Source:
        digest = "0123"

    class Stories:
        source = Source

    return Stories
