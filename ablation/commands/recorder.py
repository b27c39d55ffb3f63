"""Writes what an epoch leaves behind beside the training of the next one."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from ablation.console import Console


class Recorder:
    """One piece of work at a time, in the order given; a failure is raised at the next `submit` or `wait`.

    Leaving the block waits for it and does the `last` work, also when the run is stopped.
    """

    def __init__(self, console: Console, last: Callable[[], None]):
        self.console, self.last = console, last
        self.pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recorder")
        self.pending: Future | None = None

    def submit(self, work: Callable[[], None]) -> None:
        """Starts the work once the one before is done."""
        self.wait()
        self.pending = self.pool.submit(work)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being written."""
        return self.pending is None or self.pending.done()

    def wait(self) -> None:
        """Until all is written."""
        pending, self.pending = self.pending, None
        if pending:
            pending.result()

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, kind, error, traceback) -> None:
        try:
            try:
                self.wait()
            finally:
                self.last()
        except Exception as lost:
            if error is None:
                raise
            self.console.say(f"what came before the stop could not all be recorded: {lost}")
        finally:
            self.pool.shutdown()
