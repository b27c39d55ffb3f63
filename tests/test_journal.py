"""What a run has to tell the tracker: on disk, in order, once, whatever happens in between."""

import json
import os
import resource
import signal
import threading
import time
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST, RESOURCE_DOES_NOT_EXIST

from ablation.errors import TrackingError
from ablation.places import write_whole
from ablation.stopping import listen
from ablation.track import delivery as module
from ablation.track.delivery import Delivery, Undelivered
from ablation.track.journal import LINES, Journal, together
from ablation.track.patience import may_pass, patiently
from tests.servers import wait_until


class Tracker:
    """Takes entries unless it is away; `refusing` is what it never takes."""

    def __init__(self, refusing=None):
        self.taken, self.away, self.refusing, self.beats = [], False, refusing, 0

    def send(self, entry):
        if self.away:
            raise ConnectionError("no answer")
        if entry.call == self.refusing:
            raise MlflowException("no such run", error_code=RESOURCE_DOES_NOT_EXIST)
        self.taken.append((entry.call, entry.arguments))

    def beat(self):
        self.beats += 1


@pytest.fixture
def tracker():
    return Tracker()


@pytest.fixture
def deliver(tracker, tmp_path, monkeypatch):
    """A delivery from a folder to the tracker, tried again after hundredths of a second."""
    monkeypatch.setattr(module, "pauses", lambda: iter(lambda: 0.01, None))
    opened = []

    def start():
        opened.append(Delivery(Journal(tmp_path / "journal"), tracker.send, tracker.beat))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def numbered(*numbers):
    return [("name", {"n": n}) for n in numbers]


def test_entries_arrive_in_order(deliver, tracker):
    opened = deliver()
    for n in range(50):
        opened.put("name", {"n": n})
    opened.flush(patience=5)
    assert tracker.taken == numbered(*range(50))


def test_a_tracker_that_is_away_gets_everything_once_when_it_is_back(deliver, tracker, caplog):
    opened = deliver()
    opened.put("name", {"n": 0})
    opened.flush(5)
    tracker.away = True
    for n in (1, 2, 3):
        opened.put("name", {"n": n})
    with pytest.raises(Undelivered, match=r"has not taken 3 entries .*no answer"):
        opened.flush(patience=0.1)
    tracker.away = False
    opened.flush(5)
    assert tracker.taken == numbered(0, 1, 2, 3)
    assert [record.message.split(" (")[0] for record in caplog.records] == [
        "the tracking server does not answer",
        "the tracking server answers again after 0 s",
    ]


def test_the_tracker_is_asked_more_often_while_somebody_waits(deliver, tracker, monkeypatch):
    """A server that dies again and again is not there for long."""
    monkeypatch.setattr(module, "pauses", lambda: iter(lambda: 60.0, None))
    monkeypatch.setattr(module, "LONGEST_PAUSE_AWAITED", 0.01)
    tracker.away = True
    opened = deliver()
    opened.put("name", {"n": 0})
    wait_until(lambda: opened.gone_since is not None, 10)
    tracker.away = False
    opened.flush(patience=3)
    assert tracker.taken == numbered(0)


def test_what_a_killed_process_left_is_delivered_first(deliver, tracker):
    tracker.away = True
    first = deliver()
    for n in range(3):
        first.put("name", {"n": n})
    first.close()
    tracker.away = False
    second = deliver()
    second.put("name", {"n": 3})
    second.flush(5)
    assert tracker.taken == numbered(0, 1, 2, 3)


def test_what_the_tracker_refuses_is_an_error_at_once_and_not_tried_again(deliver, tracker):
    tracker.refusing = "file"
    opened = deliver()
    opened.put("file", {"file": "a"})
    with pytest.raises(TrackingError, match="refuses what the run tells it: no such run"):
        opened.flush(patience=60)
    with pytest.raises(TrackingError, match="refuses"):
        opened.put("batch", {})
    assert tracker.taken == []


