"""Processes of this machine, each working through tasks; one that dies takes no other with it."""

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Sequence
from importlib import import_module
from multiprocessing.connection import Connection, wait

from ablation.engines.task import (
    ATTEMPTS,
    BUSY,
    FAILED,
    SECONDS_TO_STOP,
    STOPPED,
    UNFIT,
    Event,
    Outcome,
    Task,
    Watch,
    perform,
    tell_busy,
)
from ablation.helpers import end_with_parent, spawning, threads_here
from ablation.stopping import listen

SECONDS_UNTIL_ASKED_AGAIN, SECONDS_TO_GO = 2.0, 1.0
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class LocalEngine:
    """`jobs` processes with the threads divided among them; they stay until `close`, since to start one takes
    seconds.
    """

    def __init__(self, jobs: int, threads: int | None = None, preload: Sequence[str] = ()):
        self.jobs = jobs
        self.threads = max(1, (threads or threads_here()) // jobs)
        self.pool = _Pool(jobs, self.threads, preload)

    def start(self) -> None:
        """Has the processes import what tasks need, before there is a task."""
        self.pool.fill()

    def run(self, tasks: Sequence[Task], watch: Watch) -> dict[str, Outcome]:
        """Outcome by task name. A KeyboardInterrupt stops the workers, which save what they have."""
        queue = _Queue(tasks)
        try:
            while not queue.empty or self.pool.busy:
                self.pool.hand_out(queue, watch)
                for worker in self.pool.listen():
                    queue.settle(worker, watch)
        except KeyboardInterrupt:
            self.pool.interrupt()
            self.close()
            raise
        return queue.outcomes

    def close(self) -> None:
        """Ends the processes."""
        self.pool.close()


class _Queue:
    """Tasks that wait, how often each was tried, and what came of those that ended."""

    def __init__(self, tasks: Sequence[Task]):
        self.waiting = deque((0.0, task) for task in tasks)
        self.tries: dict[str, int] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.told_busy: set[str] = set()

    @property
    def empty(self) -> bool:
        return not self.waiting

    def next(self) -> Task | None:
        """The first task that is due, None when none is."""
        for _ in range(len(self.waiting)):
            due, task = self.waiting.popleft()
            if due <= time.monotonic():
                return task
            self.waiting.append((due, task))
        return None

    def settle(self, worker: "_Worker", watch: Watch) -> None:
        """Takes in what a worker has sent; a task whose process died is tried again."""
        event = worker.receive()
        if event is None:
            task, worker.task = worker.task, None
            if task is not None:
                self._died(task, worker.exit_code, watch)
            return
        if event.outcome is None:
            watch(event)
            return
        task, worker.task = worker.task, None
        if event.outcome.status == BUSY:
            self.waiting.append((time.monotonic() + SECONDS_UNTIL_ASKED_AGAIN, task))
            tell_busy(task, event.outcome, self.told_busy, watch)
            return
        unfit = event.outcome.status == UNFIT
        self._ended(task, Outcome(FAILED, message=event.outcome.message) if unfit else event.outcome, watch)

    def _died(self, task: Task, exit_code: int | None, watch: Watch) -> None:
        self.tries[task.name] = self.tries.get(task.name, 0) + 1
        how = f"its process died (exit code {exit_code}; -9 is often a lack of memory)"
        if self.tries[task.name] < ATTEMPTS:
            watch(Event(task.name, "note", text=f"{how}; it goes on in a new one"))
            self.waiting.appendleft((0.0, task))
        else:
            self._ended(task, Outcome(FAILED, message=f"{how}, {ATTEMPTS} times"), watch)

    def _ended(self, task: Task, outcome: Outcome, watch: Watch) -> None:
        self.outcomes[task.name] = outcome
        watch(Event(task.name, "end", 1.0, outcome=outcome))
        if outcome.status == STOPPED:
            raise KeyboardInterrupt


class _Pool:
    def __init__(self, size: int, threads: int, preload: Sequence[str]):
        self.size, self.threads, self.preload = size, threads, tuple(preload)
        self.workers: list[_Worker] = []

    def fill(self) -> None:
        """Up to the size."""
        self.workers += [self._new() for _ in range(self.size - len(self.workers))]

    def _new(self) -> "_Worker":
        return _Worker(self.threads, self.preload)

    @property
    def busy(self) -> bool:
        return any(worker.task is not None for worker in self.workers)

    def hand_out(self, queue: _Queue, watch: Watch) -> None:
        """Gives every idle worker a task; one that died is replaced, and so many are started as are needed."""
        self.workers = [worker for worker in self.workers if worker.task or worker.process.is_alive()]
        idle = [worker for worker in self.workers if worker.task is None]
        while (idle or len(self.workers) < self.size) and (task := queue.next()) is not None:
            worker = idle.pop(0) if idle else self._new()
            if worker not in self.workers:
                self.workers.append(worker)
            watch(Event(task.name, "begin"))
            worker.give(task)

    def listen(self) -> list["_Worker"]:
        """Workers that have something to say, after at most half a second."""
        by_connection = {worker.connection: worker for worker in self.workers if worker.task is not None}
        if not by_connection:
            time.sleep(0.1)
            return []
        return [by_connection[connection] for connection in wait(list(by_connection), timeout=0.5)]

    def interrupt(self) -> None:
        """Asks the workers to save and stop, and waits for them."""
        for worker in self.workers:
            if worker.task is not None and worker.process.is_alive():
                os.kill(worker.process.pid, signal.SIGTERM)
        until = time.monotonic() + SECONDS_TO_STOP
        for worker in self.workers:
            while worker.task is not None and time.monotonic() < until:
                if worker.connection.poll(0.2):
                    event = worker.receive()
                    if event is None or event.outcome is not None:
                        worker.task = None

    def close(self) -> None:
        """Ends every process."""
        for worker in self.workers:
            worker.connection.close()
        until = time.monotonic() + SECONDS_TO_GO
        for worker in self.workers:
            worker.close(until)
        self.workers = []


class _Worker:
    """One process and the task that it is at."""

    def __init__(self, threads: int, preload: tuple[str, ...]):
        context = spawning()
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, threads, preload))
        self.process.start()
        theirs.close()
        self.task: Task | None = None

    @property
    def exit_code(self) -> int | None:
        self.process.join(timeout=1)
        return self.process.exitcode

    def give(self, task: Task) -> None:
        self.task = task
        try:
            self.connection.send(task)
        except OSError:  # it died just now: `receive` finds out
            return

    def receive(self) -> Event | None:
        """What the worker sent; None when its process is gone."""
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            return None

    def close(self, until: float) -> None:
        """Its connection is closed: an idle process may end by itself `until` then."""
        self.process.join(timeout=0 if self.task else max(until - time.monotonic(), 0))
        if self.process.is_alive():
            self.process.kill()


def _serve(connection: Connection, threads: int, preload: tuple[str, ...]) -> None:
    """The life of a worker process: tasks in, events and an outcome for each out."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent passes a stop on, once
    listen(signal.SIGTERM)
    for name in THREAD_VARIABLES:
        os.environ[name] = str(threads)
    for module in preload:
        import_module(module)
    sending = threading.Lock()

    def send(event: Event) -> None:
        with sending:
            connection.send(event)

    try:
        while True:
            task = connection.recv()
            send(Event(task.name, "end", 1.0, outcome=perform(task, send)))
    except (EOFError, OSError, KeyboardInterrupt):
        return
