"""What an engine is given and gives back."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

from ablation.errors import AblationError

DONE, FAILED, BUSY, STOPPED, UNFIT = "done", "failed", "busy", "stopped", "unfit"
ATTEMPTS = 3
SECONDS_TO_STOP = 6


class Busy(AblationError):
    """Someone else is at this very task: come back later."""


class Unfit(AblationError):
    """This machine cannot do the task; another may."""


@dataclass(frozen=True)
class Task:
    """Plain values for a function named `module:function`, which is called with them and a reporter."""

    name: str
    function: str
    work: dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How a task ended; `message` tells why it failed."""

    status: str
    result: dict[str, Any] = field(default_factory=dict)
    message: str = ""


@dataclass(frozen=True)
class Event:
    """Something to show: a task began, got on (`share` of its work done, in [0, 1]), said a line, or ended; or the engine
    has a `note` on it.
    """

    task: str
    kind: str
    share: float = 0.0
    text: str = ""
    outcome: Outcome | None = None


Watch = Callable[[Event], None]


class Engine(Protocol):
    """Runs tasks, several at once."""

    def start(self) -> None:
        """Begins what takes time before there are tasks."""

    def run(self, tasks: Sequence[Task], watch: Watch) -> dict[str, Outcome]:
        """Outcome by task name: every task is tried, none stops another."""

    def close(self) -> None:
        """Gives back what it holds."""


class Reporter:
    """In the place of a console within a task: what it is told becomes events."""

    def __init__(self, task: str, send: Watch):
        self.task, self.send = task, send
        self.shown = -1.0

    def say(self, text: str = "") -> None:
        """A line."""
        self.send(Event(self.task, "say", text=text))

    def progress(self, label: str, done: int, total: int) -> None:
        """Passed on when it has moved by a hundredth."""
        share = done / total if total else 0.0
        if abs(share - self.shown) >= 0.01:
            self.shown = share
            self.send(Event(self.task, "progress", share, label))

    def close(self) -> None:
        """Nothing is open."""


def tell_busy(task: Task, outcome: Outcome, told: set[str], watch: Watch) -> None:
    """Says once why a task waits."""
    if task.name not in told:
        told.add(task.name)
        watch(Event(task.name, "note", text=f"waits: {outcome.message}"))


def perform(task: Task, send: Watch) -> Outcome:
    """Calls the task's function in this process; what it raises becomes a failed outcome."""
    module, _, function = task.function.partition(":")
    try:
        return Outcome(DONE, getattr(import_module(module), function)(task.work, Reporter(task.name, send)))
    except Busy as error:
        return Outcome(BUSY, message=str(error))
    except Unfit as error:
        return Outcome(UNFIT, message=str(error))
    except KeyboardInterrupt:
        return Outcome(STOPPED, message="stopped from outside")
    except AblationError as error:
        return Outcome(FAILED, message=str(error))
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{type(error).__name__}: {error} (in {where.name}, line {where.lineno} of {where.filename})"
        return Outcome(FAILED, message=told)
