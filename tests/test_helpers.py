"""Helper processes: ended at once with the work that they are for, and never left behind."""

import multiprocessing
import os
import signal
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

import ablation
from ablation.helpers import helpers
from tests.servers import wait_until

LONG = 60


def test_their_results_come_in_order():
    with helpers(2) as pool:
        assert list(pool.map(abs, range(-5, 0))) == [5, 4, 3, 2, 1]


def test_a_stop_ends_them_at_once():
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), helpers(2) as pool:
        pool.map(time.sleep, [LONG, LONG, LONG, LONG])
        wait_until(lambda: len(multiprocessing.active_children()) == 2)
        raise KeyboardInterrupt
    assert time.monotonic() - began < LONG / 2
    assert not multiprocessing.active_children()


def test_so_does_leaving_a_loop_over_results():
    def results():
        with helpers(1) as pool:
            yield from pool.map(time.sleep, [0, LONG])

    stream, began = results(), time.monotonic()
    next(stream)
    stream.close()
    assert time.monotonic() - began < LONG / 2


def test_other_children_go_on():
    other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=[LONG])
    other.start()
    with pytest.raises(KeyboardInterrupt), helpers(1):
        raise KeyboardInterrupt
    assert other.is_alive()
    other.kill()
    other.join()


def _where_the_package_is() -> str:
    import ablation

    return ablation.__path__[0]


def test_they_run_this_code_also_after_a_model_has_brought_its_own(tmp_path, monkeypatch):
    (tmp_path / "ablation").mkdir()
    (tmp_path / "ablation" / "__init__.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with helpers(1) as pool:
        assert Path(pool.submit(_where_the_package_is).result()) == Path(ablation.__file__).parent


def test_one_that_dies_is_told():
    with pytest.raises(BrokenProcessPool), helpers(1) as pool:
        pool.submit(os._exit, 1).result()


def test_ctrl_c_is_left_to_the_parent():
    with helpers(1) as pool:
        os.kill(pool.submit(os.getpid).result(), signal.SIGINT)
        assert pool.submit(abs, -1).result() == 1


def _killed_while_helped(told: Path) -> None:
    with helpers(1) as pool:
        told.write_text(str(pool.submit(os.getpid).result()))
        pool.submit(time.sleep, LONG).result()


def test_none_is_left_behind_by_a_parent_that_is_killed(tmp_path):
    told = tmp_path / "helper"
    parent = multiprocessing.get_context("spawn").Process(target=_killed_while_helped, args=[told])
    parent.start()
    wait_until(lambda: told.exists() and told.read_text())
    parent.kill()
    wait_until(lambda: not _is_running(int(told.read_text())))


def _is_running(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().split(")")[1].split()[0] != "Z"
