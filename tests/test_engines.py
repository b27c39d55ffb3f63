"""Engines: every task is tried, none stops another, a process that dies is replaced, nothing outlives the parent."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from ablation.engines.local import LocalEngine
from ablation.engines.task import FAILED, Busy, Event, Reporter, Task, Unfit, perform
from ablation.errors import AblationError

ROOT = Path(__file__).parents[1]


def square(work: dict, console: Reporter) -> dict:
    console.progress("training", 1, 2)
    return {"value": work["number"] ** 2, "threads": os.environ["OMP_NUM_THREADS"]}


def refuse(work: dict, console: Reporter) -> dict:
    raise AblationError("it cannot be done")


def unfit(work: dict, console: Reporter) -> dict:
    raise Unfit("other packages")


def stumble(work: dict, console: Reporter) -> dict:
    return {"value": 1 / 0}


def die_once(work: dict, console: Reporter) -> dict:
    """Kills its process at the first try."""
    mark = Path(work["mark"])
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"value": "second try"}


def die(work: dict, console: Reporter) -> dict:
    os._exit(7)


def busy_once(work: dict, console: Reporter) -> dict:
    mark = Path(work["mark"])
    if not mark.exists():
        mark.touch()
        raise Busy("someone else is at it")
    return {"value": "now"}


def wait_for_a_stop(work: dict, console: Reporter) -> dict:
    Path(work["mark"]).touch()
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        Path(work["saved"]).touch()
        raise
    return {}


def task(name: str, function, **work) -> Task:
    return Task(name, f"{__name__}:{function.__name__}", work)


def test_a_failing_task_stops_no_other(tmp_path):
    tasks = [task(f"square {n}", square, number=n) for n in range(3)]
    tasks += [task("refused", refuse), task("stumbled", stumble)]
    tasks += [task("dies once", die_once, mark=str(tmp_path / "died")), task("dies", die)]
    tasks += [task("busy once", busy_once, mark=str(tmp_path / "busy")), task("unfit", unfit)]
    events: list[Event] = []
    with closing(LocalEngine(jobs=2, threads=2)) as engine:
        outcomes = engine.run(tasks, events.append)
        assert engine.run([task("again", square, number=5)], events.append)["again"].result["value"] == 25
    assert [outcomes[f"square {n}"].result["value"] for n in range(3)] == [0, 1, 4]
    assert outcomes["square 0"].result["threads"] == "1"
    assert (outcomes["refused"].status, outcomes["refused"].message) == (FAILED, "it cannot be done")
    assert (
        "ZeroDivisionError" in outcomes["stumbled"].message
        and "stumble, line" in outcomes["stumbled"].message
    )
    assert outcomes["dies once"].result == {"value": "second try"}
    assert outcomes["dies"].status == FAILED and "exit code 7" in outcomes["dies"].message
    assert outcomes["busy once"].result == {"value": "now"}
    assert (outcomes["unfit"].status, outcomes["unfit"].message) == (FAILED, "other packages")
    notes = [event.text for event in events if event.kind == "note" and event.task == "busy once"]
    assert notes == ["waits: someone else is at it"]
    kinds = [event.kind for event in events if event.task == "square 1"]
    assert kinds == ["begin", "progress", "end"]
    assert sum("it goes on in a new one" in event.text for event in events if event.task == "dies once") == 1


def test_outcomes_of_a_task_in_this_process():
    assert perform(task("a", refuse), lambda event: None).status == FAILED
    assert perform(Task("b", "tests.test_engines:nothing", {}), lambda event: None).status == FAILED


def test_threads_are_divided_and_never_none(monkeypatch):
    assert LocalEngine(jobs=3, threads=8).threads == 2
    assert LocalEngine(jobs=16, threads=2).threads == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    assert LocalEngine(jobs=2).threads == 3


def start_driver(tmp_path: Path) -> subprocess.Popen:
    """A process of its own that runs one task which waits."""
    code = (
        "from tests.test_engines import *\n"
        "if __name__ == '__main__':\n"
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored where pytest runs with &
        f"    work = dict(mark={str(tmp_path / 'began')!r}, saved={str(tmp_path / 'saved')!r})\n"
        "    LocalEngine(1, 1).run([task('waits', wait_for_a_stop, **work)], lambda event: None)\n"
    )
    (tmp_path / "driver.py").write_text(code)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    driver = subprocess.Popen(
        [sys.executable, str(tmp_path / "driver.py")], env=environment, stderr=subprocess.PIPE
    )
    until(lambda: (tmp_path / "began").exists())
    return driver


def until(true, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def workers_of(process: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[1] == str(process) and fields[0] != "Z":
            found.append(int(folder.name))
    return found


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc to see processes")
def test_workers_end_with_a_driver_that_is_killed(tmp_path):
    driver = start_driver(tmp_path)
    workers = workers_of(driver.pid)
    assert workers
    driver.kill()
    driver.wait()
    until(lambda: not any(Path(f"/proc/{worker}/environ").exists() and alive(worker) for worker in workers))
    assert not (tmp_path / "saved").exists()


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_stop_reaches_the_task_which_saves_what_it_has(tmp_path):
    driver = start_driver(tmp_path)
    driver.send_signal(signal.SIGINT)
    assert driver.wait(timeout=30) != 0
    assert (tmp_path / "saved").exists()
