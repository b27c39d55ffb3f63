"""One task of a study, in whatever process it runs: a cell (one arm with one seed), or what cells share."""

import socket
from functools import lru_cache
from typing import Any

from ablation.commands.checkpoints import furthest
from ablation.commands.pretrain import pretrained_autoencoder
from ablation.commands.stories import Stories, load_stories
from ablation.commands.train import all_floors, train
from ablation.commands.training import choose_device
from ablation.config.config import Config
from ablation.config.declare import resolve
from ablation.console import Silent
from ablation.engines.task import Busy, Reporter, Unfit
from ablation.ownership import held
from ablation.places import cache_folder
from ablation.track.code_state import code_hashes, code_state
from ablation.track.mlflow_run import AGAIN, PARENT_TAG, MlflowRun, closing
from ablation.track.owner import CLAIM_TAG, AtWork
from ablation.track.patience import PATIENCE
from ablation.track.query import RunRecord, find_runs
from ablation.track.rivals import give_way, others_at
from ablation.track.store import use_store

DATA_KEYS = (
    "dataset",
    "world_stories",
    "max_stories",
    "seed",
    "equalize",
    "windows",
    "scored_windows",
    "tokenizer",
    "text_target",
    "batch_size",
)
SHOWN = ("test/image_loss", "test/text_loss", "floor/test_image_median")


def make_shared(work: dict[str, Any], console: Reporter) -> dict[str, Any]:
    """Trains (or finds) a pretrained autoencoder that several cells start from. Raises Busy and Unfit as `run_cell`."""
    _require_same_code(work["hashes"])
    use_store(work["tracking_uri"], work["experiment_id"])
    config = resolve(Config, work["config"])
    stories = load_stories(config, console)
    tags = work["code"] | {CLAIM_TAG: work["claim"]}
    try:
        _, run_id = pretrained_autoencoder(work["part"], config, stories, console, tags)
    except AtWork as error:
        raise Busy(str(error)) from error
    return {"run_id": run_id}


def run_cell(work: dict[str, Any], console: Reporter) -> dict[str, Any]:
    """Trains a cell to its end, from where an earlier try left it; finds it where it is finished.

    Raises Busy when another process is at the same cell, Unfit where this machine would compute another one.
    """
    _require_same_code(work["hashes"])
    use_store(work["tracking_uri"], work["experiment_id"])
    config = resolve(Config, work["config"])
    choose_device(config.device)
    with held(cache_folder() / "locks" / f"cell-{work['cell_hash']}", wait=False) as ours:
        if not ours:
            raise Busy(f"another process is at cell {work['cell_hash']}")
        earlier = _runs_of(work["cell_hash"])
        finished = [run for run in earlier if run.status == "FINISHED"]
        if finished:
            return _result(finished[-1].run_id, finished[-1].metrics, found=True)
        try:
            tracked = _open(config, work, earlier)
            with closing(tracked, again=AGAIN, patience=PATIENCE):
                prepared = stories_and_floors(data_part(config))
                metrics = train(config, tracked, console, *prepared, expected_cell=work["cell_hash"])
        except AtWork as error:
            raise Busy(str(error)) from error
    return _result(tracked.run_id, metrics, found=False)


def _require_same_code(expected: dict[str, str]) -> None:
    here = code_hashes()
    other = [
        f"{name} {here[name]}, not {expected[name]}" for name in expected if here[name] != expected[name]
    ]
    if other:
        raise Unfit(
            f"{socket.gethostname()} has other code or package versions than the study was started with ({', '.join(other)})"
        )


@lru_cache(maxsize=1)
def stories_and_floors(config: Config) -> tuple[Stories, dict[str, float]]:
    """Kept for the next cell: the arms of a seed share them."""
    stories = load_stories(config, Silent())
    return stories, all_floors(config, stories, Silent())


def data_part(config: Config) -> Config:
    """The keys of a configuration that stories and floors depend on, the others at their defaults."""
    return Config(**{name: getattr(config, name) for name in DATA_KEYS})


def _open(config: Config, work: dict[str, Any], earlier: list[RunRecord]) -> MlflowRun:
    """The unfinished run of the cell that has trained last, or a new one. Raises Busy or AtWork when someone else is at
    it.
    """
    others = others_at(earlier, work["claim"])
    if others:
        raise Busy(f"run {others[-1].run_id} is at it")
    tags = work["tags"] | {CLAIM_TAG: work["claim"]}
    left = furthest(earlier)
    if left:
        return MlflowRun.reopen(left.run_id, tags | {PARENT_TAG: work["parent"]})
    about = {"kind": "train", "config_hash": config.hash(), "cell_hash": work["cell_hash"]}
    tags |= about | code_state() | work["code"]  # a cluster's nodes have the code without its repository
    made = MlflowRun.start(work["name"], tags, adopt=False, parent=work["parent"])
    give_way(made, lambda: others_at(_runs_of(work["cell_hash"]), work["claim"]))
    return made


def _runs_of(cell: str) -> list[RunRecord]:
    return find_runs("train", extra=f"tags.cell_hash = '{cell}'")


def _result(run_id: str, metrics: dict[str, float], found: bool) -> dict[str, Any]:
    return {"run_id": run_id, "found": found, "metrics": {n: metrics[n] for n in SHOWN if n in metrics}}
