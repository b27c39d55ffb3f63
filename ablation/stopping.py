"""Stops from outside (Ctrl-C, SIGTERM): raised as KeyboardInterrupt, never in the middle of what must stay whole."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS_TO_SAVE = 8
"""After a stop, further signals are left unheard for so long: `mlflow run` and terminals send two at once."""


class _Stop:
    def __init__(self):
        self.whole, self.waiting, self.heard = 0, False, float("-inf")

    def hear(self, number: int, frame: object) -> None:
        """The signal handler."""
        if time.monotonic() - self.heard < SECONDS_TO_SAVE:
            return
        if self.whole:
            self.waiting = True
            return
        self.interrupt()

    def interrupt(self) -> None:
        self.waiting, self.heard = False, time.monotonic()
        raise KeyboardInterrupt


_stop = _Stop()


def listen(*numbers: signal.Signals) -> None:
    """Has these signals stop the main thread of this process."""
    _stop.heard = float("-inf")
    for number in numbers:
        signal.signal(number, _stop.hear)


@contextmanager
def whole() -> Iterator[None]:
    """A stop that comes within the block is raised at its end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _stop.whole += 1
    try:
        yield
    finally:
        _stop.whole -= 1
    if _stop.waiting and not _stop.whole:
        _stop.interrupt()
