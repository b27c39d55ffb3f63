"""The tables of a study: every figure as CSV, and the few that fit a page."""

import math
from collections.abc import Sequence

import pandas as pd
from tabulate import tabulate

from ablation.analyse.bootstrap import DRAWS, SEED, UNDER_COVERS_BELOW
from ablation.analyse.judge import ArmResult, Comparison
from ablation.analyse.pairing import SAME_TAGS
from ablation.analyse.study_record import Cell, StudyRecord

DIGITS = "%.10g"
CODE_TAGS = ("code_commit", "code_dirty")
SCORED_ONCE = ("test/", "health/test_", "floor/test_")
STATE_TAGS = (*SAME_TAGS, "tokenizer_hash")
STYLES = {"markdown": ("md", "github"), "latex": ("tex", "latex_booktabs")}


def arms_frame(record: StudyRecord, results: Sequence[ArmResult]) -> pd.DataFrame:
    """Tidy: a row per arm and measure, with the state that it was made in."""
    state = {
        "study": record.name,
        "dataset": record.dataset,
        "data_hash": record.data_hash,
        **dict.fromkeys(CODE_TAGS),
        "code_hash": record.code_hash,
        "environment": record.environment,
        "delta_hash": record.delta_hash,
    }
    return pd.DataFrame([_row(result) | state | _code(result.runs) for result in results])


def _row(result: ArmResult) -> dict:
    failed = [seed for seed, cell in sorted(result.cells.items()) if not cell.finished]
    return {
        "arm": result.arm,
        "metric": result.measure.name,
        "role": "primary" if result.primary else "exploratory",
        "lower_is_better": _yes(result.measure.lower_is_better),
        "n": len(result.values),
        "mean": result.mean,
        "low": result.interval[0],
        "high": result.interval[1],
        **_compared(result.comparison, result.delta),
        "verdict": result.verdict,
        "note": result.note,
        **_validity(result),
        "not_finished": " ".join(map(str, failed)),
        "dropped_pairs": result.pairs.told,
        "run_ids": " ".join(run.run_id for run in result.runs),
    }


def _code(runs: Sequence) -> dict[str, str]:
    """Of the runs themselves, which may be older than the study's last call."""
    return {tag: " ".join(sorted({run.tags.get(tag, "unknown") for run in runs})) for tag in CODE_TAGS}


def _compared(comparison: Comparison | None, delta: float | None) -> dict:
    made = comparison or Comparison(differences=pd.Series(dtype=float).to_numpy())
    worst = made.if_failed_worst or (math.nan,) * 3
    second, few = not math.isnan(made.bootstrap[0]), made.n < UNDER_COVERS_BELOW
    return {
        "pairs": made.n,
        "difference": made.mean,
        "difference_low": made.interval[0],
        "difference_high": made.interval[1],
        "difference_percent": made.percent(made.mean),
        "difference_percent_low": made.percent(made.interval[0]),
        "difference_percent_high": made.percent(made.interval[1]),
        "difference_sd": made.sd,
        "correlation": made.correlation,
        "bootstrap_low": made.bootstrap[0],
        "bootstrap_high": made.bootstrap[1],
        "bootstrap_note": f"{'under-covers, ' if few else ''}{DRAWS} draws, seed {SEED}" if second else "",
        "p": made.p_t,
        "p_holm": made.p_t_holm,
        "p_sign_flip": made.flips.p if made.flips else math.nan,
        "p_sign_flip_smallest": made.flips.smallest if made.flips else math.nan,
        "delta": math.nan if delta is None else delta,
        "p_tost": made.p_tost,
        "p_tost_holm": made.p_tost_holm,
        "d_z": made.dz,
        "d_z_low": made.dz_interval[0],
        "d_z_high": made.dz_interval[1],
        "p_arm_better": made.better,
        "detectable_at_80_percent": made.detectable,
        "difference_if_failed_worst": worst[0],
        "difference_if_failed_worst_low": worst[1],
        "difference_if_failed_worst_high": worst[2],
    }


def _validity(result: ArmResult) -> dict:
    gate, runs = result.gate, result.runs
    low, high = gate.collapse_interval
    return {
        "collapsed": gate.collapsed,
        "collapse_rate_low": low,
        "collapse_rate_high": high,
        "at_image_floor": gate.at_floor["image"],
        "at_text_floor": gate.at_floor["text"],
        "image_floor": _mean(runs, "floor/test_image_median"),
        "text_floor": _mean(runs, "floor/test_text_unigram"),
        "spread": _mean(runs, "health/test_prediction_spread"),
        "target_spread": _mean(runs, "health/test_target_spread"),
        "text_condition_gap": gate.text_gap,
        "text_condition_gap_low": gate.text_gap_interval[0],
        "text_condition_gap_high": gate.text_gap_interval[1],
        "text_conditioned": _yes(gate.text_is_conditioned) if gate.gaps > 1 else "",
    }


