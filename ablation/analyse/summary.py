"""Which tracked runs make up the tables, and the tables they make."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pandas as pd

from ablation.analyse.tables import LOSS_COLUMNS, RESULTS_COLUMNS, loss_summary, mean_history

History = Callable[[str, str], dict[int, float]]
"""(run id, metric) to epoch → value."""
FINISHED = "FINISHED"
TOTAL = "train/total_loss"
STATE = {
    "data_hash": "is on other data",
    "code_hash": "is of other code",
    "environment_hash": "ran with other package versions",
    "tokenizer_hash": "reads its texts with another tokenizer",
    "folders_hash": "was given another tokenizer or sentence model",
}
"""Tags that runs must share to be averaged."""
COMPARED = {"data_hash": "data", "code_hash": "code", "environment_hash": "package versions"}
"""Tags that arms should share to be compared."""
NEEDED = ("seed", "epochs", "latent_dim")
"""Params, whole numbers, without which a run has no place in the tables."""


@dataclass
class Selection:
    """Runs that count, by arm, and the reason why each of the others does not."""

    arms: dict[str, list] = field(default_factory=dict)
    left_out: list[tuple[object, str]] = field(default_factory=list)


def select_runs(runs: Sequence) -> Selection:
    """Of each arm the finished runs with the data, code and packages of its newest, the newest one of every
    configuration.
    """
    selection = Selection()
    newest = {arm_of(run): run for run in _finished(runs)}
    newest_run = {_cell(r): r.run_id for r in _finished(runs)}
    for run in sorted(runs, key=lambda run: run.started):
        arm = arm_of(run)
        if run.status != FINISHED:
            selection.left_out.append((run, f"is {run.status}{_reason(run)}"))
        elif foreign := _not_ours(run):
            selection.left_out.append((run, foreign))
        elif other := _otherwise(run, newest[arm]):
            selection.left_out.append((run, other))
        elif newest_run[_cell(run)] != run.run_id:
            selection.left_out.append((run, f"repeats {newest_run[_cell(run)]}, the newer one counts"))
        else:
            selection.arms.setdefault(arm, []).append(run)
    selection.arms = dict(sorted(selection.arms.items(), key=lambda item: published_order(item[1][0])))
    return selection


def unlike(selection: Selection) -> list[str]:
    """What the arms do not share, in words."""
    told = []
    for tag, words in COMPARED.items():
        arms: dict[str | None, list[str]] = {}
        for arm, runs in selection.arms.items():
            arms.setdefault(runs[0].tags.get(tag), []).append(arm)
        if len(arms) > 1:
            groups = " against ".join(", ".join(names) for names in arms.values())
            told.append(f"these rows are of different {words} and compare with care: {groups}")
    return told


def arm_of(run) -> str:
    """What a run's configuration is called without its seed, whatever a study calls its arm."""
    return run.tags.get("configuration") or run.tags.get("arm", "")


def _finished(runs: Sequence) -> list:
    ours = (run for run in runs if run.status == FINISHED and not _not_ours(run))
    return sorted(ours, key=lambda run: run.started)


def _not_ours(run) -> str:
    """What a finished run lacks that every one of ours has: another program may have tagged it alike."""
    lacking = [f"param {name}" for name in NEEDED if not run.params.get(name, "").isdecimal()]
    lacking += [] if TOTAL in run.metrics else [f"metric {TOTAL}"]
    return f"has no {', no '.join(lacking)}, so it is not of this program" if lacking else ""


def _cell(run) -> tuple[str | None, ...]:
    return tuple(run.tags.get(tag) for tag in ("config_hash", *STATE))


def _otherwise(run, newest) -> str:
    """What a run does not share with the newest of its arm."""
    differing = (tag for tag in STATE if run.tags.get(tag) != newest.tags.get(tag))
    return next((f"{STATE[tag]} than {newest.run_id} ({run.tags.get(tag)})" for tag in differing), "")


def _reason(run) -> str:
    reason = run.tags.get("failure", "").splitlines()
    return f": {reason[0]}" if reason else ""


def published_order(run) -> tuple:
    """Basecase, then ResNets by width; few epochs first, then by name."""
    params = run.params
    basecase = params.get("visual") == "basecase"
    return (
        len(arm_of(run).split("=")),
        not basecase,
        0 if basecase else int(params.get("latent_dim", 0)),
        int(params.get("epochs", 0)),
        arm_of(run),
    )


def arm_loss_summary(runs: Sequence, history: History) -> pd.DataFrame:
    """Epochs as rows; the mean over an arm's runs."""
    names = [f"train/{loss}" for loss in LOSS_COLUMNS.values()]
    return loss_summary({n: mean_history([history(run.run_id, n) for run in runs]) for n in names})


def results_table(selection: Selection, summaries: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per arm: its model and the last epoch of its loss summary."""
    rows = []
    for arm, runs in selection.arms.items():
        last = summaries[arm].iloc[-1]
        rows.append({"Model": display_name(runs[0]), **last.to_dict()})
    return pd.DataFrame(rows, columns=RESULTS_COLUMNS).astype({"Epoch": int})


def display_name(run) -> str:
    """The arm without its number of epochs, which has a column of its own."""
    return arm_of(run).replace(f"-e{run.params['epochs']}", "", 1)


def seeds_of(runs: Sequence) -> str:
    """The seeds of an arm in words, e.g. `0, 1, 2`."""
    return ", ".join(sorted((run.params["seed"] for run in runs), key=int))
