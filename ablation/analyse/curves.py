"""Loss curves: a panel an arm, a line a seed, the floor drawn in."""

from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ablation.analyse.figures import is_step
from ablation.analyse.judge import ArmResult
from ablation.analyse.palette import ARM, BASELINE, BEST, FLOOR, STYLE
from ablation.config.metrics import IMAGE, LOSSES, TEXT, Loss

MOST_PANELS, PER_LINE = 12, 4
WIDTH, HEIGHT = 2.3, 1.9
"""Inches, of a panel."""

CURVES = {part: LOSSES[part] for part in (IMAGE, TEXT, "total")}
HISTORIES = [f"{split}/{curve.name}" for split in ("train", "val") for curve in CURVES.values()]
"""The metrics that are read for them."""
Histories = Mapping[tuple[str, str], Mapping[int, float]]
"""(run id, metric) to epoch to value."""


@matplotlib.rc_context(STYLE)
def curve_figures(rows: Sequence[ArmResult], histories: Histories) -> dict[str, Figure]:
    """`curves_image` and so on, of at most `MOST_PANELS` arms (see `panels`); none of a loss that no run has."""
    shown = panels(rows)
    return {
        f"curves_{name}": _figure(shown, curve, histories)
        for name, curve in CURVES.items()
        if any(histories.get((run.run_id, f"val/{curve.name}")) for row in shown for run in row.runs)
    }


def panels(rows: Sequence[ArmResult]) -> list[ArmResult]:
    """All arms; of more than `MOST_PANELS` the baseline, the steps to the cure, and then the best."""
    there = [row for row in rows if row.values]
    if len(there) <= MOST_PANELS:
        return there
    first = [row for row in there if is_step(row, rows[0])][:MOST_PANELS]
    chosen = first + [row for row in ranked(there) if row not in first][: MOST_PANELS - len(first)]
    return [row for row in there if row in chosen]


def ranked(rows: Sequence[ArmResult]) -> list[ArmResult]:
    """The best mean first."""
    return sorted(rows, key=lambda row: row.mean if row.measure.lower_is_better else -row.mean)


def _figure(rows: Sequence[ArmResult], curve: Loss, histories: Histories) -> Figure:
    lines = -(-len(rows) // PER_LINE)
    columns = min(len(rows), PER_LINE)
    figure = Figure(figsize=(WIDTH * columns + 0.6, HEIGHT * lines + 0.7), layout="constrained")
    places = list(figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).flat)
    for axes, row in zip(places, rows, strict=False):
        _panel(axes, row, curve, histories)
    for axes in places[len(rows) :]:
        axes.set_visible(False)
    figure.supylabel(curve.words, fontsize="small")
    figure.supxlabel("epoch", fontsize="small")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), fontsize="small")
    figure.set_label("; ".join(_told(row, curve, histories) for row in rows))
    return figure


def _told(row: ArmResult, curve: Loss, histories: Histories) -> str:
    """A panel in words, for who cannot see it."""
    curves = [histories.get((run.run_id, f"val/{curve.name}")) for run in row.runs]
    last = [points[max(points)] for points in curves if points]
    values = {"validation at the end": sum(last) / len(last)} if last else {}
    values |= {label: value for label, (value, _, _) in _references(row, curve).items()}
    return f"{row.arm}: " + (
        ", ".join(f"{label} {value:.4f}" for label, value in values.items()) or "nothing"
    )


def _references(row: ArmResult, curve: Loss) -> dict[str, tuple[float, str, str]]:
    """What stands beside a loss on validation: label to its mean over the runs, colour and style of line."""
    looks = {"floor": (curve.floor, FLOOR, "--"), "best possible": (curve.best, BEST, "-.")}
    found = {}
    for label, (name, colour, style) in looks.items():
        values = [run.metrics[f"floor/{name}"] for run in row.runs if f"floor/{name}" in run.metrics]
        if values:
            found[label] = (sum(values) / len(values), colour, style)
    return found


def _panel(axes: Axes, row: ArmResult, curve: Loss, histories: Histories) -> None:
    for number, run in enumerate(row.runs):
        for split, look in {"train": {"color": BASELINE, "ls": ":"}, "val": {"color": ARM}}.items():
            points = sorted(histories.get((run.run_id, f"{split}/{curve.name}"), {}).items())
            label = {"train": "training", "val": "validation"}[split] if number == 0 else None
            axes.plot(*zip(*points, strict=True), lw=1, alpha=0.8, label=label, **look) if points else None
    for label, (value, colour, style) in _references(row, curve).items():
        axes.axhline(value, color=colour, lw=1, ls=style, label=label)
    axes.set_title(row.arm, fontsize="small")
    axes.tick_params(labelsize="x-small")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.get_major_locator().set_params(integer=True)