def _mean(runs: Sequence, metric: str) -> float:
    values = [run.metrics[metric] for run in runs if metric in run.metrics]
    return sum(values) / len(values) if values else math.nan


def _yes(true: bool) -> str:
    return "yes" if true else "no"


def cells_frame(cells: Sequence[Cell]) -> pd.DataFrame:
    """The observations behind every figure: a row per cell, with the digests by which runs pair and a column per measure
    that is scored once, empty where there is none.
    """
    rows = [
        {
            "arm": cell.arm,
            "seed": cell.seed,
            "state": cell.state,
            **(_observed(cell.run) if cell.finished else {}),
        }
        for cell in cells
    ]
    names = sorted({name for row in rows for name in row if name.startswith(SCORED_ONCE)})
    return pd.DataFrame(rows, columns=["arm", "seed", "state", "run_id", *STATE_TAGS, *names])


def _observed(run) -> dict:
    scored = {name: value for name, value in run.metrics.items() if name.startswith(SCORED_ONCE)}
    return {"run_id": run.run_id} | {tag: run.tags.get(tag) for tag in STATE_TAGS} | scored


def missing_frame(cells: Sequence[Cell]) -> pd.DataFrame:
    """Cells without a finished run, why, and the command that fills each."""
    rows = [
        {
            "arm": cell.arm,
            "seed": cell.seed,
            "state": cell.state,
            "reason": cell.reason,
            "run_id": cell.run.run_id if cell.run else "",
            "command": cell.command,
        }
        for cell in cells
        if not cell.finished
    ]
    return pd.DataFrame(rows, columns=["arm", "seed", "state", "reason", "run_id", "command"])


def to_csv(frame: pd.DataFrame) -> str:
    """Ten digits, an empty field for what is not known; the same frame gives the same bytes."""
    return frame.to_csv(index=False, float_format=DIGITS, lineterminator="\n")


def page_frame(results: Sequence[ArmResult]) -> pd.DataFrame:
    """The columns that a reader needs, in words; p of the primary measure are Holm-corrected."""
    return pd.DataFrame([_page_row(result) for result in results])


def _page_row(result: ArmResult) -> dict:
    made, gate = result.comparison, result.gate
    plain = "" if result.primary else ", uncorrected"
    return {
        "arm": result.arm,
        "runs": len(result.values),
        result.measure.name: _with_interval(result.mean, result.interval, "{:.4f}"),
        "difference": _with_interval(made.mean, made.interval, "{:+.4f}") if made else "",
        f"p{plain}": _p(made.p_t_holm if result.primary else made.p_t) if made else "",
        f"TOST p{plain}": _p(made.p_tost_holm if result.primary else made.p_tost) if made else "",
        "collapsed": f"{gate.collapsed} of {gate.runs}",
        "spread": _share(result),
        "verdict": result.verdict,
    }


def _share(result: ArmResult) -> str:
    validity = _validity(result)
    spread, target = validity["spread"], validity["target_spread"]
    return f"{spread / target:.1%}" if target > 0 and not math.isnan(spread) else ""


def _with_interval(value: float, interval: tuple[float, float], form: str) -> str:
    if math.isnan(value):
        return ""
    told = form.format(value)
    if math.isnan(interval[0]):
        return told
    return f"{told} [{form.format(interval[0])}, {form.format(interval[1])}]"


def _p(value: float) -> str:
    if math.isnan(value):
        return ""
    return "< .001" if value < 0.001 else f"{value:.3f}".replace("0.", ".", 1)


def page_table(
    results: Sequence[ArmResult], style: str = "simple", columns: Sequence[str] | None = None
) -> str:
    """As text, in a style that `tabulate` knows; all columns, or those named."""
    frame = page_frame(results).filter(columns) if columns else page_frame(results)
    return tabulate(frame, headers="keys", showindex=False, tablefmt=style, disable_numparse=True)


LEGEND = (
    "difference: to the baseline, seed by seed, with its 95 % interval. p, TOST p: of a difference and of "
    "equivalence, Holm-corrected. spread: of the predicted images, of what the targets' is."
)


def notes(results: Sequence[ArmResult]) -> list[str]:
    """What stands beside the verdicts, one line per arm."""
    return [f"{result.arm}: {result.note}" for result in results if result.note]
