"""The best model of a study, in MLflow's model registry under the alias `best`.

The rule: of the arms that were judged valid, the one whose mean over the seeds that all of them have is best on validation, in
the study's primary measure and in the epochs that the models are from (those with the lowest validation total). Of its
runs, the best; of a loss that has a floor, over that, since each seed validates on stories of its own. Not the total
itself, which has another scale in arms with another target; not the test stories, which no choice is made on.
"""

import math
from collections.abc import Mapping, Sequence

from ablation.analyse.gate import is_number
from ablation.analyse.judge import INVALID, NONE, REFUSED, ArmResult
from ablation.commands.judging import Judged
from ablation.commands.study_tags import in_tag
from ablation.config.metrics import Measure
from ablation.errors import TrackingError
from ablation.track.query import RunRecord, metric_histories
from ablation.track.registry import register

SELECTED_BY = "val/total_loss"
ALIAS = "best"
History = dict[int, float]


def register_best(judged: Judged) -> str:
    """What was registered, or why nothing was, in a line."""
    rows = [
        row for row in judged.primary if not any(word in row.verdict for word in (INVALID, REFUSED, NONE))
    ]
    runs = [run for row in rows for run in row.runs]
    if not runs:
        return f"no model is registered: {_why_none(judged.primary)}"
    measure = rows[0].measure
    scores = validation_scores(runs, measure)
    if not scores:
        return f"no model is registered: no run has a validation value for {measure.name}"
    row, run = best_run(rows, scores)
    name, told = model_name(judged.record.name), f"{row.arm}, seed {run.params.get('seed')}"
    tags = {
        "study": judged.record.name,
        "arm": row.arm,
        "seed": run.params.get("seed", ""),
        "verdict": row.verdict,
        "chosen_by": f"{' over '.join(on_validation(measure))} = {scores[run.run_id]:.6g}",
    }
    about = f"The best run of study {judged.record.name} on validation: {told}. Verdict on its arm: {row.verdict}."
    try:
        version = register(name, ALIAS, run, tags, about)
    except TrackingError as error:
        return f"no model is registered: {error}"
    if version is None:
        return f"no model is registered: the best run, {told} ({run.run_id}), has no logged model"
    return f"registered as models:/{name}@{ALIAS} (version {version}): {told}"


def best_run(rows: Sequence[ArmResult], scores: Mapping[str, float]) -> tuple[ArmResult, RunRecord]:
    """By the rule, of rows on one measure; `scores` by run, of those that have one."""
    measure = rows[0].measure
    choose = min if measure.lower_is_better else max
    by_seed = [
        (row, {s: row.cells[s].run for s in row.values if row.cells[s].run.run_id in scores}) for row in rows
    ]
    known = [(row, runs) for row, runs in by_seed if runs]
    shared = set.intersection(*(set(runs) for _, runs in known))

    def mean(runs: Mapping[int, RunRecord]) -> float:
        values = [scores[run.run_id] for seed, run in runs.items() if seed in (shared or runs)]
        return sum(values) / len(values)

    row, runs = choose(known, key=lambda each: mean(each[1]))
    return row, choose(runs.values(), key=lambda run: scores[run.run_id] / _floor(run, measure))


def _floor(run: RunRecord, measure: Measure) -> float:
    """Of the run's validation stories; 1 where the measure has none."""
    if measure.ratio_of or measure.floor is None:
        return 1.0
    return run.metrics.get(measure.floor.replace("/test_", "/")) or 1.0


def _why_none(rows: Sequence[ArmResult]) -> str:
    if not any(row.values for row in rows):
        return "no run of the study is finished"
    if any(row.verdict == NONE and row.values for row in rows):
        return "arms have learned, but no seed of theirs has a run of the baseline to be judged by"
    return "no arm of the study has learned"


def model_name(study: str) -> str:
    """In the registry."""
    return f"visual-storytelling-{in_tag(study)}"


def on_validation(measure: Measure) -> list[str]:
    """The metrics that a measure, or the two that it is the ratio of, has on the validation stories."""
    names = measure.ratio_of or (measure.name,)
    return [name.replace("test/", "val/").replace("/test_", "/") for name in names]


def validation_scores(runs: Sequence[RunRecord], measure: Measure) -> dict[str, float]:
    """By run, in the epoch of its model; runs without one are left out."""
    names = on_validation(measure)
    histories = metric_histories([run.run_id for run in runs], list(dict.fromkeys([SELECTED_BY, *names])))
    scores = {}
    for run in runs:
        totals = histories[run.run_id, SELECTED_BY]
        epoch = min(totals, key=totals.get) if totals else None
        values = [_at(histories[run.run_id, name], epoch) for name in names]
        if all(map(is_number, values)) and all(values[1:]):
            scores[run.run_id] = values[0] / math.prod(values[1:])
    return scores


def _at(history: History, epoch: int | None) -> float | None:
    """A floor has one value, at step 0."""
    return history.get(epoch, history.get(0))