def test_a_stop_waits_no_longer_than_it_may(deliver, tracker):
    tracker.send = lambda entry: time.sleep(3)
    opened = deliver()
    opened.put("batch", {})
    began = time.monotonic()
    with pytest.raises(Undelivered, match="still taking"):
        opened.flush(patience=60, at_most=0.3)
    assert time.monotonic() - began < 2


def test_a_file_that_waits_twice_is_sent_once(deliver, tracker):
    tracker.away = True
    opened = deliver()
    for name in ("last.pt", "best.pt", "last.pt"):
        opened.put("file", {"file": name})
    tracker.away = False
    opened.flush(5)
    assert [arguments["file"] for _, arguments in tracker.taken] == ["best.pt", "last.pt"]


def test_what_waits_is_told_in_as_few_calls_as_mlflow_takes_it_in(deliver, tracker):
    tracker.away = True
    opened = deliver()
    for n in range(300):
        metrics = [[name, n, 0, n] for name in "abcdefg"]
        opened.put("batch", {"metrics": metrics, "tags": {"heartbeat": n}})
    opened.put("batch", {"params": {"p": "1"}})
    opened.put("name", {"n": 1})
    opened.put("batch", {"tags": {"t": "1"}})
    tracker.away = False
    opened.flush(5)
    calls = [call for call, _ in tracker.taken]
    assert calls == ["batch", "batch", "batch", "name", "batch"]
    told = [metric for _, arguments in tracker.taken for metric in arguments.get("metrics", ())]
    assert [metric[3] for metric in told if metric[0] == "g"] == list(range(300)) and len(told) == 2100
    assert max(len(arguments.get("metrics", ())) for _, arguments in tracker.taken) <= 1000
    assert tracker.taken[2][1]["params"] == {"p": "1"} and tracker.taken[2][1]["tags"] == {"heartbeat": 299}


