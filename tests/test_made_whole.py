"""What is made in the cache is there whole or not at all, made by one process at a time, and made again when damaged."""

import os
import threading
from pathlib import Path

import pytest

from ablation.commands.stories import load_stories
from ablation.config.config import Config
from ablation.console import Console
from ablation.data import sources, store
from ablation.data.sources import first_rows, open_source
from ablation.data.store import prepare
from ablation.ownership import held
from ablation.places import cache_folder
from ablation.world import writer


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ABLATION_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def tiny_world(monkeypatch):
    """The embedded world is made of three stories; each time that it is made is counted."""
    made, write_world = [], writer.write_world

    def tiny(folder, train, test, progress):
        made.append(folder)
        write_world(folder, train=3, test=2, workers=1, progress=progress)

    monkeypatch.setattr(writer, "write_world", tiny)
    return made


@pytest.fixture
def calls(monkeypatch):
    """What reached the disk and what took its place, in order."""
    told, fsync, replace = [], os.fsync, os.replace

    def noted_fsync(opened):
        told.append(os.readlink(f"/proc/self/fd/{opened}"))
        fsync(opened)

    def noted_replace(made, place):
        told.append((str(made), str(place)))
        replace(made, place)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    return told


def assert_on_disk_first(calls, folder: Path):
    (moved,) = [call for call in calls if call[1] == str(folder)]
    synced = set(calls[: calls.index(moved)])
    for file in (folder, *folder.rglob("*")):
        assert str(Path(moved[0]) / file.relative_to(folder)) in synced, file
    assert str(folder.parent) in calls[calls.index(moved) :]


def test_a_store_and_a_world_are_on_disk_before_they_have_their_names(world, calls, tmp_path):
    made = prepare(Config(dataset=str(world)), open_source(str(world), 20))
    assert_on_disk_first(calls, made.folder)
    writer.write_world(tmp_path / "new", train=2, test=1, workers=1)
    assert_on_disk_first(calls, tmp_path / "new")


def test_two_that_need_the_same_store_make_it_once(world, monkeypatch):
    """Whoever comes second waits, and takes away nothing of what the first is making."""
    builds, build, began, go = [], store._build, threading.Event(), threading.Event()

    def slowly(folder, *words):
        builds.append(folder)
        beside = folder.parent / f".{folder.name}-at-work"
        beside.mkdir(parents=True)
        began.set()
        go.wait(20)
        assert beside.exists()
        build(folder, *words)

    monkeypatch.setattr(store, "_build", slowly)
    config, notes = Config(dataset=str(world)), []
    both = [
        threading.Thread(target=lambda: notes.append(load_stories(config, Console()).store.note))
        for _ in "ab"
    ]
    for each in both:
        each.start()
    assert began.wait(60)
    both[1].join(0.5)
    go.set()
    for each in both:
        each.join()
    assert len(builds) == 1 and sorted(notes) == ["found", "made"]


def flip(file: Path) -> None:
    made = bytearray(file.read_bytes())
    made[len(made) // 2] ^= 1
    file.write_bytes(made)


@pytest.mark.parametrize(
    "damage",
    [flip, lambda file: file.write_bytes(file.read_bytes()[:100]), lambda file: file.unlink()],
    ids=["a bit", "torn", "lost"],
)
def test_a_damaged_world_is_made_again(tiny_world, damage, caplog):
    first = open_source("storyworld", 20)
    assert open_source("storyworld", 20).digest == first.digest and len(tiny_world) == 1
    damage(next(Path(first.location).rglob("train-*.parquet")))
    again = open_source("storyworld", 20)
    assert again.digest == first.digest and len(tiny_world) == 2
    assert len(list(first_rows(again, "train", None))) == 3
    assert "is made again" in caplog.text


def test_a_world_that_was_killed_in_its_making_leaves_nothing_behind(tiny_world):
    folder = sources._world_folder(20)
    left = folder.parent / f".{folder.name}-abc"
    left.mkdir(parents=True)
    with held(cache_folder() / "locks" / folder.name, wait=False):
        made = threading.Thread(target=open_source, args=("storyworld", 20))
        made.start()
        made.join(0.5)
        assert left.exists() and not tiny_world  # its maker may be at it
    made.join()
    assert not left.exists() and folder.exists()
    (folder.with_suffix(".digest")).unlink()  # killed before it was noted
    open_source("storyworld", 20)
    assert len(tiny_world) == 2
