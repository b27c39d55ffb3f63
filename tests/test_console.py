"""What a person sees while a command works, on a terminal and in a pipe."""

import io
import sys
import time

import pytest

from ablation.commands.study_progress import TESTING, StudyProgress
from ablation.console import Console, Silent
from ablation.engines.task import DONE, Event, Outcome, Task


class Terminal(io.StringIO):
    """Takes what is written for a screen."""

    def isatty(self):
        return True


def shown(monkeypatch, stream):
    """What goes to standard error while two of three parts are done, the first one long."""
    monkeypatch.setattr(sys, "stderr", stream)
    console = Console()
    console.progress("working", 1, 3)
    time.sleep(0.6)
    console.progress("working", 2, 3)
    console.close()
    return stream.getvalue()


@pytest.mark.parametrize("stream, there", [(Terminal(), True), (io.StringIO(), False)])
def test_a_bar_is_for_a_terminal_and_not_for_a_pipe(monkeypatch, stream, there):
    assert ("working:  67%" in shown(monkeypatch, stream)) == there
    assert there or stream.getvalue() == ""


def test_a_cell_of_a_study_is_done_once_its_model_is_tested():
    tasks = [Task(name, "", {}) for name in ("short", "long")]
    progress = StudyProgress(Silent(), "study", tasks, {"short": 2 + TESTING, "long": 8 + TESTING})
    done = []
    for text, share in (("training a", 0.5), ("training a", 1.0), ("testing a", 0.0), ("testing a", 0.5)):
        progress(Event("long", "progress", share, text))
        done.append(progress.done)
    progress(Event("long", "progress", 0.3, "preparing test stories"))
    total = 10 + 2 * TESTING
    assert done == pytest.approx([4 / total, 8 / total, 8 / total, (8 + TESTING / 2) / total])
    assert progress.done == done[-1]


def told_by(console, weights):
    return StudyProgress(console, "study", [Task(name, "", {}) for name in weights], weights)


class Listening(Silent):
    def __init__(self):
        self.lines = []

    def say(self, text=""):
        self.lines.append(text)


def ended(name):
    return Event(name, "end", 1.0, outcome=Outcome(DONE, {"metrics": {}}))


def test_the_time_left_is_told_from_what_this_call_has_done(monkeypatch):
    """Of four equal cells the first was trained by an earlier call: its test, a fifth of it, took a minute."""
    clock, console = [0.0], Listening()
    monkeypatch.setattr("ablation.commands.study_progress.time.monotonic", lambda: clock[0])
    progress = told_by(console, dict.fromkeys("abcd", 8 + TESTING))
    progress.began = 0.0
    progress(Event("a", "begin"))
    progress(Event("a", "progress", 1.0, "training a"))
    clock[0] = 60.0
    progress(ended("a"))
    assert progress.done == 0.25 and console.lines == ["[1 of 4] a: 60 s; 15 min left"]


def test_what_comes_late_from_a_task_that_has_ended_changes_nothing():
    console = Listening()
    progress = told_by(console, {"a": 10.0, "b": 10.0})
    for event in (
        Event("a", "begin"),
        ended("a"),
        Event("a", "begin"),
        Event("a", "progress", 0.2, "training a"),
    ):
        progress(event)
    assert progress.done == 0.5 and not progress.running
    progress(Event("b", "note", text="waits: run x is at it"))
    assert console.lines[-1] == "b: waits: run x is at it"