def test_a_quiet_run_gives_signs_of_life(deliver, tracker, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_BEATS", 0.01)
    opened = deliver()
    opened.put("batch", {})
    time.sleep(0.3)
    assert tracker.beats > 2


def test_a_run_that_always_has_something_to_tell_gives_signs_of_life_too(deliver, tracker, monkeypatch):
    """Such as one whose checkpoints are large and whose epochs are long."""
    monkeypatch.setattr(module, "SECONDS_BETWEEN_BEATS", 0.2)
    tracker.send = lambda entry: time.sleep(0.05)
    opened = deliver()
    for n in range(20):
        opened.put("file", {"file": str(n)})
    opened.flush(5)
    assert tracker.beats >= 3


def test_a_sign_of_life_goes_before_what_waited_for_a_tracker_and_before_the_end(deliver, tracker):
    opened = deliver()
    tracker.away = True
    opened.put("name", {"n": 0})
    with pytest.raises(Undelivered):
        opened.flush(patience=0.1)
    beats = tracker.beats
    tracker.away = False
    opened.flush(5)
    assert tracker.beats > beats
    beats = tracker.beats
    opened.put("name", {"n": 1})
    opened.flush(5)
    assert tracker.beats == beats
    opened.put("status", {"status": "FINISHED", "ended": 1})
    opened.flush(5)
    assert tracker.beats == beats + 1


def test_a_full_disk_when_an_entry_is_ticked_off_ends_the_waiting(deliver, monkeypatch):
    def full(file, text):
        raise OSError(28, "No space left on device", str(file))

    monkeypatch.setattr("ablation.track.journal.write_whole", full)
    opened = deliver()
    opened.put("name", {"n": 0})
    with pytest.raises(TrackingError, match=r"taken: No space left on device. Make room there"):
        opened.flush(patience=60)
    with pytest.raises(TrackingError, match="Make room there"):
        opened.put("name", {"n": 1})


def test_nobody_waits_for_a_delivery_that_is_over(deliver, tracker):
    tracker.away = True
    opened = deliver()
    opened.put("name", {"n": 0})
    opened.close()
    opened.thread.join()
    with pytest.raises(Undelivered, match="has not taken 1 entries"):
        opened.flush(patience=60)


def test_what_arrives_after_the_end_is_not_ticked_off(deliver, tracker):
    """The journal may be another's by then."""
    tracker.send = lambda entry: time.sleep(0.3)
    opened = deliver()
    opened.put("name", {"n": 0})
    time.sleep(0.1)
    opened.close()
    opened.thread.join()
    assert len(Journal(opened.journal.folder).waiting()) == 1


def test_who_slept_between_looking_and_telling_looks_once_more(deliver, tracker, monkeypatch):
    clock, looks = [0.0], []

    def beat():
        looks.append(clock[0])
        clock[0] += 1000 if len(looks) == 1 else 0

    monkeypatch.setattr(module, "steady", lambda: clock[0])
    tracker.beat = beat
    opened = deliver()
    opened.put("status", {"status": "KILLED"})
    opened.flush(5)
    assert looks == [0.0, 1000.0]


def test_two_never_tell_at_once(deliver, tracker):
    """The first has let go while it still sends: the second waits for it, then tells that once more."""
    goes_on, at_work = threading.Event(), []
    take = tracker.send

    def slow(entry):
        at_work.append(entry.arguments["n"])
        goes_on.wait(10)
        take(entry)

    tracker.send = slow
    first = deliver()
    first.put("name", {"n": 0})
    first.put("name", {"n": 1})
    wait_until(lambda: at_work == [0], 10)
    first.close()
    second = deliver()
    time.sleep(0.3)
    assert at_work == [0]
    goes_on.set()
    second.flush(5)
    assert tracker.taken == numbered(0, 0, 1)


def test_a_batch_holds_no_more_in_all_than_mlflow_takes(tmp_path):
    journal = Journal(tmp_path)
    for n in range(12):
        tags = {f"tag {n} {i}": "1" for i in range(5)}
        journal.append("batch", {"metrics": [["m", 0.0, 0, n]] * 90, "tags": tags})
    batch = together(journal.waiting())
    assert batch.number == 9
    assert (len(batch.arguments["metrics"]), len(batch.arguments["tags"])) == (900, 50)


def test_the_files_of_an_entry_go_when_it_is_taken(tmp_path):
    journal = Journal(tmp_path)
    first, second = (journal.new_folder() / "a.txt" for _ in range(2))
    for file in (first, second, tmp_path / "last.pt"):
        file.write_text("a")
    entries = [journal.append("file", {"file": str(file)}) for file in (second, first, tmp_path / "last.pt")]
    journal.take(entries[0])
    assert first.exists() and not second.parent.exists() and journal.waiting() == entries[1:]
    journal.take(entries[1])
    journal.take(entries[2])
    assert not first.parent.exists() and (tmp_path / "last.pt").exists() and journal.waiting() == []


@given(st.lists(st.text(max_size=20), min_size=1, max_size=6), st.data())
def test_a_journal_cut_anywhere_keeps_its_whole_entries_and_goes_on(tmp_path_factory, texts, data):
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder)
    ends = [0]
    for text in texts:
        journal.append("batch", {"text": text})
        ends.append((folder / LINES).stat().st_size)
    cut = data.draw(st.integers(0, ends[-1]))
    with (folder / LINES).open("r+b") as file:
        file.truncate(cut)
    left = sum(end <= cut for end in ends[1:])
    again = Journal(folder)
    assert [e.arguments["text"] for e in again.entries] == texts[:left]
    again.append("batch", {"text": "new"})
    assert [e.arguments["text"] for e in Journal(folder).entries] == [*texts[:left], "new"]


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path, monkeypatch):
    journal = Journal(tmp_path)
    journal.append("batch", {"n": 0})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        journal.append("batch", {"n": 1})
    monkeypatch.undo()
    assert len(Journal(tmp_path).entries) == len(journal.entries) == 1


