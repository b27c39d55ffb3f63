"""A stop from outside never lands in the middle of what must stay whole."""

import os
import signal
import subprocess
import sys
import time

import pytest

from ablation import stopping
from ablation.stopping import listen, whole


@pytest.fixture(autouse=True)
def signals():
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    listen(*kept)
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def test_a_stop_is_raised_at_once():
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)


def test_within_a_block_it_waits_for_the_end_of_the_outermost():
    done = []
    with pytest.raises(KeyboardInterrupt), whole():
        with whole():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)
            done.append("inner")
        done.append("outer")
    assert done == ["inner", "outer"]


def test_what_fails_within_a_block_is_not_hidden_by_a_stop():
    with pytest.raises(ValueError, match="reason"), whole():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)
        raise ValueError("reason")


def test_a_second_signal_does_not_break_the_saving(monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.05)
    monkeypatch.setattr(stopping, "SECONDS_TO_SAVE", 0)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)


def test_the_program_ends_with_130():
    code = (
        "import signal, os, sys\nfrom ablation import __main__ as m\nm.listen(signal.SIGTERM)\n"
        "m.run = lambda *_: (os.kill(os.getpid(), signal.SIGTERM), __import__('time').sleep(5))\n"
        "sys.exit(m.main(['main']))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 130
