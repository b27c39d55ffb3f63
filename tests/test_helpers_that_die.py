"""A helper process that is killed, as the kernel does when memory runs out: told, and begun anew."""

import os
import signal
from pathlib import Path

import pytest

from tests.killed_run import KilledRun
from tests.servers import wait_until

pytestmark = pytest.mark.faults


def helpers(process: int) -> list[int]:
    """Of a process, those that it has spawned to work for it."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in children if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()]


def test_a_dead_helper_is_told_and_its_part_begun_anew(tmp_path):
    run = KilledRun(tmp_path, ["prepare", "--world_stories", 400])
    process = run.start()
    wait_until(lambda: helpers(process.pid))
    os.kill(helpers(process.pid)[0], signal.SIGKILL)
    process.join(120)
    assert process.exitcode == 1
    assert "a helper process died, often for lack of memory" in run.last_line()
    assert "Traceback" not in run.told()
    assert run.whole()[0] == 0, run.last_line()
