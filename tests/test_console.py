"""What a person sees while a command works, on a terminal and in a pipe."""

import io
import sys
import time

import pytest

from ablation.commands.study_progress import TESTING, StudyProgress
from ablation.console import Console, Silent
from ablation.engines.task import Event, Task


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
