"""`summary`: the tables of the results, from what the tracking server holds."""

import shlex
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from ablation.analyse.study_tables import STYLES
from ablation.analyse.summary import arm_loss_summary, results_table, seeds_of, select_runs, unlike
from ablation.analyse.tables import file_names, loss_summary_csv, results_csv, results_page
from ablation.commands.judging import (
    RECORD,
    TRAIN_LOSSES,
    Judged,
    complain_if_incomplete,
    judge,
    newest_study,
    study_files,
    told,
)
from ablation.commands.outcome import where_to_look
from ablation.config.entries import SummaryOptions, measures_named
from ablation.console import Console
from ablation.errors import Incomplete
from ablation.places import writable_folder
from ablation.track.query import find_runs, metric_histories
from ablation.track.store import label_bystander, open_existing_store
from ablation.track.views import run_page, runs_view, study_key, table_page

RESULTS = "Results_Summary"
VALIDATION = {"val total": "val/total_loss", "val image": "val/image_loss", "val text": "val/text_loss"}
BESIDE = {
    "image floor": "floor/image_median",
    "text floor": "floor/text_unigram",
    "spread": "health/prediction_spread",
    "target spread": "health/target_spread",
}


def run(options: SummaryOptions, console: Console) -> int:
    """The command `summary`."""
    open_existing_store(Incomplete)
    label_bystander("summary", "summary")
    return (_judge_study if options.study else _sum_up)(options, console)


def _judge_study(options: SummaryOptions, console: Console) -> int:
    """The tables of one study, with verdicts. Raises Incomplete when cells are missing."""
    parent = newest_study(options.study, options.experiment, console)
    folder = writable_folder(options.out)
    also = measures_named(options.also)
    judged = judge(parent.run_id, also)
    console.say(f"study {judged.record.name}, run {parent.run_id}, {judged.record.dataset}\n")
    files = study_files(judged, options.format) | {RECORD: judged.record.to_json() + "\n"}
    for name, text in files.items():
        (folder / name).write_text(text)
    if options.figures:
        files |= dict.fromkeys(_draw(judged, folder / "figures"))
    console.say(told(judged, also))
    console.say(f"\nwritten to {folder}: {', '.join(sorted(files))}")
    table = table_page(parent.experiment_id, study_key(parent.run_id))
    console.say(
        "\n" + where_to_look(("its runs", table), ("its page", run_page(parent.experiment_id, parent.run_id)))
    )
    words = ["--study", options.study, "--out", options.out, *(["--also", ",".join(also)] if also else [])]
    words += ["--experiment", options.experiment] if options.experiment else []
    console.say(f"as one page, with curves and pictures:  python -m ablation report {shlex.join(words)}")
    complain_if_incomplete(judged)
    return 0


def _draw(judged: Judged, folder: Path) -> list[str]:
    """The figures of a study; their names."""
    from ablation.analyse.drawing import write_figures
    from ablation.analyse.figures import study_figures

    return [f"{folder.name}/{name}" for name in write_figures(study_figures(judged.results), folder)]


def _sum_up(options: SummaryOptions, console: Console) -> int:
    """The tables of all single configurations."""
    selection = select_runs(find_runs("train", options.experiment))
    for left, why in selection.left_out:
        console.say(f"left out: {left.name} {left.run_id} {why}")
    if not selection.arms:
        where = f"experiment {options.experiment}" if options.experiment else "this store"
        raise Incomplete(f"{where} holds no finished training run; make one with `python -m ablation main`")
    folder = writable_folder(options.out)
    histories = metric_histories([r.run_id for runs in selection.arms.values() for r in runs], TRAIN_LOSSES)
    summaries = {
        arm: arm_loss_summary(runs, lambda *key: histories[key]) for arm, runs in selection.arms.items()
    }
    names = file_names(summaries)
    for arm, table in summaries.items():
        (folder / f"loss_summary_{names[arm]}.csv").write_text(loss_summary_csv(table))
    results = results_table(selection, summaries)
    (folder / f"{RESULTS}.csv").write_text(results_csv(results))
    _write_copy(results, folder, options.format)
    console.say(_shown(selection, results))
    for line in unlike(selection):
        console.say(line)
    console.say(f"\nwritten to {folder}: {RESULTS}.csv and {len(summaries)} loss_summary_*.csv")
    newest = max((run for runs in selection.arms.values() for run in runs), key=lambda run: run.ended)
    console.say("\n" + where_to_look(("the runs", table_page(newest.experiment_id, runs_view().key))))
    console.say("how sure a difference is, a study tells:  python -m ablation study")
    return 0


def _write_copy(results: pd.DataFrame, folder: Path, style: str) -> None:
    if style in STYLES:
        suffix, tablefmt = STYLES[style]
        (folder / f"{RESULTS}.{suffix}").write_text(results_page(results, tablefmt))


def _shown(selection, results: pd.DataFrame) -> str:
    """The results with seeds, validation losses, floors and spread beside them."""
    columns = VALIDATION | BESIDE
    beside = pd.DataFrame(
        [
            {"seeds": seeds_of(runs)}
            | {
                label: pd.Series([r.metrics.get(m) for r in runs], dtype=float).mean()
                for label, m in columns.items()
            }
            for runs in selection.arms.values()
        ]
    )
    wide = pd.concat([results, beside], axis="columns")
    return tabulate(wide, headers="keys", showindex=False, floatfmt=".4f")