@contextmanager
def grows_at_most(file, more):
    """Within it no file of this process grows beyond the size of `file` and `more`, as on a disk that is nearly full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + more, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("stuck", [False, True], ids=["cut at once", "cut later"])
def test_what_a_full_disk_took_in_part_is_cut_off(tmp_path, monkeypatch, stuck):
    journal = Journal(tmp_path)
    journal.append("batch", {"n": 0})
    with monkeypatch.context() as changed:
        if stuck:
            real, calls = os.ftruncate, []

            def only_once(file, size):
                calls.append(size)
                if len(calls) > 1:
                    raise OSError(5, "Input/output error")
                real(file, size)

            changed.setattr("os.ftruncate", only_once)
        with grows_at_most(tmp_path / LINES, 50), pytest.raises(OSError, match="File too large"):
            journal.append("batch", {"text": "x" * 300})
    assert journal.append("batch", {"n": 1}).number == 1
    assert [entry.arguments["n"] for entry in Journal(tmp_path).entries] == [0, 1]


def test_a_damaged_line_is_told_and_takes_no_other_with_it(tmp_path, caplog):
    journal = Journal(tmp_path)
    for n in range(3):
        journal.append("name", {"n": n})
    lines = (tmp_path / LINES).read_bytes().split(b"\n")
    for damage in (b"\0" * 20, b'["name", {"n', b'"text"', b"\xff"):
        (tmp_path / LINES).write_bytes(b"\n".join([lines[0], damage, *lines[2:]]))
        again = Journal(tmp_path)
        assert [(e.call, e.arguments) for e in again.entries] == [
            ("name", {"n": 0}),
            ("batch", {}),
            ("name", {"n": 2}),
        ]
        assert "line 2 of" in caplog.records.pop().message


def test_a_journal_that_lost_its_last_lines_still_tells_new_ones(tmp_path):
    journal = Journal(tmp_path)
    for n in range(3):
        journal.take(journal.append("name", {"n": n}))
    (tmp_path / LINES).write_text(json.dumps(["name", {"n": 0}]) + "\n")
    new = Journal(tmp_path)
    new.append("name", {"n": 9})
    assert [entry.arguments["n"] for entry in new.waiting()] == [9]


def test_a_small_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """Else it may be there and empty once the power has failed."""
    order, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr("os.fsync", lambda *words: (order.append("fsync"), fsync(*words)))
    monkeypatch.setattr("os.replace", lambda *words: (order.append("replace"), replace(*words)))
    write_whole(tmp_path / "small", "text")
    assert order == ["fsync", "replace"] and (tmp_path / "small").read_text() == "text"


def test_a_stop_while_an_entry_is_written_keeps_it(tmp_path, monkeypatch):
    kept, real = signal.getsignal(signal.SIGTERM), os.fsync

    def stopped(file):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
        real(file)

    journal = Journal(tmp_path)
    listen(signal.SIGTERM)
    try:
        with monkeypatch.context() as changed:
            changed.setattr("os.fsync", stopped)
            with pytest.raises(KeyboardInterrupt):
                journal.append("name", {"n": 0})
    finally:
        signal.signal(signal.SIGTERM, kept)
    journal.append("name", {"n": 1})
    assert [e.arguments["n"] for e in journal.entries] == [0, 1]
    assert Journal(tmp_path).entries == journal.entries


def test_questions_wait_for_a_tracker_that_comes_back_but_not_for_ever(monkeypatch):
    monkeypatch.setattr("ablation.track.patience.pauses", lambda: iter([0.01] * 1000))
    answers = iter([ConnectionError("down"), ConnectionError("down"), "here"])

    def ask():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert patiently(ask) == "here"

    def never():
        raise ConnectionError("down")

    with pytest.raises(TrackingError, match="does not answer any more: down"):
        patiently(never, patience=0.05)


def test_a_refusal_is_not_asked_again():
    assert may_pass(MlflowException("(sqlite3.OperationalError) database is locked"))
    assert not may_pass(MlflowException("attempt to write a readonly database"))
    assert may_pass(MlflowException("(sqlite3.IntegrityError) UNIQUE constraint", error_code=BAD_REQUEST))
    assert may_pass(MlflowException("QueuePool limit of size 5 overflow 10 reached", error_code=BAD_REQUEST))
    assert not may_pass(FileNotFoundError("last.pt"))
    assert not may_pass(MlflowException("gone", error_code=RESOURCE_DOES_NOT_EXIST))
