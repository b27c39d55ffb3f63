"""Helper processes: one for each processor, ended at once when the work that they are for is stopped."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[1])


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_here() -> int:
    """What OMP_NUM_THREADS allows, else one for each core that this process may use."""
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return int(allowed) if allowed.isdigit() and int(allowed) else processors()


def spawning() -> BaseContext:
    """What starts new processes with the code of this one: they take over `sys.path`, at whose beginning a model that
    MLflow has loaded puts the part of this package that it needs itself.
    """
    if sys.path[:1] != [ROOT]:
        sys.path.insert(0, ROOT)
    return multiprocessing.get_context("spawn")


@contextmanager
def helpers(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of `count` new processes; when the block is left by an exception, what they are at is given up.

    Raises `BrokenProcessPool` from a result where one of them died.
    """
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(count, mp_context=spawning(), initializer=_depend_on_parent)
    try:
        yield pool
    except BaseException:
        for helper in set(multiprocessing.active_children()) - others:
            helper.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _depend_on_parent() -> None:
    """Ctrl-C reaches every process of a terminal: without this, each helper would print a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def end_with_parent() -> None:
    """Called in a process that another has started: a parent that was killed leaves it no work to do."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
