"""A disk that is full or read-only: the run stops or says so, with the place and the cure, and goes on later.

The disks are small in-memory file systems, which only root may mount; run with `pytest -m faults`.
"""

import os
import subprocess

import pytest

from ablation.__main__ import main
from ablation.places import refused
from tests.killed_run import KilledRun
from tests.test_kills import FAST, numbers

WORDS = ("--epochs", 3, *FAST[2:])


@pytest.fixture
def disk(tmp_path):
    """Mounts one of so many kilobytes."""
    mounted = []

    def mount(kilobytes: int):
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        if subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)], capture_output=True
        ).returncode:
            pytest.skip("this user may not mount a file system")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


def remount(place, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


def test_what_the_system_refuses_is_told_with_its_place_and_cure():
    told = refused(OSError(28, "No space left on device", "/x/y"))
    assert told.startswith("/x/y: No space left on device. Make room") and "ABLATION_CACHE" in told


@pytest.mark.faults
@pytest.mark.parametrize("kilobytes", [300, 1500, 2600, 4000, 6000, 9000, 12000, 15000, 18000])
def test_a_full_disk_stops_and_goes_on_with_the_same_numbers(disk, world, tmp_path, kilobytes):
    place = disk(kilobytes)
    run = KilledRun(
        tmp_path / "run", ["main", "--dataset", world, *WORDS], ABLATION_CACHE=str(place / "cache")
    )
    code, _ = run.whole()
    told = run.told()
    assert "Traceback" not in told, told
    if code:
        assert code == 1 and "No space left" in told and "ake room" in told, told
        remount(place, "size=100m")
        assert run.whole()[0] == 0, run.last_line()
    other = KilledRun(tmp_path / "other", ["main", "--dataset", world, *WORDS])
    assert other.whole()[0] == 0
    assert numbers(run.folder) == numbers(other.folder)
    print(f"{kilobytes} kB: {'stopped: ' + told.strip().splitlines()[-1] if code else 'was enough'}")


@pytest.mark.faults
@pytest.mark.parametrize("kilobytes", [500, 970, 1010])
def test_a_full_disk_under_the_store_loses_nothing(disk, world, tmp_path, kilobytes):
    place = disk(kilobytes)
    store = f"sqlite:///{place}/mlflow.db"
    run = KilledRun(tmp_path / "run", ["main", "--dataset", world, *WORDS], MLFLOW_TRACKING_URI=store)
    code, _ = run.whole(400)
    told = run.told()
    assert code == 1 and "Traceback" not in told, told
    remount(place, "size=100m")
    assert run.whole()[0] == 0, run.last_line()
    os.symlink(place / "mlflow.db", run.folder / "mlflow.db")
    found = numbers(run.folder)
    assert all(len(values) == 1 for values in found.values())
    print(f"{kilobytes} kB: {told.strip().splitlines()[-1]}")


@pytest.mark.faults
def test_a_read_only_folder_is_told_at_once(disk, world, tmp_path, monkeypatch, capsys):
    place = disk(1000)
    remount(place, "ro")
    for name, value in {
        "ABLATION_CACHE": str(place / "cache"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{place}/mlflow.db",
    }.items():
        with monkeypatch.context() as changed:
            changed.setenv(name, value)
            changed.chdir(tmp_path)
            assert main(["main", "--dataset", str(world)]) == 1
            told = capsys.readouterr().err
            assert "ead-only" in told or "unable to open" in told, told
            assert name in told and "Traceback" not in told
