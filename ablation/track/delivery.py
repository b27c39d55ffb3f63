"""Brings a run's journal to the tracker beside the work: in order, once, and again until it arrives."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ablation.errors import AblationError, TrackingError
from ablation.places import refused
from ablation.track.clock import steady
from ablation.track.journal import Entry, Journal, together
from ablation.track.owner import SECONDS_BETWEEN_BEATS, AtWork
from ablation.track.patience import in_short, may_pass, pauses, was_outrun

LONGEST_PAUSE_AWAITED = 2.0
"""Seconds between two tries while somebody waits for the last of it: a server that dies again and again is not there for
long.
"""
logger = logging.getLogger("ablation")


class Undelivered(AblationError):
    """The tracking server does not answer; what it lacks is on disk."""


class Delivery:
    """`send` tells the tracker of one entry; telling it twice must be as telling it once. `beat` gives a sign of life
    and raises where the run is another's by now: every minute, after an outage, and before a status is told.
    """

    def __init__(self, journal: Journal, send: Callable[[Entry], None], beat: Callable[[], None]):
        self.journal, self.send, self.beat = journal, send, beat
        self.changed = threading.Condition()
        self.refusal: Exception | None = None
        self.gone_since: float | None = None
        self.beaten = steady()
        self.trouble, self.closed, self.awaited = "", False, 0
        self.thread = threading.Thread(target=self._work, name="delivery", daemon=True)
        self.thread.start()

    def put(self, call: str, arguments: dict[str, Any]) -> None:
        """On disk when this returns. Raises TrackingError when the tracker has refused something."""
        with self.changed:
            self._raise_refusal()
            self.journal.append(call, arguments)
            self.changed.notify_all()

    def flush(self, patience: float, at_most: float | None = None) -> None:
        """Waits until all has arrived. Raises Undelivered when the tracker has not answered for `patience` seconds
        of the waiting, or after `at_most` seconds; TrackingError when it, or the disk, refuses something.
        """
        with self.changed, self._awaiting():
            began = time.monotonic()
            while self.journal.waiting():
                self._raise_refusal()
                now = time.monotonic()
                silent = 0.0 if self.gone_since is None else now - max(began, self.gone_since)
                over = at_most is not None and now - began > at_most
                if silent > patience or over or not self.thread.is_alive():
                    still = "it is still taking them" if self.thread.is_alive() else "none is sent any more"
                    raise Undelivered(
                        f"the tracking server has not taken {len(self.journal.waiting())} entries "
                        f"({self.trouble or still}); they lie in {self.journal.folder}"
                    )
                self.changed.wait(0.2)
            self._raise_refusal()

    @contextmanager
    def _awaiting(self) -> Iterator[None]:
        """Within it the pauses between tries are short, also one that has begun."""
        self.awaited += 1
        try:
            yield
        finally:
            self.awaited -= 1

    def close(self) -> None:
        """No more is delivered; what waits stays on disk."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    @property
    def reaches_tracker(self) -> bool:
        """Whether that answers, if only with a refusal, and the run is nobody else's."""
        return self.gone_since is None and not isinstance(self.refusal, AtWork)

    def _raise_refusal(self) -> None:
        if isinstance(self.refusal, AblationError):
            raise self.refusal
        if self.refusal is not None:
            raise TrackingError(
                f"{self._refused()}. What the tracking server lacks is kept in {self.journal.folder}; once the cause "
                "is gone the same command goes on"
            ) from self.refusal

    def _refused(self) -> str:
        if isinstance(self.refusal, OSError) and self.refusal.errno:
            return refused(self.refusal).rstrip(".")
        return f"the tracking server refuses what the run tells it: {in_short(self.refusal)}"

    def _work(self) -> None:
        rest = pauses()
        while True:
            entry = self._next()
            if self.closed:
                return
            try:
                with self.journal.telling():
                    if self.closed:
                        return
                    self._tell(entry)
                self._arrived(entry)
            except Exception as error:
                if not self._lives_on(error):
                    return
                self._pause(next(rest))
            else:
                rest = pauses()

    def _tell(self, entry: Entry | None) -> None:
        """A file that waits once more, further on, is sent then."""
        if self._seconds_to_beat() <= 0 or self.gone_since is not None or (entry and entry.call == "status"):
            self._beat()
        if self._seconds_to_beat() <= 0:  # asleep since it looked: the run may be another's by now
            self._beat()
        if entry and not any(
            e.arguments == entry.arguments for e in self._later(entry) if e.call == entry.call == "file"
        ):
            self.send(entry)

    def _beat(self) -> None:
        began = steady()
        self.beat()
        self.beaten = began

    def _seconds_to_beat(self) -> float:
        return self.beaten + SECONDS_BETWEEN_BEATS - steady()

    def _later(self, entry: Entry) -> list[Entry]:
        with self.changed:
            return [other for other in self.journal.waiting() if other.number > entry.number]

    def _next(self) -> Entry | None:
        """The first that waits, with what can be told along, or None when it is time for a sign of life."""
        with self.changed:
            self.changed.wait_for(lambda: self.closed or self.journal.waiting(), self._seconds_to_beat())
            waiting = self.journal.waiting()
            return together(waiting) if waiting else None

    def _lives_on(self, error: Exception) -> bool:
        """False when it is a refusal: a later try would fare no better."""
        with self.changed:
            if not may_pass(error):
                self.refusal = error
                self.changed.notify_all()
                return False
            if self.gone_since is None and not was_outrun(error):
                self.gone_since = time.monotonic()
                logger.warning(
                    "the tracking server does not answer (%s); the run goes on, what it logs waits in %s",
                    in_short(error),
                    self.journal.folder,
                )
            self.trouble = in_short(error)
            return True

    def _pause(self, seconds: float) -> None:
        began = time.monotonic()
        with self.changed:
            while not self.closed:
                longest = min(seconds, LONGEST_PAUSE_AWAITED) if self.awaited else seconds
                left = began + longest - time.monotonic()
                if left <= 0:
                    return
                self.changed.wait(min(left, 0.2))

    def _arrived(self, entry: Entry | None) -> None:
        with self.changed:
            if self.gone_since is not None:
                seconds = time.monotonic() - self.gone_since
                logger.warning("the tracking server answers again after %.0f s", seconds)
            self.gone_since, self.trouble = None, ""
            if entry is not None and not self.closed:  # another may write there by now
                self.journal.take(entry)
            self.changed.notify_all()
