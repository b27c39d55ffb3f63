"""A cell that two machines begin at the same moment is trained by one of them."""

import threading
from contextlib import suppress

import pytest
from mlflow import MlflowClient

from ablation.commands import cells
from ablation.config.config import Config
from ablation.engines.task import Busy, Unfit
from ablation.ownership import held
from ablation.track import rivals
from ablation.track.clock import now
from ablation.track.code_state import code_hashes, code_state
from ablation.track.mlflow_run import MlflowRun
from ablation.track.owner import CLAIM_TAG, HEARTBEAT_TAG, OWNER_TAG, AtWork
from ablation.track.query import find_runs, get_record
from ablation.track.rivals import give_way, others_at
from ablation.track.run_folder import lock_of

CELL = "0123"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(rivals, "SECONDS_BETWEEN_LOOKS", 0.05)


def work(claim, parent):
    about = {"cell_hash": CELL, "tags": {}, "code": {}, "hashes": code_hashes(), "name": "a cell"}
    return about | {"claim": claim, "parent": parent}


def rival(of, lesser):
    """A run of the same cell on another machine, whose clock is an hour behind."""
    tags = {"kind": "train", "cell_hash": CELL, OWNER_TAG: "elsewhere b 1 2 3", HEARTBEAT_TAG: str(now())}
    while True:
        made = MlflowClient().create_run("0", tags=tags, start_time=now() - 3_600_000).info.run_id
        if (made < of.run_id) == lesser:
            return made
        MlflowClient().delete_run(made)


@pytest.fixture
def mine(store):
    run = MlflowRun.start("mine", {"kind": "train", "cell_hash": CELL})
    run.settle()
    return run


def give_way_to_others(run, claim=None):
    give_way(run, lambda: others_at(find_runs("train", extra=f"tags.cell_hash = '{CELL}'"), claim))


def test_without_rivals_a_cell_goes_on(mine):
    give_way_to_others(mine)
    mine.finish()


def test_a_stop_while_it_looks_for_rivals_lets_go_of_the_run(store, monkeypatch):
    def stopped(made, find_others):
        raise KeyboardInterrupt

    monkeypatch.setattr(rivals, "_stays", stopped)
    parent = MlflowRun.start("study", {"kind": "study"})
    with pytest.raises(KeyboardInterrupt) as kept:  # and with it the run
        cells._open(Config(), work("ours", parent.run_id), [])
    (made,) = find_runs("train")
    with held(lock_of(made.run_id), wait=False) as free:
        assert free, kept
    assert made.status == "KILLED" and "same command goes on" in made.tags["failure"]
    parent.finish()


@pytest.mark.parametrize("lesser", [True, False])
def test_a_run_gives_way_to_one_that_is_at_work(mine, lesser, monkeypatch):
    other, looks = rival(mine, lesser), []
    monkeypatch.setattr(rivals.time, "sleep", looks.append)
    with pytest.raises(AtWork, match=other):
        give_way_to_others(mine)
    ended = get_record(mine.run_id)
    assert len(looks) == (0 if lesser else rivals.LOOKS - 1)
    assert ended.status == "KILLED" and other in ended.tags["failure"]
    assert [run.run_id for run in find_runs("train")] == [other]


def test_the_one_with_the_least_id_stays_when_the_others_give_way(mine, monkeypatch):
    other, looks = rival(mine, lesser=False), []

    def pause(seconds):
        looks.append(seconds)
        if len(looks) == 2:
            MlflowClient().set_terminated(other, "KILLED")

    monkeypatch.setattr(rivals.time, "sleep", pause)
    give_way_to_others(mine)
    assert len(looks) == 2
    mine.finish()


def test_of_many_that_begin_at_once_one_at_most_goes_on(store):
    code_state()  # Python does not parse in several threads at once
    parent, ever = MlflowRun.start("study", {"kind": "study"}), []
    for _ in range(4):
        begin, on = threading.Barrier(3), []

        def try_it(claim, begin=begin, on=on):
            begin.wait()
            with suppress(Busy, AtWork):
                on.append(cells._open(Config(), work(claim, parent.run_id), []))

        threads = [threading.Thread(target=try_it, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(on) <= 1
        at_work = [run.run_id for run in find_runs("train") if run.status == "RUNNING"]
        assert at_work == [run.run_id for run in on]
        ever += on
        for run in on:
            run.finish()
    assert ever
    parent.finish()


def test_a_cell_whose_run_another_process_is_at_is_tried_again_later(mine, monkeypatch):
    monkeypatch.setattr("ablation.track.run_folder.SECONDS_TO_LET_GO", 0)
    monkeypatch.setattr(cells, "use_store", lambda *_: None)
    mine.set_tags({CLAIM_TAG: "ours"})
    mine.settle()
    about = {"config": {}, "tracking_uri": "", "experiment_id": "0"}
    with pytest.raises(Busy, match=f"run {mine.run_id} is at work"):
        cells.run_cell(work("ours", "p") | about, None)
    mine.finish()


def test_what_its_own_study_left_on_a_machine_that_was_given_up_is_no_rival(mine):
    MlflowClient().set_tag(rival(mine, lesser=True), CLAIM_TAG, "ours")
    give_way_to_others(mine, claim="ours")
    mine.finish()


@pytest.mark.parametrize("task", [cells.run_cell, cells.make_shared])
def test_a_machine_with_other_packages_refuses_before_it_opens_a_run(store, task):
    other = work("ours", "p") | {"hashes": {**code_hashes(), "environment_hash": "0ther"}}
    with pytest.raises(Unfit, match=r"environment_hash .*, not 0ther"):
        task(other, None)
    assert not find_runs("train") and not find_runs("pretrain")
