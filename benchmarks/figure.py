"""The speed figure of the docs: `python -m benchmarks.figure epoch.json scaling.json docs/speed.png`"""

import json
import sys
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

PLAIN, OURS, FLOOR = "#999999", "#0072B2", "#D55E00"
CURVES = {"epoch": ("an epoch of training", OURS), "prepare": ("preparing, once", FLOOR)}
NAMES = {"plain": "plain", "exact": "ours", "bf16": "ours, bf16"}


def speed_figure(epoch: dict, scaling: dict) -> Figure:
    """Left: an epoch per 100 stories beside its arithmetic; right: what a story costs in few and in many."""
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_epochs(left, epoch)
    _draw_scaling(right, scaling)
    return figure


def _draw_epochs(axes: Axes, epoch: dict) -> None:
    per_100 = {name: 100 * s / epoch["stories"] for name, s in epoch["seconds"].items()}
    bars = axes.barh(
        [NAMES[name] for name in per_100],
        list(per_100.values()),
        color=[PLAIN if name == "plain" else OURS for name in per_100],
    )
    axes.bar_label(bars, fmt="%.2f s", padding=6, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    floor = per_100["exact"] / epoch["ratio_floor"]
    axes.axvline(floor, color=FLOOR, linestyle="--")
    axes.text(floor + 0.1, 0, f"arithmetic alone: {floor:.2f} s", color=FLOOR, va="center", fontweight="bold")
    axes.patches[0].set_alpha(0.5)
    axes.set_xlim(0, 1.2 * max(per_100.values()))
    axes.invert_yaxis()
    threads = "one thread" if epoch["threads"] == 1 else f"{epoch['threads']} threads"
    axes.set_title(f"an epoch of {epoch['arm'].partition('-')[0]}, {threads}")
    axes.set_xlabel("seconds per 100 stories")


def _draw_scaling(axes: Axes, scaling: dict) -> None:
    rows = scaling["rows"]
    stories = [row["stories"] for row in rows]
    curves = {name: [row[f"{name}_milliseconds_per_story"] for row in rows] for name in CURVES}
    lower = min(curves, key=lambda name: curves[name][-1])
    for name, values in curves.items():
        label, colour = CURVES[name]
        offset, edge = (-10, "top") if name == lower else (10, "bottom")
        axes.plot(stories, values, "o-", color=colour)
        axes.annotate(
            label,
            (stories[-1], values[-1]),
            (0, offset),
            textcoords="offset points",
            color=colour,
            fontweight="bold",
            ha="right",
            va=edge,
        )
    axes.set_ylim(0, 1.2 * max(map(max, curves.values())))
    axes.set_xlim(0, None)
    axes.set_title("cost of a story in few and in many")
    axes.set_xlabel("stories")
    axes.set_ylabel("milliseconds per story")


def main() -> None:
    epoch, scaling, to = map(Path, sys.argv[1:])
    figure = speed_figure(json.loads(epoch.read_text()), json.loads(scaling.read_text()))
    figure.savefig(to, dpi=130)


if __name__ == "__main__":
    main()
