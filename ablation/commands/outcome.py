"""What a run reached against its floors, in words and as a table."""

from tabulate import tabulate

from ablation.analyse.gate import COLLAPSED_SHARE
from ablation.config.metrics import IMAGE, LOSSES, TEXT
from ablation.track.store import mlflow_version, tracking_uri, ui_address, ui_options

SATURATED = 0.5
HARDLY = 0.1
"""Of the targets' spread."""
NO_GAP = 0.01
"""Nats per token that are within what chance moves."""
HEAD = ("loss", "train", "val", "test", "val floor", "test floor", "val best", "test best")
MEANING = f"floor: {LOSSES[IMAGE].trivial}; {LOSSES[TEXT].trivial}."
BEST_MEANING = " best: what perfect understanding reaches."


def outcome_table(metrics: dict[str, float], style: str = "simple") -> str:
    """Losses of the best epoch between their floors and the best possible, then the spread."""
    columns = 6 + 2 * ("floor/image_oracle" in metrics)
    rows = []
    for part, loss in LOSSES.items():
        values = [metrics.get(f"{split}/{loss.name}") for split in ("train", "val", "test")]
        beside = [
            metrics.get(f"floor/{on}{name}") for name in (loss.floor, loss.best) for on in ("", "test_")
        ]
        if values[0] is not None:
            label = f"{part} ({loss.unit})" if loss.unit else part
            rows.append([label, *values, *beside][:columns])
    table = tabulate(rows, headers=HEAD[:columns], tablefmt=style, floatfmt=".4f", missingval="")
    return f"{table}\n\n{MEANING}{BEST_MEANING if columns > 6 else ''}"


def diagnosis(metrics: dict[str, float]) -> str:
    """One line: do picture and words depend on the story?"""
    return f"{_picture(metrics)} {_words(metrics)}"


def _picture(metrics: dict[str, float]) -> str:
    spread, target = metrics["health/prediction_spread"], metrics["health/target_spread"]
    numbers = f"spread {spread:.4f} against {target:.4f}"
    if not target:
        return "Whether the predicted images vary is not known: all validation windows end in one frame."
    if spread <= COLLAPSED_SHARE * target:
        return f"Predicts one constant image: {numbers}{_saturation(metrics)}."
    vary = f"The predicted images {'hardly ' * (spread < HARDLY * target)}vary with the story: {numbers}"
    own, test = metrics.get("health/image_skill"), metrics.get("health/test_image_skill")
    if own is None or test is None:
        return f"{vary}."
    meaning = "0 is a constant image, 1 cannot be beaten"
    return f"{vary}; skill {own:.2f}, on test {test:.2f} ({meaning})."


def _saturation(metrics: dict[str, float]) -> str:
    share = metrics.get("health/saturated_gates", 0.0)
    told = f"; {share:.0%} of the GRU's gates are saturated, so that it no longer hears its input"
    return told if share >= SATURATED else ""


def _words(metrics: dict[str, float]) -> str:
    gap = metrics.get("health/text_condition_gap")
    if gap is None:
        return "Whether the words use the story is not known: all validation windows are of one."
    if gap < NO_GAP:
        return f"The words ignore the story: another story's would cost {gap:+.4f} nats per token."
    return f"The words use the story: another story's would cost {gap:.3f} nats per token more."


def where_to_look(*pages: tuple[str, str]) -> str:
    """The command and the addresses that open pages of the MLflow UI, each with what it shows."""
    is_served = tracking_uri().startswith("http")
    first, width = "see it at" if is_served else "and open", max(len(label) for label, _ in pages)
    lines = [f"{label:{width}}  {ui_address()}/{page}" for label, page in pages]
    told = f"{first}  " + f"\n{' ' * (len(first) + 2)}".join(lines)
    if is_served:
        return told
    opening = f"mlflow ui{ui_options()}"
    return f"see it with  {opening}  (without MLflow installed: uvx --from mlflow=={mlflow_version()} {opening})\n{told}"
