"""What a person sees while a command works, on a terminal and in a pipe."""

import io
import sys
import time

import pytest

from ablation.console import Console


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
